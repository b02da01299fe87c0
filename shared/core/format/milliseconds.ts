/** Milliseconds as people read them: rounded, and never 0 where something was measured. */

/** `12ms`, `<1ms`. */
export function milliseconds(value: number): string {
  return value > 0 && value < 0.5 ? "<1ms" : `${Math.round(value)}ms`;
}
