// From Flagger and back, on a real API server with Kubernetes' own controllers: stopped after each write, and a namespace in one command.
import type { V1Deployment, V1EndpointSlice, V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { Reflector } from "../../shared/kube/reflector.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { leave, migrateIn, migratedLines, migrateMany } from "../migrate/on-cluster.ts";
import { startArena, type Arena } from "./arena.ts";
import { type Call, isWrite, Passing, through, type Gate, wordsOf } from "./through.ts";

let arena: Arena;
let loop: Controller;

beforeAll(async () => {
  arena = await startArena();
  loop = await arena.startController({
    identity: "one",
    leaseNamespace: "kubectl-canary",
    namespace: "",
    gate: new Passing(),
  });
});
afterAll(async () => {
  await loop.stop();
  await arena.stop();
});

/** Dies with the first write that has gone through, as by SIGKILL. */
class Dying implements Gate {
  readonly closed = new AbortController().signal;
  /** Writes that went through, and stand. */
  readonly did: string[] = [];
  async pass<T>(call: Call, send: () => Promise<T>): Promise<T> {
    const answer = await send();
    if (!isWrite(call) || call.verb === "create") return answer;
    this.did.push(wordsOf(call));
    throw new Error("killed");
  }
}

/** The writes that it was stopped after, one start each, up to the start that had nothing left to write. */
async function stoppedAtEach(namespace: string, { back }: { back: boolean }): Promise<string[]> {
  const did: string[] = [];
  for (;;) {
    const gate = new Dying();
    const ended = await migrateIn(through(arena.cluster, "", gate), namespace, { back }).catch(
      (error: unknown) => error,
    );
    did.push(...gate.did);
    if (gate.did.length > 0) continue;
    expect(ended).toMatchObject({ code: 0 });
    return did;
  }
}

/** Watches the endpoints of what users send to: never may one be without two ready pods. */
function watchEndpoints(cluster: Cluster, namespace: string, services: string[]) {
  const short: string[] = [];
  const slices: Reflector<V1EndpointSlice> = new Reflector<V1EndpointSlice>(
    { cluster, clock: systemClock, random: () => 0.5 },
    {
      resource: resource.endpointSlices,
      namespace,
      onChange: (old, now) => {
        const name = (now ?? old)?.metadata?.labels?.["kubernetes.io/service-name"] ?? "";
        const ready = (now?.endpoints ?? []).filter(({ conditions }) => conditions?.ready).length;
        const was = (old?.endpoints ?? []).filter(({ conditions }) => conditions?.ready).length;
        if (services.includes(name) && was >= 2 && ready < 2) short.push(`${name}: ${ready}`);
      },
    },
  );
  slices.start();
  return { short, stop: () => slices.stop() };
}

async function namesOf(cluster: Cluster, namespace: string): Promise<string[]> {
  const kinds = ["deployments", "services", "horizontalPodAutoscalers", "configMaps", "secrets"] as const;
  const lists = await Promise.all(kinds.map((kind) => cluster.list<V1Service>(resource[kind], { namespace })));
  return lists
    .flatMap(({ items }, index) => items.map(({ metadata }) => `${kinds[index]}/${metadata?.name}`))
    .filter((name) => name !== "configMaps/kube-root-ca.crt")
    .sort();
}

const after = [
  "configMaps/podinfo-settings",
  "deployments/podinfo",
  "horizontalPodAutoscalers/podinfo",
  "secrets/podinfo-token",
  "services/podinfo",
  "services/podinfo-canary",
  "services/podinfo-primary",
];

const canaryOf = (namespace: string): Promise<Canary> =>
  arena.cluster.get<Canary>(resource.canaries, { name: "podinfo", namespace });

const initialized = (namespace: string): Promise<Canary> =>
  waitFor(
    async () => {
      const canary = await canaryOf(namespace);
      return canary.status?.phase === "Initialized"
        ? canary
        : unmet(`${canary.status?.phase}: ${canary.status?.reason}`);
    },
    60_000,
    `initialization in ${namespace}`,
  );

it("goes on after each write that it is stopped at, and our controller takes over", async () => {
  const { cluster } = arena;
  const namespace = "stopped";
  await cluster.create(resource.namespaces, { metadata: { name: namespace } });
  await leave(cluster, { namespace });
  const watched = watchEndpoints(cluster, namespace, ["podinfo", "podinfo-primary"]);
  const did = await stoppedAtEach(namespace, { back: false });
  const floor = "replace canaries/status";
  expect(did.slice(0, 2)).toEqual(["replace deployments", floor]);
  // The controller has a say in the status too, and may take it for one of a target that is switched off still.
  expect(did.filter((write) => write !== floor)).toEqual([
    "replace deployments",
    "replace services",
    "replace services",
    "replace trafficsplits",
    "replace services",
    "replace canaries",
    "delete horizontalpodautoscalers",
    "delete deployments",
    "delete configmaps",
    "delete secrets",
  ]);
  const { status, metadata } = await initialized(namespace);
  expect(status?.stable?.images).toEqual({ podinfod: "podinfo:1.7.0" });
  expect(metadata.finalizers ?? []).toEqual([]);
  await watched.stop();
  expect(watched.short).toEqual([]);
  expect(await namesOf(cluster, namespace)).toEqual(after);
  expect(await migrateIn(cluster, namespace)).toMatchObject({
    code: 0,
    out: "podinfo: nothing of Flagger's is left: nothing to do\n",
  });
});

it("goes back, stopped at each write too, leaves what Flagger takes for new, and comes again", async () => {
  const { cluster } = arena;
  const namespace = "stopped";
  const watched = watchEndpoints(cluster, namespace, ["podinfo"]);
  expect(await stoppedAtEach(namespace, { back: true })).toEqual(["replace canaries", "replace canaries/status"]);
  await watched.stop();
  expect(watched.short).toEqual([]);
  const { status, metadata } = await canaryOf(namespace);
  expect(status ?? {}).toEqual({});
  expect(metadata.annotations).toMatchObject({ "kubectl-canary.io/left-to": "flagger" });
  const target = await cluster.get<V1Deployment>(resource.deployments, { name: "podinfo", namespace });
  expect(Object.keys(target.metadata?.labels ?? {})).toEqual(["app"]);
  expect(await namesOf(cluster, namespace)).toEqual(after.filter((name) => !/podinfo-(canary|primary)$/.test(name)));
  expect(await migrateIn(cluster, namespace)).toMatchObject({ code: 0 });
  await initialized(namespace);
});

it("takes a namespace in one command, with HTTPRoutes and apexes of the users', and says how far it is", async () => {
  const { code, lines, names, left } = await migrateMany(arena.cluster, "eight", 8);
  expect({ code, lines: lines.map((line) => line.replace(/shop-\d\d/, "NAME")) }).toEqual({
    code: 0,
    lines: migratedLines(8),
  });
  expect(left).toEqual(names);
});
