// Weights of traffic as Kubernetes writes them: integers in HTTPRoutes, quantities ("100", "900m", 1e2) in TrafficSplits.

const suffixes: Record<string, number> = { m: 1, "": 1000, k: 1_000_000, K: 1_000_000 };

/** A weight in thousandths; 0 for what is not a weight, so that a typo takes no traffic. */
export function parseWeight(weight: string | number | undefined): number {
  const match = /^\+?(\d+(?:\.\d*)?(?:[eE]\+?\d+)?)([mkK]?)$/.exec(String(weight ?? 0).trim());
  if (!match) return 0;
  return Math.round(Number(match[1]) * (suffixes[match[2] ?? ""] ?? 0));
}
