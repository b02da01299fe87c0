/** Flagger's `analysis.match` as conditions of an HTTPRoute, with every fault named: what Linkerd cannot tell must not send everybody to the canary. */
import type { AnalysisMatch, StringMatch } from "../objects/canary.ts";
import { isFieldName } from "../objects/routing/field-name.ts";
import type { NamedMatch, RequestMatch } from "../objects/routing/rules.ts";
import { quoted } from "./references.ts";

/** An HTTPRoute's rule has at most this many matches in every version, and a run remembers its own. */
export const mostMatches = 8;
export const mostConditions = 16;

type Add = (path: string, message: string) => void;

export function matchesOf(matches: readonly AnalysisMatch[] | undefined): RequestMatch[] {
  return (matches ?? []).map(({ headers = {}, queryParams = {} }) => ({
    ...listed("headers", headers),
    ...listed("queryParams", queryParams),
  }));
}

export function checkMatches(matches: readonly AnalysisMatch[], add: Add): void {
  const path = "spec.analysis.match";
  if (matches.length > mostMatches) add(path, `has ${matches.length} entries: an HTTPRoute allows ${mostMatches}`);
  const conditions = matches.flatMap(({ headers = {}, queryParams = {} }) => [
    ...Object.keys(headers),
    ...Object.keys(queryParams),
  ]);
  if (conditions.length > mostConditions)
    add(path, `has ${conditions.length} conditions: at most ${mostConditions} are kept`);
  matches.forEach((match, index) => checkMatch(match, `${path}[${index}]`, add));
}

/** A header's or parameter's name, as the Gateway API wants it. */
export function checkName(name: string, path: string, add: Add): void {
  if (!isFieldName(name)) add(path, `${quoted(name)} is no name of a header or parameter`);
}

// --- internal ---

/** In the order of their names, so that the same match is the same text. */
function listed<K extends "headers" | "queryParams">(key: K, of: Record<string, StringMatch>): RequestMatch {
  const names = Object.keys(of).sort();
  return names.length === 0 ? {} : { [key]: names.map((name) => namedOf(name, of[name] ?? {})) };
}

function namedOf(name: string, { exact, prefix, suffix, regex }: StringMatch): NamedMatch {
  if (exact !== undefined) return { name, type: "Exact", value: exact };
  if (regex !== undefined) return { name, type: "RegularExpression", value: regex };
  const value = prefix === undefined ? `^.*${escaped(suffix ?? "")}$` : `^${escaped(prefix)}.*$`;
  return { name, type: "RegularExpression", value };
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

function checkMatch({ headers = {}, queryParams = {}, sourceLabels }: AnalysisMatch, path: string, add: Add): void {
  if (sourceLabels !== undefined && Object.keys(sourceLabels).length > 0)
    add(
      `${path}.sourceLabels`,
      "cannot be matched: Linkerd's routes do not know a caller's labels. Let the caller send a header",
    );
  const twice = twiceNamed(Object.keys(headers));
  if (twice !== undefined) add(path, `names the header ${quoted(twice)} twice: only one of them would be looked at`);
  const conditions = [...Object.entries(headers), ...Object.entries(queryParams)];
  if (conditions.length === 0) add(path, "names no header and no query parameter: it would match every request");
  for (const [name, match] of conditions) checkCondition(name, match, { path, add });
}

/** Headers' names are the same in upper and lower case, and of two conditions on one the Gateway API ignores the second. */
function twiceNamed(names: readonly string[]): string | undefined {
  const lower = names.map((name) => name.toLowerCase());
  return names.find((_name, index) => lower.indexOf(lower[index]!) !== index);
}

function checkCondition(name: string, match: StringMatch, { path, add }: { path: string; add: Add }): void {
  checkName(name, path, add);
  const given = (["exact", "prefix", "suffix", "regex"] as const).filter((key) => match[key] !== undefined);
  const [only, other] = given;
  if (only === undefined || other !== undefined)
    add(`${path} ${name}`, `needs one of exact, prefix, suffix, regex, and has ${given.join(" and ") || "none"}`);
  else if (match[only] === "") add(`${path} ${name}`, `${only} is empty`);
}
