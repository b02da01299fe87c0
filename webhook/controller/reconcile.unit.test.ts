import { describe, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { unreadableCode, unreadableWords } from "../../shared/core/turn/turn.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { start } from "../../test/builders.ts";
import { givenApex, givenCanary, givenReplicaSet, givenTarget } from "../../test/given-objects.ts";
import { aReplica } from "../../test/a-replica.ts";

/** A Canary that was just applied, with its Deployment and Service. */
const given = [
  { of: resource.deployments, object: givenTarget() },
  { of: resource.replicaSets, object: givenReplicaSet() },
  { of: resource.services, object: givenApex() },
];
const fence = "replace Canary podinfo/status";
/** Nothing is held before these are there. */
const takeOver = ["create Service podinfo-primary", "create Service podinfo-canary", "create TrafficSplit podinfo"];

function throwing(error: Error): never {
  throw error;
}

describe("a look at a Canary", () => {
  it("saves what was decided before it does any of it", async () => {
    const { cluster, look } = await aReplica({ given });
    await look();
    expect(cluster.calls).toEqual([fence, ...takeOver]);
    expect(cluster.writes[0]?.body).toMatchObject({ metadata: { resourceVersion: "100" } });
  });

  it("does nothing where that cannot be saved", async () => {
    const { cluster, look } = await aReplica({ given });
    cluster.refuse(fence, new CanaryError("Conflict", "someone else was here"));
    await expect(look()).rejects.toMatchObject({ code: "Conflict" });
    expect(cluster.calls).toEqual([fence]);
  });

  it("does again what is due where there is nothing new to save", async () => {
    const first = await aReplica({ given });
    await first.look();
    const saved = first.cluster.writes[0]?.body as Canary;
    const successor = await aReplica({ given });
    await successor.look(saved);
    expect(successor.cluster.calls).toEqual(takeOver);
  });

  it.each(takeOver.map((call, index) => [call, index] as const))(
    "leaves undone what comes after a refused %s, and says so",
    async (refused, index) => {
      const { cluster, deps, look } = await aReplica({ given });
      cluster.refuse(refused, new CanaryError("Forbidden", "no room", { status: 403 }));
      expect(await look()).toMatchObject({ requeueAfterMs: 0 });
      expect(cluster.calls).toEqual([fence, ...takeOver.slice(0, index + 1)]);
      expect(deps.refusals.of("test/podinfo")?.what).toContain("no room");
    },
  );

  it.each([
    ["before it began", 0, []],
    ["before it was saved", 1, []],
    ["once it was saved", 2, [fence]],
    ["after the first action", 3, [fence, ...takeOver.slice(0, 2)]],
  ])("writes no more where the lead was lost %s", async (_when, leads, calls) => {
    const { cluster, look } = await aReplica({ given, leads });
    await expect(look()).rejects.toMatchObject({ code: "Conflict" });
    expect(cluster.calls).toEqual(calls);
  });
});

describe("a Canary that cannot be read", () => {
  const unreadable = (faults?: string): Canary => {
    const reasonCode = faults === undefined ? {} : { reasonCode: unreadableCode(faults), reason: "in other words" };
    const canary = givenCanary({ phase: "Initialized", canaryWeight: 0, ...reasonCode });
    return { ...canary, spec: { ...canary.spec, analysis: { interval: "soon" } } };
  };

  it("gives autoscalers back what it kept for a run that is over, when that is due", async () => {
    const floor = { replicas: 4, until: new Date(start + 60_000).toISOString() };
    const canary = unreadable();
    const held = { ...canary, status: { ...canary.status!, floor } };
    const early = await aReplica({ given });
    expect(await early.look(held)).toMatchObject({ requeueAfterMs: 60_000 });
    const { status } = early.cluster.writes[0]?.body as Canary;
    expect(status?.floor).toEqual(floor);
    const past = { ...floor, until: new Date(start).toISOString() };
    const late = await aReplica({ given });
    await late.look({ ...held, status: { ...status!, said: [], floor: past } });
    expect(late.cluster.calls).toEqual([fence]);
    expect((late.cluster.writes[0]?.body as Canary).status).not.toHaveProperty("floor");
  });

  it("is said in its status and an Event, and nothing is done", async () => {
    const { cluster, look } = await aReplica({ given });
    await look(unreadable());
    expect(cluster.calls).toEqual([fence, expect.stringMatching(/^create Event podinfo\./)]);
    const { reason = "", reasonCode } = (cluster.writes[0]?.body as Canary).status ?? {};
    const faults = reason.slice("The Canary cannot be read: ".length, -". Nothing goes forward.".length);
    expect([reason, reasonCode]).toEqual([unreadableWords(faults), unreadableCode(faults)]);
  });

  it("is said once for each fault, whatever the words", async () => {
    const first = await aReplica({ given });
    await first.look(unreadable());
    const said = (first.cluster.writes[0]?.body as Canary).status ?? {};
    const again = await aReplica({ given });
    const told = { ...unreadable(), status: { ...said, reason: "in other words", said: [] } };
    await again.look(told);
    expect(again.cluster.calls).toEqual([]);
    await again.look(unreadable("another fault"));
    expect(again.cluster.calls[0]).toBe(fence);
  });
});

describe("an object of a shape that nobody foresaw", () => {
  it("is said once in the status of its Canary, without what it holds, and the look is tried again", async () => {
    const { cluster, deps, look } = await aReplica({ given });
    deps.hooks = { ...deps.hooks, answers: () => throwing(new SyntaxError(`Unexpected token in "password"`)) };
    await expect(look()).rejects.toThrow(SyntaxError);
    expect(cluster.calls).toEqual([fence, expect.stringMatching(/^create Event podinfo\./)]);
    const { status } = cluster.writes[0]?.body as Canary;
    expect(status?.reason).toContain("a shape that this version does not know (SyntaxError)");
    expect(status?.next).toContain("the controller's log");
    await expect(look(givenCanary({ ...status!, said: [] }))).rejects.toThrow(SyntaxError);
    expect(cluster.calls).toHaveLength(2);
  });

  it("is not said where the API server is what failed", async () => {
    const { cluster, deps, look } = await aReplica({ given });
    deps.hooks = { ...deps.hooks, answers: () => throwing(new CanaryError("Unreachable", "it is away")) };
    await expect(look()).rejects.toThrow("it is away");
    expect(cluster.calls).toEqual([]);
  });
});

describe("an alert", () => {
  const rejected = {
    code: "rejected",
    severity: "error",
    message: "It failed.",
    fields: [],
    to: ["test/on-call"],
  } as const;
  const pending = { at: new Date(start - 1_000).toISOString(), ...rejected, fields: [], to: ["test/on-call"] };

  it("is saved before it is handed on, and handed on when the rest is done", async () => {
    const { cluster, deps, look } = await aReplica({ given });
    const handed: { at: number; calls: number }[] = [];
    const chart = { ...deps.alerts, chartAlerts: "info" as const };
    deps.alerts = {
      ...chart,
      submit: (_, alerts) => handed.push(...alerts.map(({ at }) => ({ at, calls: cluster.calls.length }))),
    };
    await look(givenCanary({ phase: "Initializing", alerts: [pending] }));
    expect(cluster.calls).toEqual([fence, ...takeOver]);
    expect(handed).toEqual([{ at: start - 1_000, calls: 1 + takeOver.length }]);
  });

  it("is handed on where the rest is refused too", async () => {
    const { cluster, deps, look } = await aReplica({ given });
    const handed: string[] = [];
    deps.alerts = { ...deps.alerts, submit: (_, alerts) => handed.push(...alerts.map(({ code }) => code)) };
    cluster.refuse(takeOver[0]!, new CanaryError("Unreachable", "it is away"));
    await expect(look(givenCanary({ phase: "Initializing", alerts: [pending] }))).rejects.toThrow();
    expect(handed).toEqual(["rejected"]);
  });

  it("is not in the status any more once it has arrived, also of a Canary that cannot be read", async () => {
    for (const spec of [givenCanary().spec, { ...givenCanary().spec, analysis: { interval: "soon" } }]) {
      const { cluster, deps, look } = await aReplica({ given });
      deps.alerts = { ...deps.alerts, deliveries: () => [{ at: start - 1_000, to: "test/on-call" }] };
      await look({ ...givenCanary({ phase: "Initialized", alerts: [pending] }), spec });
      const [written] = cluster.writes.filter(({ subresource }) => subresource === "status");
      expect(written?.body).not.toHaveProperty("status.alerts");
    }
  });
});
