/** The shape of one decision, and the small sentences that all of them share. */
import type { Policy } from "../spec/policy.ts";
import type { Blocked, CanaryState, Run, Version } from "../state.ts";
import type { EventText } from "../action.ts";
import { emptyLeaf } from "./empty-leaf.ts";
import { checksum } from "../format/checksum.ts";
import type { Observation, Unmet } from "../observation.ts";

/** What a decision is made from. */
export interface Turn {
  state: CanaryState;
  seen: Observation;
  policy: Policy;
}

/** A turn with a run under way. */
export interface RunTurn extends Turn {
  run: Run;
}

/** What a decision comes to, before the actions that make the world conform are derived from it. */
export interface Draft {
  state: CanaryState;
  events: EventText[];
  requeueAfterMs?: number;
}

export interface DraftExtra {
  events?: EventText[];
  requeueAfterMs?: number;
}

/** `turn`'s state changed by `patch`. A new reason brings its own code, or none. */
export function draft(turn: Turn, patch: Partial<CanaryState>, extra: DraftExtra = {}): Draft {
  const { events = [], requeueAfterMs } = extra;
  const { reasonCode, ...state } = turn.state;
  const kept = patch.reason === undefined && reasonCode !== undefined ? { reasonCode } : {};
  return {
    state: { ...state, ...kept, ...patch },
    events,
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/** Goes on from `before` as if it had been saved and seen again; events add up, the later timer counts. */
export function andThen(before: Draft, turn: Turn, go: (turn: Turn) => Draft): Draft {
  const after = go({ ...turn, state: before.state });
  return { ...after, events: [...before.events, ...after.events] };
}

/** Of a reason that says that this intent was rejected: another one's is said anew. */
export const rejectedCode = (intent: string): string => `rejected/${intent}`;

/** What forbids to move anything forward, in one sentence each for why and what next. Ways back to stable stay open. */
export interface Barrier {
  reason: string;
  next: string;
  /** The precondition that is not met, or why else nothing moves. */
  code: string;
  /** Nobody chose it, so it blocks the Canary and is announced. */
  unexpected: boolean;
}

export function barrierOf({ state, seen, policy }: Turn): Barrier | undefined {
  if (policy.unreadable !== undefined)
    return {
      code: "unreadable-spec",
      reason: unreadableWords(policy.unreadable),
      next: "correct the spec",
      unexpected: true,
    };
  const unmet = firstOf(seen, state.run ? ["obstacle", "unfit"] : ["obstacle"]);
  if (unmet) return { code: unmet.code, reason: unmet.what, next: "", unexpected: true };
  if (policy.suspend)
    return {
      code: "suspended",
      unexpected: false,
      reason: "Suspended by spec.suspend: no run starts, no weight rises, nothing is promoted.",
      next: "set spec.suspend to false",
    };
  return undefined;
}

/** Of a Canary that cannot be read for these faults: others are said anew. */
export const unreadableCode = (faults: string): string => `unreadable/${checksum(faults)}`;

export function unreadableWords(faults: string): string {
  return `The Canary cannot be read: ${faults}. Nothing goes forward.`;
}

/** Of a write of ours that the API server refused. */
export const writeRefused = "write-refused";

/** What keeps every run from starting, or one under way from moving; undefined also while a person has suspended it. */
export function blockedBy(turn: Turn): Blocked | undefined {
  // What users feel now comes first.
  const empty = emptyLeaf(turn.state, turn.seen);
  if (empty) return empty;
  const barrier = barrierOf(turn);
  if (barrier?.unexpected) return { kind: "obstacle", code: barrier.code, what: barrier.reason };
  const { state, seen } = turn;
  const unmet = state.run ? undefined : firstOf(seen, ["obstacle", "unfit", "missing"]);
  if (!unmet) return seen.refusal && { kind: "obstacle", code: writeRefused, ...seen.refusal };
  const { code, level, what } = unmet;
  return { kind: level === "missing" ? "missing" : "obstacle", code, what };
}

/** The unmet precondition that forbids most, of these levels. */
function firstOf(seen: Observation, levels: readonly Unmet["level"][]): Unmet | undefined {
  return levels.flatMap((level) => seen.unmet.find((unmet) => unmet.level === level) ?? [])[0];
}

/** The run when it moves again: nothing holds it. */
export function withoutWait(run: Run): Run {
  const { wait: _hold, waitSince: _holdSince, waitCode: _holdCode, ...rest } = run;
  return rest;
}

/** The run where it stands at no gate: what is asked at the next is asked anew. */
export function ungated(run: Run): Run {
  const { gate: _gate, hooksAt: _hooksAt, ...rest } = run;
  return rest;
}

/** The run with nothing of the stage before in it; a person's pause and ceiling are over too. */
export function entering(run: Run, stage: Run["stage"], now: number): Run {
  const { checkAt: _checkAt, paused: _paused, ceiling: _ceiling, ...rest } = ungated(withoutWait(run));
  return { ...rest, stage, stageAt: now };
}

/** The state without its run. */
export function withoutRun(state: CanaryState): CanaryState {
  const { run: _run, ...rest } = state;
  return rest;
}

/** `name.namespace`, as events name a Canary. */
export function fullName(seen: Observation): string {
  return `${seen.name}.${seen.namespace}`;
}

/** The target as events name it. */
export function fullTarget(seen: Observation): string {
  return `${seen.targetName}.${seen.namespace}`;
}

/** `podinfo:1.7.1`, or every image where there are several, short enough for a sentence. */
export function formatImages(images: Record<string, string>): string {
  const names = Object.values(images).map((image) => image.slice(image.lastIndexOf("/") + 1));
  return names.length > 0 ? names.join(" + ") : "no image";
}

/** A version as it differs from stable: where the images do not, it is the rest of the template that does. */
export function formatChange(images: Record<string, string>, stable: Version | undefined): string {
  const asked = formatImages(images);
  return stable && formatImages(stable.images) === asked ? `${asked} with a changed template` : asked;
}

/** `kubectl canary <verb> <name> -n <namespace>`, to be pasted. */
export function verbLine(seen: Observation, verb: string): string {
  return `kubectl canary ${verb} ${seen.name} -n ${seen.namespace}`;
}
