/**
 * The controller's loop through all that may happen to it: a cluster that cannot be asked yet, a definition that would drop what we
 * write, a kind of route that is installed later. Admission knows nothing of it: what it waits for is in the log, the metrics and the Lease.
 */
import type { Logger } from "pino";
import { backoffMs } from "../shared/kube/backoff.ts";
import { pause } from "../shared/kube/clock.ts";
import { messageOf } from "../shared/kube/errors.ts";
import { startController, type Controller, type ControllerDeps } from "./controller/controller.ts";
import { definitionLost, requireDefinition } from "./crd-check.ts";

export interface LoopsDeps extends Omit<ControllerDeps, "log"> {
  log: Logger;
  /** Aborts on SIGTERM. */
  ending: AbortSignal;
}

/** What runs at the moment; nothing while a loop is being started or waited for. */
export interface Running {
  loop?: Controller;
}

/** One loop after the other, until `ending`: what a loop watches is settled when it starts. Never rejects. */
export async function runLoops(deps: LoopsDeps, running: Running): Promise<void> {
  const { ending, log } = deps;
  while (!ending.aborted) {
    const loop = await startedLoop(deps);
    if (!loop) return;
    running.loop = loop;
    const reason = await whyAnother(deps, loop);
    if (!ending.aborted) log.warn({ reason }, "the loop is started anew");
    await loop.stop();
    if (!ending.aborted) delete running.loop;
  }
}

// --- internal ---

/** Waits as long as the loop is of use. */
async function whyAnother(deps: LoopsDeps, loop: Controller): Promise<string | undefined> {
  const over = new AbortController();
  const ending = AbortSignal.any([deps.ending, over.signal]);
  try {
    return await Promise.race([loop.outlived(ending), definitionLost(deps, ending)]);
  } finally {
    over.abort();
  }
}

/** Goes on trying: a crash loop would only make the wait longer, and take admission away. */
async function startedLoop(deps: LoopsDeps): Promise<Controller | undefined> {
  const { cluster, clock, log, random, ending } = deps;
  for (let failures = 1; !ending.aborted; failures++) {
    try {
      await requireDefinition(cluster);
      return await startController(deps);
    } catch (error) {
      const waitMs = backoffMs({ firstMs: 500, capMs: 15_000 }, failures, random);
      log.error({ reason: messageOf(error), waitMs }, "the loop could not start");
      await pause(clock, waitMs, ending);
    }
  }
  return undefined;
}
