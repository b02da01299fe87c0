/** Metrics with a query of the user's own: each is asked by itself, for its text is its own. */
import type { MetricSpec } from "../../shared/core/canary.ts";
import { isBuiltIn, type Measurement } from "../../shared/core/judge.ts";
import { customQuery, type MetricServer, type TemplateContext } from "../../shared/core/metrictemplate.ts";
import { windowSeconds } from "../../shared/core/queries.ts";
import type { Board } from "./board.ts";
import type { EvidenceDeps, EvidenceRequest } from "./evidence.ts";

/** Measurements parallel to the request's metrics; undefined for the built-in ones. Requests are not known here: null. */
export function askCustom(
  request: EvidenceRequest,
  deps: EvidenceDeps,
  board: Board,
): Promise<(Measurement | undefined)[]> {
  return Promise.all(
    request.metrics.map(async (spec) => (isBuiltIn(spec) ? undefined : await measure(spec, request, { deps, board }))),
  );
}

async function measure(
  spec: MetricSpec,
  request: EvidenceRequest,
  { deps, board }: { deps: EvidenceDeps; board: Board },
): Promise<Measurement> {
  const window = windowSeconds(spec.interval) ?? 0;
  const base = { windowSeconds: window, query: "", at: iso(deps.now()), requests: null };
  if (window === 0) {
    const error = `its interval "${spec.interval ?? ""}" is no time; write it like 30s or 1m`;
    return { ...base, answer: { error } };
  }
  const resolved = await resolve(spec, request, deps);
  if ("error" in resolved) return { ...base, answer: { error: resolved.error } };
  const { query, server } = resolved;
  try {
    const samples = await board.client(server, request.prometheus).query(query);
    const at = iso(samples[0]?.atMs ?? deps.now());
    return {
      ...base,
      query,
      at,
      answer: { values: samples.map(({ value }) => value) },
      ...youngRun(window, request, deps),
    };
  } catch (error: unknown) {
    return { ...base, query, answer: { error: sentenceOf(error) } };
  }
}

/** Queries of the user's own cannot be narrowed to this run's pods, so their window must not hold anything of an earlier run. */
function youngRun(window: number, request: EvidenceRequest, deps: EvidenceDeps): { tooYoung?: string } {
  if (request.runStartedAt === undefined) return {};
  const missing = Math.ceil(window - (deps.now() - request.runStartedAt) / 1000);
  if (missing <= 0) return {};
  return { tooYoung: `its window of ${window}s still holds time from before this run; wait ${missing}s` };
}

async function resolve(
  spec: MetricSpec,
  request: EvidenceRequest,
  deps: EvidenceDeps,
): Promise<{ query: string; server: MetricServer } | { error: string }> {
  const { templateRef } = spec;
  try {
    const at = { namespace: templateRef?.namespace ?? request.namespace, name: templateRef?.name ?? "" };
    const template = templateRef === undefined ? undefined : await deps.metricTemplate(at);
    return customQuery(spec, contextOf(spec, request), template);
  } catch (error: unknown) {
    return { error: `its MetricTemplate could not be read: ${sentenceOf(error)}` };
  }
}

function contextOf(spec: MetricSpec, request: EvidenceRequest): TemplateContext {
  return {
    name: request.name,
    namespace: request.namespace,
    target: request.canary,
    service: request.apex.name,
    interval: spec.interval === undefined || spec.interval === "" ? "1m" : spec.interval,
    variables: spec.templateVariables ?? {},
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
