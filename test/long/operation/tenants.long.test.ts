// Ten minutes of a hostile tenant, and of a pod without rights that posts to the webhook, beside twenty healthy canaries: those are
// promoted and rolled back on time, nothing of theirs is deleted or revealed, and admission goes on answering as soon as without them. On
// an API server of its own; the tenant, admission and the user who waits for it are processes of their own. The tenant and the controller
// are not where the API server is, and here they give way to it. TENANTS_SECONDS and HEALTHY make it shorter.
import type { V1Deployment } from "@kubernetes/client-node";
import { constants, setPriority } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { label } from "../../../shared/core/objects/names.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Controller } from "../../../webhook/controller/controller.ts";
import { quantile } from "../../../shared/core/plan/statistics.ts";
import { defineOthers } from "../../bench/fleet/place.ts";
import type { ServedTimes } from "../../safety/admission.ts";
import { startArena, type Arena } from "../../safety/arena.ts";
import { createMallory, webhooksOf, type Counts } from "../../safety/mallory.ts";
import { Stage } from "../../safety/plays.ts";
import { startProgram } from "../../safety/programs/start.ts";
import { Passing } from "../../safety/through.ts";

const { priority } = constants;
const lastsMs = Number(process.env["TENANTS_SECONDS"] ?? 600) * 1_000;
const healthy = Number(process.env["HEALTHY"] ?? 20);
/** Stands in the healthy namespaces only. */
const secret = "a-word-of-somebody-else";

let arena: Arena;
let loop: Controller;
let stages: Stage[];

beforeAll(async () => {
  arena = await startArena({ isAdmissionApart: true });
  await defineOthers(arena.cluster);
  const allowedAddresses = ["127.0.0.1"]; // Else the liar would never be asked.
  const everywhere = {
    identity: "one",
    leaseNamespace: "default",
    namespace: "",
    gate: new Passing(),
    allowedAddresses,
  };
  setPriority(priority.PRIORITY_BELOW_NORMAL);
  loop = await arena.startController(everywhere);
  stages = Array.from({ length: healthy }, (_, index) => new Stage(arena.cluster, arena.node, `healthy-${index}`));
  await Promise.all(stages.map((stage) => stage.set()));
  await Promise.all(stages.map((stage) => stage.until("initialization", ({ phase }) => phase === "Initialized")));
}, 300_000);
afterAll(async () => {
  await loop.stop();
  await arena.stop();
});

/** What a user waits for whose change is reviewed, ms. */
function reviewed(forMs: number): Promise<number[]> {
  const args = [arena.kubeConfig(), stages[0]?.namespace ?? "", String(forMs)];
  return startProgram<number[]>("review", args, { priority: priority.PRIORITY_NORMAL }).said;
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

/** One after the other, each as long in all as any other. */
function partsOf(took: readonly number[], count: number): number[][] {
  const each = took.reduce((sum, ms) => sum + ms, 0) / count;
  const parts = Array.from({ length: count }, (): number[] => []);
  let passed = 0;
  for (const ms of took) {
    parts[Math.min(count - 1, Math.floor(passed / each))]?.push(ms);
    passed += ms;
  }
  return parts;
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
  const token = await createMallory(arena.cluster);
  const quietMs = lastsMs / 5;
  const ending = AbortSignal.timeout(quietMs + lastsMs);
  const living = Promise.all(stages.map((stage) => live(stage, ending)));
  // Without the tenant first, but with all that the healthy ones do.
  await arena.reviewTimes?.();
  const quiet = await reviewed(quietMs);
  const quietWithin = await arena.reviewTimes?.();
  const where = [JSON.stringify(await webhooksOf(arena.cluster)), stages[0]?.namespace ?? ""];
  const args = [arena.kubeConfig(token), ...where, String(lastsMs)];
  const mallory = startProgram<Counts>("attack", args, { priority: priority.PRIORITY_LOW });
  const [counts, loud, runs] = await Promise.all([mallory.said, reviewed(lastsMs), living]);
  const loudWithin = await arena.reviewTimes?.();
  expect(Math.min(...runs)).toBeGreaterThan(0);
  expect(await uids()).toEqual(before);
  const read = arena.as(token);
  const kinds = [resource.canaries, resource.events, resource.deployments];
  const said = await Promise.all(kinds.map((kind) => read.list(kind, { namespace: "mallory" })));
  expect(JSON.stringify(said)).not.toContain(secret);
  const p99 = (took: number[]): string => `${quantile(took, 0.99).toFixed(0)} ms of ${took.length}`;
  const more = quantile(loud, 0.99) / quantile(quiet, 0.99);
  process.stdout.write(`${runs.reduce((sum, count) => sum + count, 0)} runs of ${healthy} canaries\n`);
  process.stdout.write(
    `admission p99: quiet ${p99(quiet)}, beside the tenant ${p99(loud)}: ${more.toFixed(2)} times\n`,
  );
  const fifths = partsOf(loud, 5).map((part) => quantile(part, 0.99).toFixed(0));
  process.stdout.write(`  in each fifth of the time beside the tenant: ${fifths.join(", ")} ms\n`);
  const within = (times: ServedTimes | undefined): string =>
    times ? `${p99(times.took)}, its event loop late by ${times.loopDelayP99.toFixed(0)} ms` : "not known";
  process.stdout.write(
    `  of that within the webhook: quiet ${within(quietWithin)}; beside the tenant ${within(loudWithin)}\n`,
  );
  for (const [act, { tried, let: done, why = "" }] of counts)
    process.stdout.write(`  ${act}: ${done} of ${tried} let ${done === 0 ? why : ""}\n`);
});
