/** When Prometheus may know more of the canary's pods. */
import type { Observation } from "../observation.ts";

/** A sample is there a moment after its scrape began. */
const scrapeTakesMs = 150;

/** From now until the next sample of the canary's pods is due, ms; half a scrape where none has been seen. */
export function nextSampleMs({ now, counters, scrapeIntervalMs }: Observation): number {
  const half = scrapeIntervalMs / 2;
  if (counters?.sampledAt === undefined) return half;
  const untilNext = counters.sampledAt + scrapeIntervalMs + scrapeTakesMs - now;
  // One that is late may come at any moment.
  return Math.min(half, untilNext > 0 ? untilNext : scrapeIntervalMs / 4);
}
