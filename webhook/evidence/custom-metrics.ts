/** Metrics with a query of the user's own: each is asked by itself, for its text is its own. */
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { refusalOf } from "../../shared/core/analysis/allowed-addresses.ts";
import { asRequested } from "../../shared/prometheus.ts";
import { readQuery } from "../../shared/promql.ts";
import { isBuiltIn, type Measurement } from "../../shared/core/analysis/verdict.ts";
import { customQuery, type MetricServer, type TemplateContext } from "../../shared/core/analysis/query-template.ts";
import { windowSeconds } from "../../shared/core/analysis/queries.ts";
import { optional } from "../../shared/core/format/compact.ts";
import type { QueryBatches } from "./query-batches.ts";
import type { Planned, EvidenceDeps, EvidenceRequest, Warmth } from "./types.ts";

/** Measurements parallel to the request's metrics; undefined for the built-in ones. Requests are not known here: null. */
export function askCustom(
  request: EvidenceRequest,
  plan: readonly Planned[],
  tools: Tools,
): Promise<(Measurement | undefined)[]> {
  return Promise.all(plan.map(async (one) => (isBuiltIn(one.spec) ? undefined : await measure(one, request, tools))));
}

interface Tools {
  deps: EvidenceDeps;
  board: QueryBatches;
  warmth?: Warmth;
}

async function measure({ spec, window = 0 }: Planned, request: EvidenceRequest, tools: Tools): Promise<Measurement> {
  const { deps, board } = tools;
  const base = { windowSeconds: window, query: "", at: iso(deps.now()), requests: null };
  if (window === 0) {
    const error = `its interval "${spec.interval ?? ""}" is no time; write it like 30s or 1m`;
    return { ...base, answer: { error } };
  }
  const resolved = await resolve({ spec, window }, request, deps);
  if ("error" in resolved) return { ...base, answer: { error: resolved.error } };
  const { query, server } = resolved;
  try {
    // Credentials go to the server that they are for, never to one that a Canary names.
    const fallback = server.secretRef || server.headers ? deps.ownAddress : request.prometheus;
    const samples = await board.client(await admitted(server, deps), fallback).query(query);
    const at = iso(samples[0]?.atMs ?? deps.now());
    return {
      ...base,
      query,
      at,
      answer: { values: samples.map(({ value }) => value) },
      ...tooYoung(Math.max(window, reachOf(query)), request, tools),
    };
  } catch (error: unknown) {
    return { ...base, query, answer: { error: sentenceOf(error) } };
  }
}

interface TooYoung {
  tooYoung: string;
}

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** How far the query's own ranges reach back, in seconds, whatever the metric's interval says. */
function reachOf(query: string): number {
  const ranges = [...query.matchAll(/\[(\d+)([smhd])/g)].map(
    ([, count, unit = "s"]) => Number(count) * (secondsOf[unit] ?? 1),
  );
  return Math.max(0, ...ranges);
}

function tooYoung(window: number, request: EvidenceRequest, { deps, warmth }: Tools): Partial<TooYoung> {
  return youngRun(window, request, deps) ?? youngPods(window, deps, warmth) ?? {};
}

/** Queries of the user's own cannot be narrowed to this run's pods, so their window must not hold anything of an earlier run. */
function youngRun(window: number, request: EvidenceRequest, deps: EvidenceDeps): TooYoung | undefined {
  if (request.runStartedAt === undefined) return undefined;
  const missing = Math.ceil(window - (deps.now() - request.runStartedAt) / 1000);
  if (missing <= 0) return undefined;
  return { tooYoung: `its window of ${window}s still holds time from before this run; wait ${missing}s` };
}

/** Nor can they leave out what pods answered while they warmed up. */
function youngPods(window: number, deps: EvidenceDeps, warmth?: Warmth): TooYoung | undefined {
  if (warmth?.lastAt === undefined) return undefined;
  const missing = Math.ceil(window - (deps.now() - warmth.lastAt) / 1000);
  if (missing <= 0) return undefined;
  return { tooYoung: `its window of ${window}s still holds what pods answered while they warmed up; wait ${missing}s` };
}

/** The server with its credentials. Rejects where it may not be asked, or they cannot be had. */
async function admitted({ secretRef, ...server }: MetricServer, deps: EvidenceDeps): Promise<MetricServer> {
  const isOwn = server.address === undefined || server.address === deps.ownAddress;
  const refusal = isOwn ? undefined : refusalOf(asRequested(server.address ?? ""), deps.allowedAddresses);
  if (refusal !== undefined) throw new Error(refusal);
  if (secretRef === undefined) return server;
  return { ...server, headers: { ...server.headers, authorization: [await deps.credentials(secretRef)] } };
}

async function resolve(
  { spec, window }: { spec: MetricSpec; window: number },
  request: EvidenceRequest,
  deps: EvidenceDeps,
): Promise<{ query: string; server: MetricServer } | { error: string }> {
  const { templateRef } = spec;
  try {
    const at = { namespace: templateRef?.namespace ?? request.namespace, name: templateRef?.name ?? "" };
    const template = templateRef === undefined ? undefined : await deps.metricTemplate(at);
    const found = customQuery(spec, contextOf({ spec, window }, request), template);
    if ("error" in found) return found;
    const scope = readQuery(found.query, { deployment: request.target, service: request.apex.name });
    return scope?.level === "refused" ? { error: `its query ${scope.what}; ${scope.cure}` } : found;
  } catch (error: unknown) {
    return { error: `its MetricTemplate could not be read: ${sentenceOf(error)}` };
  }
}

function contextOf({ spec, window }: { spec: MetricSpec; window: number }, request: EvidenceRequest): TemplateContext {
  // As the user wrote it, unless it was widened for want of requests.
  const asWritten = spec.interval === undefined || spec.interval === "" ? "1m" : spec.interval;
  return {
    name: request.name,
    namespace: request.namespace,
    target: request.canary,
    service: request.apex.name,
    ...optional("ingress", request.ingress),
    ...optional("route", request.route),
    interval: windowSeconds(spec.interval) === window ? asWritten : `${window}s`,
    variables: spec.templateVariables ?? {},
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
