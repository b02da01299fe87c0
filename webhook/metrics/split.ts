/** Watches, from reading to reading, whether the canary's share follows its weight. */
import { deviation, isTelling, type Deviation, type ShareBlock } from "../../shared/core/share.ts";
import type { Increment, Sent } from "./meter.ts";

/** What was last seen of the share. */
export interface ShareFinding {
  /** `callers`: by what meshed callers sent; `inbound`: by what both tracks received. */
  source: "callers" | "inbound";
  canary: number;
  all: number;
  /** Weights that were in force meanwhile, percent. */
  low: number;
  high: number;
  deviation: Deviation | undefined;
  /** How many stretches in a row have deviated alike. */
  scrapes: number;
  /** Callers that sent enough to tell, and that do not obey by themselves. */
  disobeying: Sent[];
}

export interface SplitWatch {
  /** The route's weight (percent) since a time. */
  weigh(weight: number, since: number): void;
  see(increment: Increment): void;
  finding(): ShareFinding | undefined;
}

/** Running proxies follow a route within 5 s. */
const settleMs = 5_000;

export function createSplitWatch(scrapeIntervalMs: number): SplitWatch {
  let weights: { weight: number; since: number }[] = [];
  let pending: { source: ShareFinding["source"]; block: ShareBlock; sent: Map<string, Sent> } | undefined;
  let last: ShareFinding | undefined;

  /** A reading shows counters as old as a scrape, and an old weight works on for a moment. */
  function inForce(from: number, to: number): { low: number; high: number } {
    const reach = from - scrapeIntervalMs - settleMs;
    const active = weights.filter((entry, index) => entry.since <= to && (weights[index + 1]?.since ?? to) >= reach);
    weights = weights.filter((_, index) => (weights[index + 1]?.since ?? to) >= reach);
    const all = active.map(({ weight }) => weight);
    return { low: Math.min(100, ...all), high: Math.max(0, ...all) };
  }

  function conclude(source: ShareFinding["source"], block: ShareBlock, sent: Iterable<Sent>): void {
    const found = deviation(block);
    const scrapes = found === undefined ? 0 : found === last?.deviation ? last.scrapes + 1 : 1;
    const { low, high } = block;
    const disobeying = [...sent].filter(({ canary, all }) => deviation({ canary, all, low, high }) !== undefined);
    last = { source, ...block, deviation: found, scrapes, disobeying };
  }

  return {
    finding: () => last,
    weigh(weight, since) {
      if (weights.at(-1)?.weight !== weight) weights.push({ weight, since });
    },
    see(increment) {
      const { low, high } = inForce(increment.from, increment.to);
      // Of a canary that had no weight for a moment nothing can be expected.
      if (low <= 0) pending = undefined;
      if (low <= 0) return;
      const source = increment.sent.length > 0 ? "callers" : "inbound";
      const now = { ...shareOf(increment), low, high };
      const joined = pending?.source === source ? pending : { source, block: now, sent: new Map<string, Sent>() };
      const block = joined === pending ? widened(joined.block, now) : now;
      for (const one of increment.sent) add(joined.sent, one);
      pending = { ...joined, source, block };
      if (!isTelling(block)) return;
      conclude(source, block, joined.sent.values());
      pending = undefined;
    },
  };
}

// --- internal ---

function shareOf({ sent, canary, primary }: Increment): { canary: number; all: number } {
  if (sent.length === 0) return { canary: canary.requests, all: canary.requests + primary.requests };
  return sent.reduce((sum, one) => ({ canary: sum.canary + one.canary, all: sum.all + one.all }), {
    canary: 0,
    all: 0,
  });
}

function widened(a: ShareBlock, b: ShareBlock): ShareBlock {
  return {
    canary: a.canary + b.canary,
    all: a.all + b.all,
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
  };
}

function add(sent: Map<string, Sent>, one: Sent): void {
  const key = `${one.namespace}/${one.pod}`;
  const known = sent.get(key);
  sent.set(key, known ? { ...one, canary: known.canary + one.canary, all: known.all + one.all } : one);
}
