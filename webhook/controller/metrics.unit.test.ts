import { describe, expect, it } from "vitest";
import type { WaitCause } from "../../shared/core/objects/wait-causes.ts";
import type { CanaryState } from "../../shared/core/state.ts";
import { aPolicy, aRunningState, aState } from "../../test/builders.ts";
import { givenCanary } from "../../test/given-objects.ts";
import { createRecorder } from "../telemetry/recorder.ts";
import { createControllerMetrics } from "./metrics.ts";

/** Series of `kubectl_canary_waiting` after a look that ended in `state`. */
async function waiting(...states: CanaryState[]): Promise<string[]> {
  const recorder = createRecorder({ version: "0.1.0", meshProvider: "auto" });
  const metrics = createControllerMetrics(recorder);
  for (const state of states) {
    const decision = { state, actions: [], events: [], questions: [] };
    metrics.decided({ canary: givenCanary(), policy: aPolicy(), before: aState(), decision });
  }
  const { body } = await recorder.text();
  return [...body.matchAll(/^kubectl_canary_waiting\{.*?cause="(.*?)",kind="(.*?)"\} 1$/gm)].map(
    ([, cause, kind]) => `${cause} ${kind}`,
  );
}

const held = (wait: WaitCause): CanaryState => aRunningState(20, { wait });

describe("why a run waits, as a scrape sees it", () => {
  it.each([
    ["paused", "paused person"],
    ["gate", "gate person"],
    ["timed-pause", "timed-pause time"],
    ["cannot-ask", "cannot-ask outage"],
    ["no-numbers", "no-numbers evidence"],
  ] as const)("%s", async (wait, series) => {
    expect(await waiting(held(wait))).toEqual([series]);
  });

  it("is over when it moves again, and when it goes back", async () => {
    expect(await waiting(held("gate"), aRunningState(20))).toEqual([]);
    const ending = { outcome: "rejected", cause: "someone said so" } as const;
    expect(await waiting(held("gate"), aRunningState(0, { wait: "gate", ending }))).toEqual([]);
  });
});
