/**
 * Which requests are slow: those above the limit of the Canary's `request-duration`. The mesh counts latencies in buckets, so a limit
 * between two bounds is watched by the next larger one: a request that may have kept the limit accuses nobody.
 */
import type { MetricSpec } from "../objects/canary.ts";
import { goDuration } from "../format/go.ts";
import { deciding } from "./deciding.ts";
import { builtIn, isBuiltIn } from "./verdict.ts";

export interface SlowLimit {
  /** What the Canary says, ms. */
  maxMs: number;
  /** The bucket's bound that is watched, ms; missing where the limit lies above every bound: then nothing is watched. */
  boundMs?: number;
}

/** Upper bounds of Linkerd's `response_latency_ms_bucket`, ms. */
export const latencyBoundsMs: readonly number[] = [1, 10, 100, 1_000, 10_000].flatMap((decade) =>
  [1, 2, 3, 4, 5].map((digit) => digit * decade),
);

/** The limit that the Canary's own `request-duration` sets; undefined where it sets none. */
export function slowLimitOf(metrics: readonly MetricSpec[]): SlowLimit | undefined {
  const metric = deciding(metrics).find((one) => isBuiltIn(one) && one.name === builtIn.duration);
  const maxMs = metric?.thresholdRange ? metric.thresholdRange.max : metric?.threshold;
  if (maxMs === undefined) return undefined;
  const boundMs = latencyBoundsMs.find((bound) => bound >= maxMs);
  return { maxMs, ...(boundMs === undefined ? {} : { boundMs }) };
}

/** What counts as slow, as a clause: `took longer than 500ms, or were never answered`; of a limit between two bounds it says so. */
export function slowWords({ maxMs, boundMs }: SlowLimit): string {
  const bound = boundMs ?? maxMs;
  const instead = bound === maxMs ? "" : ` (the limit of ${goDuration(maxMs)} lies between two of the mesh's buckets)`;
  return `took longer than ${goDuration(bound)}${instead}, or were never answered`;
}
