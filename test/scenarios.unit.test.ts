/**
 * Whole runs as golden transcripts in `test/scenarios/`, for people to read and to review when they change.
 * `UPDATE=1 npx vitest run --project unit test/scenarios.unit.test.ts` rewrites them.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { outcomeOf, play } from "./simulation/play.ts";
import { scripts } from "./simulation/scripts.ts";
import { transcriptOf } from "./simulation/transcript.ts";

const folder = new URL("./scenarios/", import.meta.url);
const update = process.env["UPDATE"] !== undefined;

describe("the transcript", () => {
  it.each(Object.entries(scripts))("of %s is as it was reviewed", (name, script) => {
    const transcript = transcriptOf(script.title, play(script), name === "promote" ? "initialization" : "first cue");
    const file = new URL(`${name}.txt`, folder);
    if (update) writeFileSync(file, transcript);
    expect(transcript).toBe(readFileSync(file, "utf8"));
  });

  it("exists for no run that is played no more", () => {
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(scripts)
        .map((name) => `${name}.txt`)
        .sort(),
    );
  });
});

describe("a whole run", () => {
  it.each(Object.entries(scripts))("(%s) breaks no promise on its way", (_, script) => {
    expect(play(script).world.violations).toEqual([]);
  });

  it.each(Object.entries(scripts))("(%s) rests with all traffic on stable and no canary pod", (_, script) => {
    const { world, state } = play(script);
    expect(state.run).toBeUndefined();
    expect(world.route?.weight ?? 0).toBe(0);
    expect(world.canary?.replicas ?? 0).toBe(0);
    expect(new Set(world.target.pods.map((pod) => `pod${pod.tag}`))).toEqual(new Set([state.stable?.podTemplateHash]));
    expect(world.target.promoting).toBeUndefined();
  });

  it.each(Object.entries(scripts))("(%s) is decided no further once it rests", (_, script) => {
    const { turns } = play(script);
    const last = turns.findLast((entry) => entry.kind === "turn");
    expect(last?.turn.decision).toMatchObject({ actions: [], events: [], state: last?.turn.before });
  });
});

/** Runs that end in another way when the controller is away while something else happens in them have none. */
const ends = Object.entries(scripts).map(([name, script]) => [name, script, play(script)] as const);

describe("a controller that is stopped before any one of its actions", () => {
  it.each(ends)("and starts again at once reaches the same end (%s)", (_, script, whole) => {
    for (let beforeAction = 0; beforeAction < whole.performed; beforeAction++) {
      const again = play(script, { beforeAction, awayMs: 0 });
      expect(outcomeOf(again), `stopped before action ${beforeAction}`).toEqual(outcomeOf(whole));
      expect(again.world.violations, `stopped before action ${beforeAction}`).toEqual([]);
    }
  });

  it.each([0, 20_000])("and is away for %i ms gives every step its weight for a whole interval", (awayMs) => {
    const whole = play(scripts["promote"]!);
    for (let beforeAction = 0; beforeAction < whole.performed; beforeAction++) {
      const { weights } = play(scripts["promote"]!, { beforeAction, awayMs }).world;
      expect(weights.map((set) => set.weight)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 0]);
      weights.slice(1).forEach((set, index) => {
        expect(set.at - weights[index]!.at, `weight ${weights[index]!.weight}`).toBeGreaterThanOrEqual(10_000);
      });
    }
  });

  it.each(ends)("and is away for 20s breaks no promise and leaves nothing behind (%s)", (_, script, whole) => {
    for (let beforeAction = 0; beforeAction < whole.performed; beforeAction++) {
      const { state, world } = play(script, { beforeAction, awayMs: 20_000 });
      expect(world.violations, `stopped before action ${beforeAction}`).toEqual([]);
      expect(state.phase, `stopped before action ${beforeAction}`).toBe(whole.state.phase);
      expect([state.run, world.route?.weight, world.canary?.replicas ?? 0]).toEqual([undefined, 0, 0]);
    }
  });
});
