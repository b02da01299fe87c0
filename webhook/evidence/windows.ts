/** Over how long a metric is measured: its own interval, or longer where that holds too few requests. */
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { defaultWindowSeconds, windowSeconds } from "../../shared/core/queries/queries.ts";

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

/**
 * Seconds of warm-up that a window leaves out: one scrape more than were asked for, since a pod may have answered that long
 * before it was first seen to.
 */
export function warmupSeconds(
  { warmupMs = 0 }: { warmupMs?: number },
  { scrapeIntervalMs }: { scrapeIntervalMs: number },
): number {
  return warmupMs > 0 ? Math.ceil((warmupMs + scrapeIntervalMs) / 1_000) : 0;
}

/** How long a request from outside the mesh may yet be answered, in seconds: longer than its answer takes to be scraped. */
export function recentSeconds({ scrapeIntervalMs }: { scrapeIntervalMs: number }): number {
  return (2 * scrapeIntervalMs) / 1_000;
}
