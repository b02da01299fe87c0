/** What webhooks have answered to what they were asked, and which of them a run has behind it. */
import type { HookType } from "../objects/hook-types.ts";
import type { HookAnswer, Observation } from "../observation.ts";
import type { Hook } from "../spec/hooks.ts";
import type { Policy } from "../spec/policy.ts";
import type { Run } from "../state.ts";
import { hookTable } from "./gate-types.ts";

export function hooksOfType({ hooks }: Pick<Policy, "hooks">, type: HookType): Hook[] {
  return hooks.filter((hook) => hook.type === type);
}

/** Undefined while an answer to what was asked since then is awaited. */
export function answerTo(hook: Hook, since: number, { answers }: Observation): HookAnswer | undefined {
  const answer = answers?.[hook.key];
  return answer !== undefined && answer.askedAt >= since ? answer : undefined;
}

export type Asked =
  | { outcome: "passed"; hooks: readonly Hook[] }
  | { outcome: "awaited"; hook: Hook }
  | { outcome: "refused"; hook: Hook; answer: HookAnswer; before: readonly Hook[] };

/** Hooks of one moment, one after the other: the first that does not pass keeps the rest from being asked. */
export function askedInTurn(hooks: readonly Hook[], since: number, seen: Observation): Asked {
  for (const [index, hook] of hooks.entries()) {
    const answer = answerTo(hook, since, seen);
    if (!answer) return { outcome: "awaited", hook };
    if (!answer.passed) return { outcome: "refused", hook, answer, before: hooks.slice(0, index) };
  }
  return { outcome: "passed", hooks };
}

/** Hooks of `type` that the run has not behind it; `step`: the one that it is about to enter. */
export function closedHooks(run: Run, policy: Pick<Policy, "hooks">, type: HookType, step: number): Hook[] {
  return hooksOfType(policy, type).filter((hook) => !(run.passed ?? []).includes(passKey(hook, step)));
}

/** The run with `hook` behind it. What was let through at earlier steps is forgotten. */
export function letThrough(run: Run, hooks: readonly Hook[], step: number): Run {
  const keys = hooks.map((hook) => passKey(hook, step));
  return withPassed(run, keys, step);
}

/** The run with a pause that its Canary declares behind it. */
export function pausePassed(run: Run, weight: number, step: number): Run {
  return withPassed(run, [pauseKey(weight)], step);
}

export function isPausePassed({ passed = [] }: Pick<Run, "passed">, weight: number): boolean {
  return passed.includes(pauseKey(weight));
}

/** Nothing of the run has reached anyone yet: a gate that stands before all of it may still hold it. */
export function isUnbegun(run: Run, weight: number): boolean {
  const isFresh = run.step === 0 && run.losses === undefined && run.ceiling === undefined;
  return run.stage === "scaling" && weight === 0 && isFresh && run.comparison === undefined;
}

/** Stands at a gate where nothing but an answer, a person or time is awaited: what it has no evidence of meanwhile does not end it. */
export function isAtGate({ gate }: Run): boolean {
  return gate !== undefined && gate.type !== "pre-rollout";
}

/** A run that no `confirm-rollout` hook has let through has no pods. */
export function isUnconfirmed(run: Run, weight: number, policy: Pick<Policy, "hooks">): boolean {
  return isUnbegun(run, weight) && closedHooks(run, policy, "confirm-rollout", 0).length > 0;
}

// --- internal ---

const pauseKey = (weight: number): string => `pause/${weight}`;

function passKey(hook: Hook, step: number): string {
  return hookTable[hook.type].remembered === "step" ? `${hook.key}@${step}` : hook.key;
}

function withPassed(run: Run, keys: readonly string[], step: number): Run {
  const isPast = (key: string): boolean => {
    const at = key.lastIndexOf("@");
    return at >= 0 && key.startsWith("confirm-traffic-increase/") && Number(key.slice(at + 1)) < step;
  };
  const kept = (run.passed ?? []).filter((key) => !isPast(key) && !keys.includes(key));
  return { ...run, passed: [...kept, ...keys] };
}
