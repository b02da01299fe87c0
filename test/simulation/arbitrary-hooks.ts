/** Webhooks of every type, where a run may stand at them, and what they may have answered, for property tests. */
import fc from "fast-check";
import { gateTypes, hookTypes } from "../../shared/core/objects/hook-types.ts";
import type { Gate } from "../../shared/core/state.ts";
import { start } from "../builders.ts";
import { aHook } from "./hooks.ts";

const time = fc.constantFrom(-60_000, -10_000, -1, 0, 1, 10_000).map((ms) => start + ms);

export const hooksOfEachType = hookTypes.map((type) => aHook(type));

export const anyHooks = fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.subarray(hooksOfEachType));

export const anyPauses = fc.constantFrom([], [{ weight: 0 }, { weight: 10, durationMs: 60_000 }, { weight: 50 }]);

export const anyGate: fc.Arbitrary<Gate> = fc
  .record({
    type: fc.constantFrom(...gateTypes),
    name: fc.constantFrom("qa", "50"),
    since: time,
    askAt: time,
    answer: fc.option(fc.constant("it answered 403"), { nil: undefined }),
  })
  .map(({ answer, ...gate }) => (answer === undefined ? gate : { ...gate, answer }));

export const anyPassed = fc.subarray([...hooksOfEachType.map(({ key }) => key), "confirm-traffic-increase/qa@1"]);

const anAnswer = fc.record({ askedAt: time, passed: fc.boolean(), what: fc.constant("it answered") });

export const anyAnswers = fc
  .subarray(hooksOfEachType)
  .chain((hooks) => fc.record(Object.fromEntries(hooks.map(({ key }) => [key, anAnswer]))));
