// Ten minutes of a hostile tenant, and of a pod without rights that posts to the webhook, beside twenty healthy canaries: those are
// promoted and rolled back on time, nothing of theirs is deleted or revealed, and admission goes on answering. On an API server of its
// own. Shorter: TENANTS_SECONDS, HEALTHY.
import type { V1Deployment } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { label } from "../../../shared/core/objects/names.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Controller } from "../../../webhook/controller/controller.ts";
import { timed } from "../../bench/measure.ts";
import { quantile } from "../../../shared/core/plan/statistics.ts";
import { startArena, type Arena } from "../../safety/arena.ts";
import { attack, createMallory, webhooksOf } from "../../safety/mallory.ts";
import { Stage } from "../../safety/plays.ts";
import { Passing } from "../../safety/through.ts";

const lastsMs = Number(process.env["TENANTS_SECONDS"] ?? 600) * 1_000;
const healthy = Number(process.env["HEALTHY"] ?? 20);
/** Stands in the healthy namespaces only. */
const secret = "a-word-of-somebody-else";

let arena: Arena;
let loop: Controller;
let stages: Stage[];

beforeAll(async () => {
  arena = await startArena();
  const everywhere = { identity: "one", leaseNamespace: "default", namespace: "", gate: new Passing() };
  loop = await arena.startController(everywhere);
  stages = Array.from({ length: healthy }, (_, index) => new Stage(arena.cluster, arena.node, `healthy-${index}`));
  await Promise.all(stages.map((stage) => stage.set()));
  await Promise.all(stages.map((stage) => stage.until("initialization", ({ phase }) => phase === "Initialized")));
}, 300_000);
afterAll(async () => {
  await loop.stop();
  await arena.stop();
});

/** A change is refused while a promotion is under way: that is an answer too. */
const refused = (error: unknown): void => {
  if (!hasCode(error, "Forbidden", "Invalid", "Conflict", "Unexpected")) throw error;
};

/** What a user waits for whose change is reviewed. */
async function reviewed(until: AbortSignal): Promise<number[]> {
  const took: number[] = [];
  const at = { name: "podinfo", namespace: stages[0]?.namespace ?? "" };
  while (!until.aborted) {
    const body = { spec: { template: { metadata: { annotations: { "example.org/at": String(took.length) } } } } };
    const ask = (): Promise<unknown> =>
      arena.cluster.patch(resource.deployments, at, { type: "merge", body, dryRun: true }).catch(refused);
    took.push(await timed(ask));
  }
  return took;
}

/** The mark of a promotion goes a moment after it ended. */
function settled(stage: Stage): Promise<void> {
  return waitFor(
    async () => {
      const { metadata } = await stage.target();
      return label.promoting in (metadata?.labels ?? {}) ? unmet("marked as promoting") : undefined;
    },
    90_000,
    `the target to be settled in ${stage.namespace}`,
  );
}

/** One run after the other, promoted and rolled back by turns; each wait has a deadline of its own. */
async function live(stage: Stage, until: AbortSignal): Promise<number> {
  let runs = 0;
  for (; !until.aborted; runs += 1) {
    await stage.change("1.7.1", `${secret}-${runs}`);
    await stage.running("1.7.1");
    await stage.command(runs % 2 === 0 ? "promote" : "rollback");
    const phase = runs % 2 === 0 ? "Succeeded" : "Failed";
    await stage.until(`the end of run ${runs}`, (status) => status.phase === phase && status.run === undefined);
    await settled(stage);
  }
  return runs;
}

const uids = async (): Promise<string[]> => {
  const kinds = [resource.deployments, resource.services, resource.canaries];
  const all = await Promise.all(
    stages.flatMap(({ namespace }) =>
      kinds.map((kind) => arena.cluster.get<V1Deployment>(kind, { namespace, name: "podinfo" })),
    ),
  );
  return all.map(({ metadata }) => metadata?.uid ?? "");
};

it("a hostile tenant stops nobody else", async () => {
  const before = await uids();
  const quiet = await reviewed(AbortSignal.timeout(Math.min(15_000, lastsMs / 4)));
  const token = await createMallory(arena.cluster);
  const mallory = {
    cluster: arena.as(token),
    webhooks: await webhooksOf(arena.cluster),
    victim: stages[0]?.namespace ?? "",
    random: Math.random,
  };
  const ending = AbortSignal.timeout(lastsMs);
  const [counts, loud, ...runs] = await Promise.all([
    attack(mallory, ending),
    reviewed(ending),
    ...stages.map((stage) => live(stage, ending)),
  ]);
  expect(Math.min(...runs)).toBeGreaterThan(0);
  expect(await uids()).toEqual(before);
  const said = await Promise.all([
    mallory.cluster.list(resource.canaries, { namespace: "mallory" }),
    mallory.cluster.list(resource.events, { namespace: "mallory" }),
    mallory.cluster.list(resource.deployments, { namespace: "mallory" }),
  ]);
  expect(JSON.stringify(said)).not.toContain(secret);
  const p99 = (took: number[]): string => `${quantile(took, 0.99).toFixed(0)} ms of ${took.length}`;
  process.stdout.write(`${runs.reduce((sum, count) => sum + count, 0)} runs of ${healthy} canaries\n`);
  process.stdout.write(`admission p99: quiet ${p99(quiet)}, beside the tenant ${p99(loud)}\n`);
  for (const [act, { tried, let: done }] of counts) process.stdout.write(`  ${act}: ${done} of ${tried} let\n`);
});
