/** What `spec.service` says beyond names and ports, as routes and Services have it. Read once, with every fault named. */
import type { Given } from "../objects/made/from-spec.ts";
import type { HeaderChange, ServiceSpec } from "../objects/canary.ts";
import type { RuleSettings } from "../routes/following.ts";
import { isFieldName } from "../objects/routing/field-name.ts";

type Add = (path: string, message: string) => void;

/** Fields that only an HTTPRoute has, and that are given. */
export function routeOnlyFields(service: Partial<ServiceSpec> = {}): string[] {
  const { gatewayRefs = [], hosts = [], timeout, backendTimeout, headers } = service;
  const given: [string, boolean][] = [
    ["gatewayRefs", gatewayRefs.length > 0],
    ["hosts", hosts.length > 0],
    ["timeout", Boolean(timeout)],
    ["backendTimeout", Boolean(backendTimeout)],
    ["headers", filtersOf(headers).length > 0],
  ];
  return given.flatMap(([field, isGiven]) => (isGiven ? [`spec.service.${field}`] : []));
}

/** Whether some requests meet none of the conditions of `match`. An entry for every path, as in most of Flagger's manifests, takes all. */
export function leavesRequestsOut({ match }: Partial<ServiceSpec> = {}): boolean {
  return Array.isArray(match) && match.length > 0 && !match.some(isForAll);
}

interface VoidingField {
  path: string;
  /** What the route would do. */
  does: string;
  /** The way round. */
  instead: string;
}

/** Fields that are given, and would be filters of an HTTPRoute for which Linkerd ignores it whole. */
export function voidingFields({ rewrite, mirror }: Partial<ServiceSpec> = {}): VoidingField[] {
  const given: [object | null | undefined, VoidingField][] = [
    [
      rewrite,
      {
        path: "spec.service.rewrite",
        does: "rewrites URLs",
        instead: "the application, or what is before the Service, can rewrite them",
      },
    ],
    [
      mirror,
      {
        path: "spec.service.mirror",
        does: "mirrors requests",
        instead: "a load test of the canary's Service before any user is analysis.iterations",
      },
    ],
  ];
  return given.flatMap(([value, field]) => (Object.keys(value ?? {}).length > 0 ? [field] : []));
}

/** Of a spec without faults. */
export function ruleSettingsOf({ timeout, backendTimeout, headers }: Partial<ServiceSpec> = {}): RuleSettings {
  const timeouts = {
    ...(timeout ? { request: timeout } : {}),
    ...(backendTimeout ? { backendRequest: backendTimeout } : {}),
  };
  const filters = filtersOf(headers);
  return {
    ...(Object.keys(timeouts).length > 0 ? { timeouts } : {}),
    ...(filters.length > 0 ? { filters } : {}),
  };
}

/** Of the Service that is made and of the route (`apex`), and of each leaf. */
export function givenOf(service: Partial<ServiceSpec> | undefined, of: "apex" | "primary" | "canary"): Given {
  const { labels = {}, annotations = {} } = service?.[of] ?? {};
  return { labels, annotations };
}

export function checkServiceSettings(service: Partial<ServiceSpec>, add: Add): void {
  const { timeout, backendTimeout, headers } = service;
  checkTimeout(timeout, "spec.service.timeout", add);
  checkTimeout(backendTimeout, "spec.service.backendTimeout", add);
  checkAttempts(service, add);
  for (const side of sides) checkHeaders(headers?.[side], `spec.service.headers.${side}`, add);
}

// --- internal ---

const saysNothing = ["name", "ignoreUriCase"];

function isForAll({ uri = { prefix: "/" }, ...others }: Record<string, unknown>): boolean {
  const conditions = Object.keys(others).filter((key) => !saysNothing.includes(key));
  return conditions.length === 0 && JSON.stringify(uri) === '{"prefix":"/"}';
}

const sides = ["request", "response"] as const;
const filterOf = {
  request: { type: "RequestHeaderModifier", key: "requestHeaderModifier" },
  response: { type: "ResponseHeaderModifier", key: "responseHeaderModifier" },
} as const;

function filtersOf(headers: ServiceSpec["headers"]): object[] {
  return sides.flatMap((side) => {
    const given = headers?.[side] ?? {};
    // Their content is free to the schema: what is empty in YAML comes as null.
    const [add, set, remove] = [given.add ?? {}, given.set ?? {}, given.remove ?? []];
    const change = {
      ...(Object.keys(add).length > 0 ? { add: valuesOf(add) } : {}),
      ...(Object.keys(set).length > 0 ? { set: valuesOf(set) } : {}),
      ...(remove.length > 0 ? { remove } : {}),
    };
    const { type, key } = filterOf[side];
    return Object.keys(change).length > 0 ? [{ type, [key]: change }] : [];
  });
}

function valuesOf(values: Record<string, string>): { name: string; value: string }[] {
  const sorted = Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.map(([name, value]) => ({ name, value }));
}

/** The Gateway API's own durations, which Go's are within these bounds. */
const duration = /^(?:\d{1,5}(?:h|ms|m|s)){1,4}$/;

function checkTimeout(text: unknown, path: string, add: Add): void {
  if (text === undefined || text === "") return;
  if (typeof text !== "string" || !duration.test(text))
    add(path, `${JSON.stringify(text)} is not a duration such as 500ms, 15s or 1m30s`);
}

/** The Gateway API lets no attempt take longer than all of them; `0s` is no limit. */
function checkAttempts({ timeout, backendTimeout }: Partial<ServiceSpec>, add: Add): void {
  const [whole, one] = [milliseconds(timeout), milliseconds(backendTimeout)];
  if (whole > 0 && one > whole)
    add(
      "spec.service.backendTimeout",
      `${JSON.stringify(backendTimeout)} is above the timeout of the whole, ${JSON.stringify(timeout)}`,
    );
}

const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** 0 of what is no duration. */
function milliseconds(text: unknown): number {
  const parts = typeof text === "string" && duration.test(text) ? text.matchAll(/(\d{1,5})(h|ms|m|s)/g) : [];
  return [...parts].reduce((sum, [, count, unit = ""]) => sum + Number(count) * (units[unit] ?? 0), 0);
}

function checkHeaders(change: HeaderChange | undefined, path: string, add: Add): void {
  for (const part of ["add", "set"] as const) checkChanges(change?.[part] ?? {}, `${path}.${part}`, add);
  const remove: unknown = change?.remove ?? [];
  if (!Array.isArray(remove) || !remove.every((name): name is string => typeof name === "string"))
    return add(`${path}.remove`, "is no list of header names");
  checkNames(remove, `${path}.remove`, add);
}

function checkChanges(changes: Record<string, string>, path: string, add: Add): void {
  if (isTexts(changes)) checkNames(Object.keys(changes), path, add);
  else add(path, "is no map of header names to texts");
}

/** For one that is none, Linkerd would ignore the whole route, if the API server took it. */
function checkNames(names: readonly string[], path: string, add: Add): void {
  for (const name of names) if (!isFieldName(name)) add(path, `${JSON.stringify(name)} is no name of a header`);
}

function isTexts(values: unknown): boolean {
  if (typeof values !== "object" || values === null || Array.isArray(values)) return false;
  return Object.values(values).every((value) => typeof value === "string");
}
