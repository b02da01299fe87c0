/** Callers that ignore a new route are named at rest too, and taken off the list once they were restarted. */
import { describe, expect, it } from "vitest";
import { anObservation, aPolicy, aState, start } from "../../../test/builders.ts";
import { decide } from "../decide.ts";

const load = { pod: "test/load-6b4c8f7d5-x2x7p", workload: "deployment/load" };
const later = start + 3_600_000;
const resting = aState({ phase: "Succeeded", runs: 1 });

describe("callers at rest", () => {
  it("are named with the command that restarts them, each once", () => {
    const { state, events, requeueAfterMs } = decide(
      resting,
      anObservation({ now: later, staleCallers: [load] }),
      aPolicy(),
    );
    expect(state).toMatchObject({ phase: "Succeeded", staleCallers: [load] });
    expect(events.map(({ message }) => message)).toEqual([
      "test/load-6b4c8f7d5-x2x7p called podinfo before its route was there and will ignore it until restarted once: kubectl -n test rollout restart deploy/load",
    ]);
    expect(requeueAfterMs).toBe(5_000);
    const again = decide(state, anObservation({ now: later + 5_000, staleCallers: [load] }), aPolicy());
    expect(again.events).toEqual([]);
    const restarted = decide(state, anObservation({ now: later + 9_000, staleCallers: [] }), aPolicy());
    expect(restarted.state.staleCallers).toEqual([]);
  });
});
