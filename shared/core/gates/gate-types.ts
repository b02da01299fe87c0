/**
 * Each type of webhook: when it is asked, and what its answer comes to. To add one, add it here and in `objects/hook-types.ts`, where
 * a run comes to it (`hooks/`), and to docs/gates.md. No answer within its time, an answer that is not 2xx and a server that cannot be
 * reached are all a refusal.
 */
import type { HookType } from "../objects/hook-types.ts";

/** `go on`: nothing more is in the way. `wait`: asked again every interval, for any time. `failed check`: counts towards the threshold. */
export type Consequence = "go on" | "wait" | "failed check" | "roll back" | "nothing";

interface HookTypeEntry {
  asked: string;
  onPass: Consequence;
  onRefusal: Consequence;
  /** A pass is remembered for the run, or for the step. */
  remembered: "run" | "step" | "no";
  /** Flagger's Event of a pass. */
  passed: (name: string) => string;
  /** Flagger's words for a refusal, after "Halt NAME advancement" where the run is halted by it. */
  refused: (name: string, what: string) => string;
}

export const hookTable: Readonly<Record<HookType, HookTypeEntry>> = {
  "confirm-rollout": {
    asked: "when a change is asked for, before any pod of it",
    onPass: "go on",
    onRefusal: "wait",
    remembered: "run",
    passed: (name) => `Confirm-rollout check ${name} passed`,
    refused: (name) => `waiting for approval ${name}`,
  },
  "pre-rollout": {
    asked: "when the canary's pods are ready, before the first users",
    onPass: "go on",
    onRefusal: "failed check",
    remembered: "run",
    passed: (name) => `Pre-rollout check ${name} passed`,
    refused: (name, what) => `pre-rollout check ${name} failed: ${what}`,
  },
  rollout: {
    asked: "at each check, before the metrics",
    onPass: "go on",
    onRefusal: "failed check",
    remembered: "no",
    passed: (name) => `External check ${name} passed`,
    refused: (name, what) => `external check ${name} failed: ${what}`,
  },
  "confirm-traffic-increase": {
    asked: "before the weight rises, and before the promotion",
    onPass: "go on",
    onRefusal: "wait",
    remembered: "step",
    passed: (name) => `Confirm-traffic-increase check ${name} passed`,
    refused: (name) => `waiting for traffic increase approval ${name}`,
  },
  "confirm-promotion": {
    asked: "when the checks of the last step have passed",
    onPass: "go on",
    onRefusal: "wait",
    remembered: "run",
    passed: (name) => `Confirm-promotion check ${name} passed`,
    refused: (name) => `waiting for promotion approval ${name}`,
  },
  rollback: {
    asked: "every interval until the promotion",
    onPass: "roll back",
    onRefusal: "nothing",
    remembered: "no",
    passed: (name) => `Rollback check ${name} passed`,
    refused: (name) => `Rollback hook ${name} not signaling a rollback`,
  },
  "post-rollout": {
    asked: "after the promotion or the rollback",
    onPass: "nothing",
    onRefusal: "nothing",
    remembered: "no",
    passed: (name) => `Post-rollout check ${name} passed`,
    refused: (name, what) => `Post-rollout hook ${name} failed: ${what}`,
  },
  event: {
    asked: "with each Event",
    onPass: "nothing",
    onRefusal: "nothing",
    remembered: "no",
    passed: (name) => `Event hook ${name} passed`,
    refused: (name, what) => `Event hook ${name} failed: ${what}`,
  },
};
