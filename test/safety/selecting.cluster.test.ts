// What selects stable's pods and misses the canary's is said before a run, on a real API server and with the chart's own Roles.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { annotation } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { release } from "../chart/install.ts";
import { defineMonitors, selectingRows } from "../plugin/fixtures/selecting.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startArena, type Arena } from "./arena.ts";
import { Stage } from "./plays.ts";
import { Passing } from "./through.ts";

const namespace = "shop";
let arena: Arena;
let loop: Controller;
let stage: Stage;
let looks = 0;

beforeAll(async () => {
  arena = await startArena({ watchNamespaces: [namespace] });
  await defineMonitors(arena.cluster);
  stage = new Stage(arena.cluster, arena.node, namespace);
  await stage.set();
  await tier("web");
  await stage.rolledOut();
  const at = { identity: "one", leaseNamespace: release.namespace, namespace };
  loop = await arena.startController({ ...at, gate: new Passing() });
  const labels = { monitored: "yes" };
  const apex = { name: "podinfo", namespace };
  await arena.cluster.patch(resource.services, apex, { type: "merge", body: { metadata: { labels } } });
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
});
afterAll(async () => {
  await loop.stop();
  await arena.stop();
});

/** A label that a version may change. */
const tier = (value: string): Promise<unknown> =>
  arena.cluster.patch(
    resource.deployments,
    { name: "podinfo", namespace },
    { type: "merge", body: { spec: { template: { metadata: { labels: { tier: value } } } } } },
  );

/** Looks again: nothing about a Deployment beside it wakes a Canary. */
const touch = (): Promise<unknown> =>
  arena.cluster.patch(
    resource.canaries,
    { name: "podinfo", namespace },
    { type: "merge", body: { metadata: { annotations: { "example.org/look": String(++looks) } } } },
  );

/** Has the Canary looked at anew until its status is as wanted: a look may come before what it is to see. */
function untilLooked(what: string, met: (status: CanaryStatus) => boolean): Promise<CanaryStatus> {
  return waitFor(
    async () => {
      await touch();
      const status = await stage.status();
      return met(status) ? status : unmet(`${status.phase}: ${status.reason}`);
    },
    90_000,
    what,
    250,
  );
}

const said = (code: string, says: string): Promise<CanaryStatus> =>
  untilLooked(says, ({ blocked, warnings = [] }) =>
    [blocked?.code === code ? blocked.what : "", ...warnings].some((one) => one.includes(says)),
  );

const silent = (): Promise<CanaryStatus> =>
  untilLooked("nothing to be said", ({ blocked, warnings }) => !blocked && !warnings?.length);

describe("a status at rest", () => {
  it.each(Object.entries(selectingRows(namespace)))("names %s, until it is gone", async (_name, row) => {
    await silent();
    for (const { of, object } of row.objects) await arena.cluster.create(of, object);
    const { phase } = await said(row.code, row.says);
    expect(phase).toBe("Initialized");
    for (const { of, object } of row.objects) {
      const { metadata } = object as { metadata: { name: string } };
      await arena.cluster.delete(of, { name: metadata.name, namespace });
    }
    await silent();
  });
});

it("starts no run of a version that changes the label by which a NetworkPolicy selects", async () => {
  const of = resource.networkPolicies;
  const by = async (name: string, matchLabels: Record<string, string>, rules: object): Promise<void> => {
    const spec = { podSelector: { matchLabels }, ...rules };
    await arena.cluster.create(of, { metadata: { name, namespace }, spec });
  };
  await by("by-tier", { tier: "web" }, { ingress: [{ from: [{ podSelector: {} }] }] });
  // Whoever knows of this one knows of the one before it.
  await by("later", { app: "podinfo" }, { policyTypes: ["Egress"], egress: [{ to: [{ podSelector: {} }] }] });
  await said("network-policy-opens-canary", "NetworkPolicy later guards stable's pods");
  await arena.cluster.delete(of, { name: "later", namespace });
  await silent();
  await tier("api");
  const { phase } = await said("network-policy-opens-canary", "it selects by tier=web,");
  expect(phase).toBe("Initialized");
  await tier("web");
  await arena.cluster.delete(of, { name: "by-tier", namespace });
  await silent();
});

it("starts no run while a NetworkPolicy leaves the canary open, and does once the Canary says that it is meant so", async () => {
  const { objects, says, code } = selectingRows(namespace)["a NetworkPolicy alone"]!;
  for (const { of, object } of objects) await arena.cluster.create(of, object);
  await said(code, says);
  await stage.change("1.7.1");
  await stage.until("the change to be held", ({ phase, blocked, reason }) => {
    expect(phase).toBe("Initialized");
    return blocked?.code === code && (reason ?? "").includes("No run starts");
  });
  const annotations = { [annotation.acceptedPolicies]: "networkpolicy/callers" };
  const at = { name: "podinfo", namespace };
  await arena.cluster.patch(resource.canaries, at, { type: "merge", body: { metadata: { annotations } } });
  await stage.running("1.7.1");
});
