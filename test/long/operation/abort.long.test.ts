// A canary that cannot become ready: its cause is named as soon as a pod (or its absence) says it, no user ever reaches it, and it is
// taken back by its deadline with that cause.
import type { V1Deployment, V1PodTemplateSpec } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apply } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { Scenario } from "../../e2e/scenario.ts";

const namespace = "abort";
const deadlineSeconds = 60;

let scenario: Scenario;
let good: V1PodTemplateSpec;

beforeAll(async () => {
  scenario = await Scenario.start(namespace, {
    provider: "gatewayapi:v1",
    rate: 5,
    spec: { progressDeadlineSeconds: deadlineSeconds },
  });
  const target = await getJson<V1Deployment>(["deploy", "podinfo", "-n", namespace]);
  good = target.spec!.template;
});

afterAll(() => scenario.end());

interface Case {
  is: string;
  change: (
    container: NonNullable<V1PodTemplateSpec["spec"]>["containers"][number],
    template: V1PodTemplateSpec,
  ) => void;
  said: RegExp;
  quota?: true;
}

const cases: Case[] = [
  {
    is: "an image that is nowhere",
    change: (container) => (container.image = "kubectl-canary.invalid/podinfo:9.9.9"),
    said: /container podinfod: (ErrImagePull|ImagePullBackOff)/,
  },
  {
    is: "a process that ends at once",
    change: (container) => (container.args = ["--no-such-flag"]),
    said: /container podinfod: (CrashLoopBackOff.*)?it ended with code [1-9]/,
  },
  {
    is: "a readiness probe that fails",
    change: (container) => {
      container.readinessProbe = {
        httpGet: { path: "/no-such-path", port: 9898 },
        periodSeconds: 1,
        failureThreshold: 3,
      };
    },
    said: /container podinfod: it runs, but its readiness probe \(GET \/no-such-path on port 9898\) fails/,
  },
  {
    is: "no node that takes it",
    change: (_, template) => (template.spec!.nodeSelector = { "no-such-node": "true" }),
    said: /cannot be scheduled: 0\/\d+ nodes are available/,
  },
  {
    is: "a quota that is used up",
    change: (container) => (container.env = [...(container.env ?? []), { name: "VERSION", value: "2" }]),
    said: /no pod can be made: .*exceeded quota: full/,
    quota: true,
  },
];

async function changeTo(template: V1PodTemplateSpec): Promise<void> {
  const patch = JSON.stringify([{ op: "replace", path: "/spec/template", value: template }]);
  await scenario.kubectl("patch", "deploy", "podinfo", "--type=json", "-p", patch);
}

describe("a canary with", () => {
  it.each(cases.map((one) => [one.is, one] as const))("%s", async (_, { change, said, quota }) => {
    const template = structuredClone(good);
    change(template.spec!.containers[0]!, template);
    const hard = { pods: "0" };
    const full = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "full", namespace }, spec: { hard } };
    if (quota) await apply([full]);
    const load = await scenario.load();
    await load.reset();
    await changeTo(template);
    const waiting = await scenario.until("the cause", ({ reason, run }) => !!run && said.test(reason ?? ""));
    expect([waiting.canaryWeight, await scenario.weight()]).toEqual([0, 0]);
    const ended = await scenario.phase("Failed");
    expect(ended.history?.[0]).toMatchObject({ outcome: "rejected" });
    expect(ended.history?.[0]?.cause).toMatch(said);
    expect(ended.history?.[0]?.cause).toContain(`not ready within ${deadlineSeconds / 60}m`);
    const told = (await scenario.events()).filter((message) => said.test(message));
    expect(told[0]).toContain("Halt podinfo.abort advancement: Waiting for 1 ready canary pod");
    expect(Object.keys((await load.counts()).byWorkload)).toEqual(["podinfo"]);
    if (quota) await scenario.kubectl("delete", "resourcequota", "full");
    await changeTo(good);
    await scenario.phase("Initialized");
  });
});
