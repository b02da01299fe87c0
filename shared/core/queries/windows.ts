/** Over how long a metric is measured: its own interval, or longer where that holds too few requests. */
import type { MetricSpec } from "../objects/canary.ts";
import { defaultWindowSeconds, windowSeconds } from "./queries.ts";

/** The shortest window of the canary's metrics: what status shows is never older than what a metric judges. */
export function shownWindow(metrics: readonly MetricSpec[]): number {
  const windows = metrics.flatMap((spec) => windowSeconds(spec.interval) ?? []);
  return windows.length === 0 ? defaultWindowSeconds : Math.min(...windows);
}

/**
 * The longest of `window`, twice, four times ... that fits into the time since the weight moved. Few sizes, so that canaries of any
 * age share queries.
 */
export function widened(window: number, stepSeconds: number): number {
  let wide = window;
  while (wide > 0 && 2 * wide <= stepSeconds) wide *= 2;
  return wide;
}
