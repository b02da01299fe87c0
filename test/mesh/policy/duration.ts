// Durations as Kubernetes and Linkerd write them: "400ms", "1s", "1m30s".

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds; `undefined` for what is not a duration, and for one of no length, which both mean "none". */
export function durationMs(text: string | undefined): number | undefined {
  if (!/^(\d+(ms|s|m|h))+$/.test(text ?? "")) return undefined;
  const parts = [...(text ?? "").matchAll(/(\d+)(ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ""] ?? 0), 0);
  return total > 0 ? total : undefined;
}
