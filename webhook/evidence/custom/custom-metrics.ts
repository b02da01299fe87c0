/** Metrics with a query of the user's own: each is asked by itself, for its text is its own. */
import { type MetricSpec, referredNamespace } from "../../../shared/core/objects/canary.ts";
import { refusalOf } from "../../../shared/core/queries/allowed-addresses.ts";
import { asRequested, type Prometheus, type Sample } from "../../../shared/prometheus.ts";
import { checkCodeOf, PrometheusError } from "../../../shared/prometheus-error.ts";
import { createQueryReader } from "../../../shared/promql.ts";
import { isBuiltIn, type Measurement } from "../../../shared/core/analysis/verdict.ts";
import type { QueryReader } from "../../../shared/core/queries/query-scope.ts";
import { customQuery, type MetricServer, templateContext } from "../../../shared/core/queries/query-template.ts";
import { FairShare } from "../../runtime/fair-share.ts";
import { lastUsed } from "../batches/query-batches.ts";
import type { CustomAnswer, EvidenceDeps, EvidenceRequest, Planned } from "../types.ts";

/** Answers parallel to the request's metrics; undefined for the built-in ones. Requests are not known here: null. */
export function askCustom(
  request: EvidenceRequest,
  plan: readonly Planned[],
  asking: Omit<Tools, "readQuery">,
): Promise<(CustomAnswer | undefined)[]> {
  const tools = { ...asking, readQuery: createQueryReader() };
  return Promise.all(plan.map(async (one) => (isBuiltIn(one.spec) ? undefined : await askOne(one, request, tools))));
}

/**
 * These clients are apart from those that ask for everybody, and each is a namespace's own: a server that hangs, or heavy queries, fill only
 * the connections of whoever asks them.
 */
export class CustomClients {
  private readonly deps: EvidenceDeps;
  private readonly clients = new Map<string, Prometheus>();
  private readonly fair: FairShare;

  constructor(deps: EvidenceDeps) {
    this.deps = deps;
    this.fair = new FairShare(deps);
  }

  ask({ name, namespace }: EvidenceRequest, server: AskedServer, query: string): Promise<Sample[]> {
    const of = JSON.stringify([namespace, server]);
    const client = lastUsed(this.clients, of, () => this.deps.prometheus(server, largestOfAValue));
    const shares = [
      { key: `Canary ${name}.${namespace}`, most: mostPerCanary },
      { key: `namespace ${namespace}`, most: mostPerNamespace },
    ];
    return this.fair.ask(shares, () => client.query(query));
  }
}

/** An answer is to be one number. Of more series no more is read than it takes to say so. */
const largestOfAValue = 200_000;
const mostPerCanary = 4;
const mostPerNamespace = 16;

type AskedServer = MetricServer & { address: string };

interface Tools {
  deps: EvidenceDeps;
  customs: CustomClients;
  readQuery: QueryReader;
}

async function askOne(one: Planned, request: EvidenceRequest, tools: Tools): Promise<CustomAnswer> {
  const askedAt = tools.deps.now();
  const measurement = await answerTo(one, request, tools);
  return { measurement, askedAt, reachSeconds: reachOf(measurement.query) };
}

async function answerTo({ spec, window = 0 }: Planned, request: EvidenceRequest, tools: Tools): Promise<Measurement> {
  const { deps, customs } = tools;
  const base = { windowSeconds: window, query: "", at: iso(deps.now()), requests: null };
  if (window === 0) {
    const error = `its interval "${spec.interval ?? ""}" is no time; write it like 30s or 1m`;
    return { ...base, answer: { error, code: "bad-interval" } };
  }
  const resolved = await resolve({ spec, window }, request, tools);
  if ("error" in resolved) return { ...base, answer: { error: resolved.error, code: "unusable-query" } };
  const { query, server } = resolved;
  try {
    const asked = await admitted({ ...server, address: addressOf(server, request, deps) }, request, deps);
    const samples = await customs.ask(request, asked, query);
    const at = iso(samples[0]?.atMs ?? deps.now());
    return { ...base, query, at, answer: { values: samples.map(({ value }) => value) } };
  } catch (error: unknown) {
    return { ...base, query, answer: { error: sentenceOf(error), code: checkCodeOf(error) } };
  }
}

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** How far the query's own ranges reach back, in seconds, whatever the metric's interval says. */
function reachOf(query: string): number {
  const ranges = [...query.matchAll(/\[(\d+)([smhd])/g)].map(
    ([, count, unit = "s"]) => Number(count) * (secondsOf[unit] ?? 1),
  );
  return Math.max(0, ...ranges);
}

/** Credentials go to the server that they are for, never to one that a Canary names. */
function addressOf(
  { address, secretRef, headers }: MetricServer,
  { prometheus }: EvidenceRequest,
  deps: EvidenceDeps,
): string {
  return address ?? (secretRef || headers ? deps.ownAddress : prometheus);
}

/** The server with its credentials. Rejects where it may not be asked, or they cannot be had. */
async function admitted(
  { secretRef, namespace, ...server }: AskedServer,
  request: EvidenceRequest,
  deps: EvidenceDeps,
): Promise<AskedServer> {
  // The Canary's own server was admitted before.
  const isKnown = [deps.ownAddress, request.prometheus].some((one) => asRequested(one) === asRequested(server.address));
  const refusal = isKnown ? undefined : refusalOf(asRequested(server.address), deps.allowedAddresses, namespace);
  if (refusal !== undefined) throw new PrometheusError("RefusedAddress", refusal);
  if (secretRef === undefined) return server;
  const authorization = [await deps.credentials(secretRef, server.address)];
  return { ...server, headers: { ...server.headers, authorization } };
}

async function resolve(
  { spec, window }: { spec: MetricSpec; window: number },
  request: EvidenceRequest,
  { deps, readQuery }: Tools,
): Promise<{ query: string; server: MetricServer } | { error: string }> {
  const { templateRef } = spec;
  try {
    const at = { namespace: referredNamespace(templateRef, request.namespace), name: templateRef?.name ?? "" };
    const template = templateRef === undefined ? undefined : await deps.metricTemplate(at);
    const { templateNamespaces } = deps;
    const context = { ...templateContext(request, spec, window), templateNamespaces };
    const found = customQuery(spec, context, template);
    if ("error" in found) return found;
    const scope = readQuery(found.query, { deployment: request.target, service: request.apex.name });
    return scope?.level === "refused" ? { error: `its query ${scope.what}; ${scope.cure}` } : found;
  } catch (error: unknown) {
    return { error: `its MetricTemplate could not be read: ${sentenceOf(error)}` };
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
