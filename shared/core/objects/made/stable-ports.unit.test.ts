import type { V1Container, V1Deployment, V1Service } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { aDeployment } from "../../../../test/builders.ts";
import { label } from "../names.ts";
import { leavesOf } from "../workload.ts";
import { portsDiffer } from "./stable-ports.ts";

const [before, after] = [9898, 9899];
const marked = { [label.target]: "uid-1" };
const held = { ...marked, [label.held]: "running" };
const leaf: V1Service = { spec: { ports: [{ port: 80, targetPort: before }] } };

function aTarget(container: Partial<V1Container>, labels: Record<string, string> = marked): V1Deployment {
  const { metadata, spec } = aDeployment();
  const template = { ...spec!.template, spec: { containers: [{ name: "podinfod", ...container }] } };
  return { metadata: { ...metadata, labels }, spec: { ...spec!, template } };
}

const declaring = (containerPort: number, labels = marked): V1Deployment =>
  aTarget({ ports: [{ containerPort }] }, labels);

/** Where stable's leaf and the canary's lead once the apex leads to {@link after}. */
function targetPorts(target: V1Deployment, isSettled = false): unknown[] {
  const context = { canary: "c", uid: "u", apex: "podinfo", ports: [{ port: 80, targetPort: after }] };
  return leavesOf(target, context, { leaf, isSettled }).map(({ spec }) => spec?.ports?.[0]?.targetPort);
}

describe("stable's leaf", () => {
  it("keeps stable's port while a version with another is held; the canary's has the new one", () => {
    expect(targetPorts(declaring(after, held), true)).toEqual([before, after]);
    expect(targetPorts(aTarget({}, held), true)).toEqual([before, after]);
  });

  it("keeps it too where the Service is applied a moment before the Deployment", () => {
    expect(targetPorts(declaring(before), true)).toEqual([before, after]);
  });

  it("keeps it for a while where the pods name neither, for their Deployment may be the next that is applied", () => {
    expect(targetPorts(aTarget({}))).toEqual([before, after]);
    expect(targetPorts(aTarget({}), true)).toEqual([after, after]);
  });

  it.each<[string, Partial<V1Container>]>([
    ["readiness", { readinessProbe: { httpGet: { port: after } } }],
    ["liveness", { livenessProbe: { tcpSocket: { port: after } } }],
    ["startup", { startupProbe: { grpc: { port: after } } }],
  ])("follows at once where a %s probe asks the new port", (_which, container) => {
    expect(targetPorts(aTarget(container))).toEqual([after, after]);
  });

  it("keeps the port that a probe asks", () => {
    expect(targetPorts(aTarget({ readinessProbe: { httpGet: { port: before } } }), true)).toEqual([before, after]);
  });

  it.each([
    ["is promoted", label.promoting],
    ["goes out by break-glass", label.bypass],
  ])("has the new port at once when the version %s", (_how, mark) => {
    expect(targetPorts(aTarget({}, { ...marked, [mark]: "" }))).toEqual([after, after]);
  });

  it("has the new port once the version is promoted", () => {
    expect(targetPorts(declaring(after))).toEqual([after, after]);
  });
});

describe("a difference", () => {
  it.each([
    [after, leaf, true],
    [before, leaf, false],
    [after, undefined, false],
    [after, { spec: { ports: [{ port: 81, targetPort: before }] } }, false],
  ])("of the apex' port %d to %j: %s", (targetPort, found, is) => {
    expect(portsDiffer([{ port: 80, targetPort }], found)).toBe(is);
  });
});
