/**
 * Flagger's webhooks, and pauses that a Canary declares for itself: read once from the spec, with every fault named. What each type is
 * asked and what its answer means is in `gates/`.
 */
import type { AnalysisSpec, PauseSpec, WebhookSpec } from "../objects/canary.ts";
import { optional } from "../format/compact.ts";
import { parseDuration } from "../format/duration.ts";
import { type HookType, hookTypes } from "../objects/hook-types.ts";

export interface Hook {
  /** Its own among the Canary's: type and name, and a number where two are alike. */
  key: string;
  name: string;
  type: HookType;
  url: string;
  /** For one attempt. */
  timeoutMs: number;
  /** Attempts after the first, where nobody answers or the answer is 429 or 5xx. */
  retries: number;
  /** The server's certificate is not checked. */
  skipsVerify: boolean;
  /** Nobody is alerted to a wait for it. */
  isMuted: boolean;
  metadata: Record<string, string>;
}

export interface DeclaredPause {
  /** Of the step after whose checks it holds; 0: before the first users. */
  weight: number;
  /** From when the weight is in force; missing: until a person says so. */
  durationMs?: number;
}

export interface HookPolicy {
  hooks: Hook[];
  pauses: DeclaredPause[];
}

/** Kubernetes' own longest timeout of a request that is watched; a test that takes longer should answer at once and be asked again. */
export const longestTimeoutMs = 3_600_000;
export const mostRetries = 10;

const defaultTimeoutMs = 10_000;

type Add = (path: string, message: string) => void;

export function hooksOf({ webhooks = [], pauses = [] }: AnalysisSpec): HookPolicy {
  const counts = new Map<string, number>();
  return { hooks: webhooks.map((spec) => hookOf(spec, counts)), pauses: pauses.map(pauseOf) };
}

/** `weights`: of the steps. */
export function checkHooks({ webhooks = [], pauses = [] }: AnalysisSpec, weights: readonly number[], add: Add): void {
  webhooks.forEach((hook, index) => checkHook(hook, `spec.analysis.webhooks[${index}]`, add));
  pauses.forEach((pause, index) => {
    const path = `spec.analysis.pauses[${index}]`;
    checkPause(pause, { weights, path, add });
    if (pauses.slice(0, index).some(({ weight }) => weight === pause.weight))
      add(`${path}.weight`, `${JSON.stringify(pause.weight)} has a pause already: keep one of the two`);
  });
}

/** The shortest that each step in turn may take. The iterations of an A/B test have one weight, and its pause comes after the last of them. */
export function leastStepsMs(
  policy: { intervalMs: number; pauses: readonly DeclaredPause[] },
  weights: readonly number[],
): number[] {
  return weights.map((weight, index) =>
    weights[index + 1] === weight ? policy.intervalMs : leastStepMs(policy, weight),
  );
}

// --- internal ---

/** The shortest that a step at this weight may take: an interval, or its declared pause, whose time counts from when the step is in force. */
function leastStepMs(
  { intervalMs, pauses }: { intervalMs: number; pauses: readonly DeclaredPause[] },
  weight: number,
): number {
  const pause = weight === 0 ? undefined : pauses.find((one) => one.weight === weight);
  return Math.max(intervalMs, pause?.durationMs ?? 0);
}

/** Flagger takes a webhook without a type for a check of the analysis. */
const typeOf = ({ type }: WebhookSpec): HookType => hookTypes.find((known) => known === type) ?? "rollout";

function hookOf(spec: WebhookSpec, counts: Map<string, number>): Hook {
  const type = typeOf(spec);
  const named = `${type}/${spec.name}`;
  const count = (counts.get(named) ?? 0) + 1;
  counts.set(named, count);
  return {
    key: count === 1 ? named : `${named}#${count}`,
    name: spec.name,
    type,
    url: spec.url,
    timeoutMs: (spec.timeout ? parseDuration(spec.timeout) : undefined) ?? defaultTimeoutMs,
    retries: spec.retries ?? 0,
    skipsVerify: spec.disableTLS ?? false,
    isMuted: spec.muteAlert ?? false,
    metadata: spec.metadata ?? {},
  };
}

function pauseOf({ weight, duration }: PauseSpec): DeclaredPause {
  return { weight, ...optional("durationMs", duration ? parseDuration(duration) : undefined) };
}

function checkHook({ name, url, type, timeout, retries }: Partial<WebhookSpec>, path: string, add: Add): void {
  if (!name) add(`${path}.name`, "is required");
  if (!url || !/^https?:\/\/[^/\s]/.test(url)) add(`${path}.url`, "is not a URL such as http://NAME.NAMESPACE/path");
  if (type && !(hookTypes as readonly string[]).includes(type))
    add(`${path}.type`, `${JSON.stringify(type)} is none of ${hookTypes.join(", ")}`);
  checkTimeout(timeout, `${path}.timeout`, add);
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0 && retries <= mostRetries))
    add(`${path}.retries`, `${JSON.stringify(retries)} is not a whole number from 0 to ${mostRetries}`);
}

function checkTimeout(timeout: string | undefined, path: string, add: Add): void {
  if (timeout === undefined || timeout === "") return;
  const ms = parseDuration(timeout);
  if (ms === undefined) add(path, `${JSON.stringify(timeout)} is not a duration such as 10s or 2m`);
  else if (ms < 1_000) add(path, `${JSON.stringify(timeout)} is below 1s`);
  else if (ms > longestTimeoutMs)
    add(
      path,
      `${JSON.stringify(timeout)} is above 1h: let the server answer at once, and refuse until its work is done`,
    );
}

interface PauseCheck {
  weights: readonly number[];
  path: string;
  add: Add;
}

function checkPause({ weight, duration }: Partial<PauseSpec>, { weights, path, add }: PauseCheck): void {
  if (weight === undefined || !(weight === 0 || weights.includes(weight)))
    add(`${path}.weight`, `${JSON.stringify(weight)} is the weight of no step: there are 0, ${weights.join(", ")}`);
  if (duration === undefined || duration === "") return;
  const ms = parseDuration(duration);
  if (ms === undefined) add(`${path}.duration`, `${JSON.stringify(duration)} is not a duration such as 10m or 2h`);
  else if (ms < 1_000) add(`${path}.duration`, `${JSON.stringify(duration)} is below 1s`);
}
