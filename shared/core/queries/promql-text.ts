/** Parts of PromQL: literals that nothing breaks out of, and what a counter has counted over a window. */

/** A PromQL string literal. */
export function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** A regular expression that matches just this text. */
export function regex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** A literal of what matches any of the names; sorted and without repetition, so that equal questions are equal texts. */
export function anyOf(names: readonly string[]): string {
  return quote([...new Set(names)].sort().map(regex).join("|"));
}

/** The rows with one label more. */
export function labelled(rows: string, label: string, value: string): string {
  return `label_replace(${rows}, "${label}", "${value}", "", "")`;
}

/** The larger of two numbers, each of which may be missing. */
export function larger(a: string, b: string): string {
  return `max(${labelled(a, "of", "a")} or ${labelled(b, "of", "b")})`;
}

/** The rows' sum, 0 where there are none. */
export function sumOf(rows: string): string {
  return `(sum(${rows}) or vector(0))`;
}

/** A window as PromQL has it; to the millisecond. */
export function duration(seconds: number): string {
  return Number.isInteger(seconds) ? `${seconds}s` : `${Math.round(seconds * 1_000)}ms`;
}

/**
 * What each series counted in the window. Plain increase() never sees what a series was born with: ten callers whose first
 * request fails would make ten new failure series that stay at 1, and count as no failure at all. So a series that did not
 * exist before the window counts with its value, and only older ones by increase() (which extrapolates: hence fractions).
 * last_over_time and not the sample at that moment, because one failed scrape would make every series look new; `up` holds
 * this back while Prometheus itself is younger than the window and cannot know which series are.
 */
export function countOf(series: string, window: number): string {
  const before = `offset ${duration(window)}`;
  return `(${series} unless last_over_time(${series}[5m] ${before})) and on() (up ${before}) or increase(${series}[${duration(window)}])`;
}
