/** Watches, from reading to reading, whether the canary's share follows its weight. */
import { deviation, isTelling, type Deviation, type ShareBlock } from "../../../shared/core/analysis/traffic-share.ts";
import type { Sent } from "./callers-growth.ts";
import type { Increment } from "./counter-growth.ts";

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

export interface ShareWatch {
  /** The route's weight (percent) since a time. */
  weigh(weight: number, since: number): void;
  see(increment: Increment): void;
  finding(): ShareFinding | undefined;
}

/** Running proxies follow a route within 5 s. */
const obeyedWithinMs = 5_000;
/** How many scrapes make a stretch that is judged by what both tracks received. */
const inboundScrapes = 4;

export function createShareWatch(scrapeIntervalMs: number): ShareWatch {
  const weights = createWeights(scrapeIntervalMs);
  let inbound: { block: ShareBlock; from: number } | undefined;
  let callers: { block: ShareBlock; sent: Map<string, Sent> } | undefined;
  let last: ShareFinding | undefined;
  const callsApex = new Set<string>();

  const begin = (): void => void (inbound = callers = undefined);

  function conclude(source: ShareFinding["source"], block: ShareBlock, sent: Iterable<Sent>): void {
    const found = deviation(block);
    const worth = source === "inbound" ? inboundScrapes : 1;
    const before = found === last?.deviation ? (last?.scrapes ?? 0) : 0;
    const scrapes = found === undefined ? 0 : before + worth;
    const { low, high } = block;
    const disobeying = [...sent].filter(({ canary, all }) => deviation({ canary, all, low, high }) !== undefined);
    last = { source, ...block, deviation: found, scrapes, disobeying };
    begin();
  }

  function seeReceived(increment: Increment, range: Range): void {
    const from = inbound?.from ?? increment.from;
    inbound = { block: widened(inbound?.block, { ...receivedIn(increment), ...forgiving(range) }), from };
    // A caller's counters are scraped together; the tracks' pods are not, so that theirs must span some scrapes.
    const isLong = increment.to - from >= inboundScrapes * scrapeIntervalMs;
    if (!callers && isLong && saysSomething(inbound.block, last)) conclude("inbound", inbound.block, []);
  }

  function seeSent(increment: Increment, range: Range): void {
    const sent = callers?.sent ?? new Map<string, Sent>();
    for (const one of increment.sent) add(sent, one);
    const { low, high } = widened(callers?.block, { canary: 0, all: 0, ...range });
    const users = [...sent.values()].filter((one) => callsApex.has(keyOf(one)) || !isStraight(one, { low, high }));
    if (users.length === 0) return forget();
    callers = { block: { ...sentBy(users), low, high }, sent };
    if (saysSomething(callers.block, last)) conclude("callers", callers.block, users);
  }

  function forget(): void {
    last = undefined;
    begin();
  }

  return {
    finding: () => last,
    weigh: (weight, since) => weights.weigh(weight, since),
    see(increment) {
      const range = weights.inForce(increment.from, increment.to);
      noteCallers(callsApex, increment);
      // Of a canary that had no weight for a moment nothing can be expected.
      if (range.low <= 0) return forget();
      last = withoutGone(last, increment.callers);
      dropGone(callers?.sent, increment.callers);
      if (increment.sent.length > 0) seeSent(increment, range);
      else seeReceived(increment, range);
    },
  };
}

// --- internal ---

/** Those that have ever been sent elsewhere than to the canary call the apex; as long as they are there. */
function noteCallers(callsApex: Set<string>, { sent, callers }: Increment): void {
  for (const one of sent) if (one.canary < one.all) callsApex.add(keyOf(one));
  for (const key of callsApex) if (!callers.has(key)) callsApex.delete(key);
}

/**
 * A load test, say, that addresses the canary's own Service: what it gets is evidence of the version, and none of the split. Callers'
 * proxies name the Service that was chosen, be it by the route or by the caller, so that only chance can tell.
 */
function isStraight({ canary, all }: Sent, range: Range): boolean {
  return canary === all && deviation({ canary, all, ...range }) === "too many";
}

interface Weights {
  weigh(weight: number, since: number): void;
  /** Between two readings. */
  inForce(from: number, to: number): Range;
}

function createWeights(scrapeIntervalMs: number): Weights {
  let weights: { weight: number; since: number }[] = [];
  return {
    weigh(weight, since) {
      if (weights.at(-1)?.weight !== weight) weights.push({ weight, since });
    },
    // A reading shows counters as old as a scrape, and an old weight works on for a moment.
    inForce(from, to) {
      const reach = from - scrapeIntervalMs - obeyedWithinMs;
      weights = weights.filter((_, index) => (weights[index + 1]?.since ?? to) >= reach);
      return rangeOf(weights.filter((entry) => entry.since <= to));
    },
  };
}

/** Leaves out the numbers of callers that are gone, for they neither obey nor disobey. Undefined where none is left that did not obey. */
function withoutGone(last: ShareFinding | undefined, present: ReadonlySet<string>): ShareFinding | undefined {
  if (!last || last.disobeying.length === 0) return last;
  const disobeying = last.disobeying.filter((one) => present.has(keyOf(one)));
  return disobeying.length === 0 ? undefined : { ...last, disobeying };
}

function dropGone(sent: Map<string, Sent> | undefined, present: ReadonlySet<string>): void {
  for (const key of sent?.keys() ?? []) if (!present.has(key)) sent?.delete(key);
}

function rangeOf(weights: readonly { weight: number }[]): Range {
  const all = weights.map(({ weight }) => weight);
  return { low: Math.min(100, ...all), high: Math.max(0, ...all) };
}

/** One scrape more of one track than of the other. */
function forgiving({ low, high }: Range): Range {
  return { low: low * (1 - 1 / inboundScrapes), high: Math.min(100, high * (1 + 1 / inboundScrapes)) };
}

/** Enough to tell, or twice what once sufficed to accuse: with less traffic than that there is nothing to wait for. */
function saysSomething(block: ShareBlock, last: ShareFinding | undefined): boolean {
  const isRecovered = last?.deviation !== undefined && block.all >= 2 * last.all;
  return isRecovered || deviation(block) !== undefined || isTelling(block);
}

type Range = Pick<ShareBlock, "low" | "high">;
type Share = Pick<ShareBlock, "canary" | "all">;

function receivedIn({ received: { canary, primary } }: Increment): Share {
  return { canary, all: canary + primary };
}

function sentBy(sent: Iterable<Sent>): Share {
  const nothing: Share = { canary: 0, all: 0 };
  return [...sent].reduce((sum, one) => ({ canary: sum.canary + one.canary, all: sum.all + one.all }), nothing);
}

function widened(a: ShareBlock | undefined, b: ShareBlock): ShareBlock {
  if (!a) return b;
  return {
    canary: a.canary + b.canary,
    all: a.all + b.all,
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
  };
}

function add(sent: Map<string, Sent>, one: Sent): void {
  const key = keyOf(one);
  const known = sent.get(key);
  sent.set(
    key,
    known
      ? { ...one, canary: known.canary + one.canary, direct: known.direct + one.direct, all: known.all + one.all }
      : one,
  );
}

function keyOf({ namespace, pod }: Sent): string {
  return `${namespace}/${pod}`;
}
