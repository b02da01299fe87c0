// HTTPRoute filters that change headers. Raw headers are names and values in turn, as Node gives and takes them.
import type { HeaderModifier, HttpRouteFilter } from "./objects.ts";

/** What a rule or one of its backends does to the headers of a request and of its answer. */
export interface HeaderFilters {
  readonly request: readonly HeaderModifier[];
  readonly response: readonly HeaderModifier[];
}

export const noFilters: HeaderFilters = { request: [], response: [] };

/** The filters that change headers, in order. */
export function headerFilters(filters: readonly HttpRouteFilter[] | undefined): HeaderFilters {
  if (!filters?.length) return noFilters;
  return {
    request: filters.flatMap((filter) => filter.requestHeaderModifier ?? []),
    response: filters.flatMap((filter) => filter.responseHeaderModifier ?? []),
  };
}

/** `raw` after all of `modifiers`: each first sets, then adds, then removes. */
export function modifyHeaders(raw: readonly string[], modifiers: readonly HeaderModifier[]): string[] {
  return modifiers.reduce<string[]>(
    (headers, { set = [], add = [], remove = [] }) => {
      const replaced = without(
        headers,
        set.map(({ name }) => name),
      );
      const changed = [...replaced, ...[...set, ...add].flatMap(({ name, value }) => [name, value])];
      return without(changed, remove);
    },
    [...raw],
  );
}

function without(raw: readonly string[], names: readonly string[]): string[] {
  const drop = new Set(names.map((name) => name.toLowerCase()));
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (!drop.has(name.toLowerCase())) kept.push(name, raw[i + 1] ?? "");
  }
  return kept;
}
