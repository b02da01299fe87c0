/** Reads PromQL by Prometheus' own grammar, as far as a Canary's checks need it: which series a query selects. */
import { parser } from "@prometheus-io/lezer-promql";
import { RE2JS } from "re2js";
import {
  type LabelMatcher,
  type QueryReader,
  type QueryScopeFinding,
  scopeFinding,
  type Selector,
  type TrackNames,
} from "./core/queries/query-scope.ts";

/** Longest query that is read, in characters; a longer one is refused. */
export const longestQuery = 16_384;

/** What is read of all queries of one Canary: characters, and what their regular expressions come to (see `sizeOf`). */
const mostOfACanary = 30_000;

export type ParsedQuery = { ok: true; value: Selector[] } | { ok: false; why: string };

/** The selectors of a query in the order in which they stand. `why` has the position, counted from 1. */
export function parseQuery(query: string): ParsedQuery {
  return readSelectors(query, mostOfACanary).parsed;
}

/** A reader for the queries of one Canary, which all have a part in what is read of them. */
export function createQueryReader(): QueryReader {
  let left = mostOfACanary;
  return (query, tracks) => {
    const { finding, size } = found(query, tracks, left);
    left -= size;
    return finding;
  };
}

/**
 * Whether Prometheus and Linkerd's proxies, which know the same grammar but for rare corners, read a text of one Canary as a regular
 * expression. Of more than is read of one nothing is said.
 */
export function createPatternReader(): (text: string) => boolean {
  let left = mostOfACanary;
  return (text) => {
    left -= sizeOf(text);
    return left < 0 || compiled(text) !== undefined;
  };
}

// --- internal ---

interface Read {
  parsed: ParsedQuery;
  /** What has been read, of `mostOfACanary`. */
  size: number;
  /** There was no room for all of it. */
  isCut?: true;
}

function readSelectors(query: string, room: number): Read {
  if (query.length > longestQuery)
    return cutAt(0, `it has ${query.length} characters; at most ${longestQuery} are read`);
  if (query.length > room) return cutAt(0, "its Canary's queries are too long together");
  const selectors: Selector[] = [];
  let open: LabelMatcher[] = [];
  let fault: string | undefined;
  let left = room - query.length;
  parser.parse(query).iterate({
    enter: ({ type, name, from, to, node }) => {
      if (type.isError) fault ??= `it is not PromQL at character ${from + 1}`;
      if (name === "VectorSelector") selectors.push({ matchers: (open = []) });
      // What comes after a fault is not looked at, and costs nothing.
      if (!name.endsWith("LabelMatcher") || fault !== undefined) return;
      const { label, operator, value } = partsOf(node, query);
      left -= operator.endsWith("~") ? sizeOf(value) : 0;
      const matcher = left < 0 ? tooLarge : matcherOf(label, operator, value);
      if (typeof matcher === "string") fault = matcher;
      else open.push({ ...matcher, text: query.slice(from, to) });
    },
  });
  if (fault === tooLarge) return cutAt(room, fault);
  const parsed: ParsedQuery = fault === undefined ? { ok: true, value: selectors } : { ok: false, why: fault };
  return { parsed, size: room - left };
}

/** Of a matcher, whose label may be quoted. */
function partsOf(node: Node, query: string): { label: string; operator: string; value: string } {
  const part = (child: string): string => {
    const part = node.getChild(child);
    return part ? query.slice(part.from, part.to) : "";
  };
  const label = part("LabelName") || unquoted(part("QuotedLabelName"));
  return { label, operator: part("MatchOp"), value: unquoted(part("StringLiteral")) };
}

interface Node {
  getChild(name: string): { from: number; to: number } | null;
}

const tooLarge = "its regular expressions are too large to be checked";

const cutAt = (size: number, why: string): Read => ({ parsed: { ok: false, why }, size, isCut: true });

/** What a regular expression comes to when its counted repetitions are written out, at most: `(ab){3}` has six letters. */
function sizeOf(expression: string): number {
  const counts = [...expression.matchAll(/\{(\d{1,4})(?:,(\d{1,4}))?\}/g)].map(([, low, high]) => Number(high ?? low));
  return expression.length * counts.reduce((product, count) => Math.min(largestCount, product * Math.max(1, count)), 1);
}

/** RE2 takes no more, nested or not. */
const largestCount = 1_000;

interface Found {
  finding: QueryScopeFinding | undefined;
  size: number;
}

/** Of queries that are read at every look, by themselves and the names in them; those used last, up to so many characters. */
const known = new Map<string, Found>();
const mostKnown = 4_000_000;
let charactersKnown = 0;

function found(query: string, tracks: TrackNames, room: number): Found {
  const key = JSON.stringify([tracks, query.length > longestQuery ? query.length : query]);
  const before = known.get(key);
  if (before && before.size <= room) return remembered(key, before);
  const { parsed, size, isCut } = readSelectors(query, room);
  const finding = parsed.ok ? scopeFinding(parsed.value, tracks) : notRead(parsed.why);
  return isCut ? { finding, size } : remembered(key, { finding, size });
}

function remembered(key: string, what: Found): Found {
  if (!known.delete(key)) charactersKnown += key.length;
  known.set(key, what);
  for (const [oldest] of known) {
    if (charactersKnown <= mostKnown) break;
    known.delete(oldest);
    charactersKnown -= oldest.length;
  }
  return what;
}

/** A query that is not PromQL may still be one that its server understands (MetricsQL, say): that is a warning. */
function notRead(why: string): QueryScopeFinding {
  return {
    code: "not-read",
    level: "warning",
    what: `cannot be read (${why}), so nobody has checked which track it measures`,
    cure: "correct it, unless its server understands more than PromQL",
  };
}

/** Escapes as in Go's strings; a raw one in backquotes has none. */
function unquoted(literal: string): string {
  const body = literal.slice(1, -1);
  if (literal.startsWith("`")) return body;
  return body.replace(/\\(.)/g, (_, letter: string) => ({ n: "\n", t: "\t", r: "\r" })[letter] ?? letter);
}

/** Prometheus anchors its expressions, and so are these; they are matched in linear time, whatever a tenant writes. */
function matcherOf(label: string, operator: string, value: string): Omit<LabelMatcher, "text"> | string {
  if (operator === "=") return { label, matches: (text) => text === value };
  if (operator === "!=") return { label, matches: (text) => text !== value };
  const pattern = compiled(value);
  if (!pattern) return `the regular expression of label ${label} is not one that Prometheus understands`;
  const isMatch = (text: string): boolean => pattern.matches(text);
  return { label, matches: operator === "=~" ? isMatch : (text) => !isMatch(text) };
}

function compiled(expression: string): RE2JS | undefined {
  try {
    return RE2JS.compile(expression);
  } catch {
    return undefined;
  }
}
