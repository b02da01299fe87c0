/** Reads PromQL by Prometheus' own grammar, as far as a Canary's checks need it: which series a query selects. */
import { parser } from "@prometheus-io/lezer-promql";
import { RE2JS } from "re2js";
import { type LabelMatcher, type QueryReader, scopeFinding, type Selector } from "./core/queries/query-scope.ts";

/** Longest query that is read, in characters; a longer one is refused. */
export const longestQuery = 16_384;

export type ParsedQuery = { ok: true; value: Selector[] } | { ok: false; why: string };

/** The selectors of a query in the order in which they stand. `why` has the position, counted from 1. */
export function parseQuery(query: string): ParsedQuery {
  if (query.length > longestQuery)
    return { ok: false, why: `it has ${query.length} characters; at most ${longestQuery} are read` };
  const selectors: Selector[] = [];
  let open: LabelMatcher[] = [];
  let fault: string | undefined;
  parser.parse(query).iterate({
    enter: ({ type, name, from, to, node }) => {
      if (type.isError) fault ??= `it is not PromQL at character ${from + 1}`;
      if (name === "VectorSelector") selectors.push({ matchers: (open = []) });
      if (name !== "UnquotedLabelMatcher" && name !== "QuotedLabelMatcher") return;
      const part = (child: string): string => {
        const found = node.getChild(child);
        return found ? query.slice(found.from, found.to) : "";
      };
      const label = name === "UnquotedLabelMatcher" ? part("LabelName") : unquoted(part("QuotedLabelName"));
      const matcher = matcherOf(label, part("MatchOp"), unquoted(part("StringLiteral")));
      if (typeof matcher === "string") fault ??= matcher;
      else open.push({ ...matcher, text: query.slice(from, to) });
    },
  });
  return fault === undefined ? { ok: true, value: selectors } : { ok: false, why: fault };
}

/** A query that is not PromQL may still be one that its server understands (MetricsQL, say): that is a warning. */
export const readQuery: QueryReader = (query, tracks) => {
  const parsed = parseQuery(query);
  if (parsed.ok) return scopeFinding(parsed.value, tracks);
  return {
    code: "not-read",
    level: "warning",
    what: `cannot be read (${parsed.why}), so nobody has checked which track it measures`,
    cure: "correct it, unless its server understands more than PromQL",
  };
};

// --- internal ---

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
  try {
    const pattern = RE2JS.compile(value);
    const isMatch = (text: string): boolean => pattern.matches(text);
    return { label, matches: operator === "=~" ? isMatch : (text) => !isMatch(text) };
  } catch {
    return `the regular expression of label ${label} is not one that Prometheus understands`;
  }
}
