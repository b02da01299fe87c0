/** What of a window is not counted. */

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
