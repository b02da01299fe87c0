/** All batches there are: one for each Prometheus, question and window; made when first asked, dropped when long unused. */
import {
  type Apex,
  type Asked,
  callersQuery,
  latencyQuery,
  countersQuery,
  requestsQuery,
  servicesOf,
} from "../../../shared/core/queries/queries.ts";
import type { Over } from "../../../shared/core/queries/proxy-series.ts";
import type { Prometheus, Sample } from "../../../shared/prometheus.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { QueryBatch, type BatchAnswer, type BatchOptions, type Subjects } from "./query-batch.ts";
import type { EvidenceDeps, Caller, EvidenceRequest } from "../types.ts";
import { slowLimitOf } from "../../../shared/core/analysis/slow-limit.ts";
import { recentSeconds, warmupSeconds } from "../windows.ts";

export interface QueryBatches {
  requests(request: EvidenceRequest, window: number): Promise<BatchAnswer>;
  latency(request: EvidenceRequest, window: number): Promise<BatchAnswer>;
  /** Counters as they stand: see `ledgerQuery`. */
  counters(request: EvidenceRequest): Promise<BatchAnswer>;
  /** The same for whoever looks again anyway: undefined where many canaries share the queries and the next one's turn has not come. */
  countersAtOnce(request: EvidenceRequest): Promise<BatchAnswer> | undefined;
  /** Undefined as above. */
  callers(request: EvidenceRequest, window: number): Promise<Caller[] | undefined>;
}

interface Workload {
  namespace: string;
  deployments: readonly string[];
  apex: Apex;
  /** The latency bucket above which requests are slow, ms. */
  boundMs?: number;
}

/** A canary that asked within this time will ask again, so it is asked for along with others. */
const rememberMs = 90_000;
const unusedMs = 10 * 60_000;
/** Tenants name servers, and each rotation of a Secret makes another client: those not used for longest are dropped. */
const mostClients = 256;

export function createQueryBatches(deps: EvidenceDeps): QueryBatches {
  const clients = new Map<string, Prometheus>();
  const tracks = new Map<string, QueryBatch<Workload>>();
  const apexes = new Map<string, QueryBatch<Apex>>();
  const timing = { now: () => deps.now(), timers: deps.timers, gatherMs: deps.gatherMs ?? 20, rememberMs };

  const query = async (address: string, promql: string, of: readonly { namespace: string }[]): Promise<Sample[]> => {
    const client = lastUsed(clients, connectionsOf(address, of), () => deps.prometheus({ address }));
    return (await client.query(promql)).filter(isPossible);
  };

  function tracksOf(request: EvidenceRequest, { question, timesAScrape = 1, text }: Question): Asking<Workload> {
    dropUnused(tracks, deps.now());
    const { prometheus } = request;
    const batch = kept(tracks, `${question} ${prometheus}`, () => {
      return new QueryBatch<Workload>({
        ...timing,
        ...paced(deps, { timesAScrape, many: manyTracks }),
        queryFor: text,
        query: (promql, of) => query(prometheus, promql, of),
      });
    });
    const subject = workloadOf(request);
    return { batch, subjects: new Map([[JSON.stringify(subject), subject]]) };
  }

  function askTracks(request: EvidenceRequest, question: Question): Promise<BatchAnswer> {
    const { batch, subjects } = tracksOf(request, question);
    return isProbe(request, question) ? batch.probe(subjects) : batch.ask(subjects, request.notBefore);
  }

  return {
    requests: (request, window) => askTracks(request, requestsOver(overIn(request, window, deps))),
    latency: (request, window) => askTracks(request, latencyOver(overIn(request, window, deps))),
    counters: (request) => askTracks(request, countersNow),
    countersAtOnce(request) {
      const { batch, subjects } = tracksOf(request, countersNow);
      return batch.askAtOnce(subjects, request.notBefore);
    },
    async callers(request, window) {
      dropUnused(apexes, deps.now());
      const { prometheus } = request;
      const batch = kept(apexes, `${window} ${prometheus}`, () => {
        const queryFor = (subjects: readonly Apex[]): string => callersQuery(subjects, window);
        const asked = (promql: string, of: readonly Apex[]): Promise<Sample[]> => query(prometheus, promql, of);
        return new QueryBatch<Apex>({ ...timing, ...paced(deps, callersPace), queryFor, query: asked });
      });
      const apex = askedApex(request);
      const answer = await batch.askAtOnce(new Map([[JSON.stringify(apex), apex]]), request.notBefore);
      return answer?.samples.filter(({ labels }) => isSentTo(labels, apex)).map(({ labels }) => callerOf(labels));
    },
  };
}

export function askedApex({ namespace, apex }: EvidenceRequest): Apex {
  return { namespace, service: apex.name, port: apex.port };
}

/** Whether a caller's row is about this apex or one of its leaves, in whatever cluster domain. */
export function isSentTo({ authority = "" }: Record<string, string>, { namespace, port, ...apex }: Apex): boolean {
  const services = Object.values(servicesOf(apex));
  return authority.endsWith(`:${port}`) && services.some((one) => authority.startsWith(`${one}.${namespace}.svc`));
}

/** Keeps what was used last. */
export function lastUsed<T>(all: Map<string, T>, key: string, make: () => T): T {
  const found = all.get(key) ?? make();
  all.delete(key);
  all.set(key, found);
  const [oldest] = all.keys();
  if (all.size > mostClients && oldest !== undefined) all.delete(oldest);
  return found;
}

// --- internal ---

/** An authority with its port has no more characters, and no row that is asked for more labels. */
const [longestLabel, mostLabels] = [300, 32];

/** A server that a tenant names may answer anything. Quantiles may be of nothing. */
function isPossible({ labels, value }: Sample): boolean {
  const texts: unknown[] = Object.values(labels);
  if (texts.length > mostLabels) return false;
  if (!texts.every((text) => typeof text === "string" && text.length <= longestLabel)) return false;
  return labels["quantile"] !== undefined || Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

const fewNamespaces = 2;

/**
 * Whose connections a query takes. A window that only one or two namespaces ask for is asked over their own: a Canary may have fifty
 * metrics with a window each, and what they cost must hold up nobody else's.
 */
function connectionsOf(address: string, of: readonly { namespace: string }[]): string {
  const namespaces = [...new Set(of.map(({ namespace }) => namespace))].sort();
  return JSON.stringify([address, ...(namespaces.length > fewNamespaces ? [] : namespaces)]);
}

function workloadOf(request: EvidenceRequest): Workload {
  const { namespace, target, canary, metrics } = request;
  const bound = optional("boundMs", slowLimitOf(metrics)?.boundMs);
  return { namespace, deployments: [target, canary], apex: askedApex(request), ...bound };
}

function overIn(request: EvidenceRequest, window: number, deps: EvidenceDeps): Over & { recent: number } {
  return { window, warmup: warmupSeconds(request, deps), recent: recentSeconds(deps) };
}

/** Of a canary without users only two things matter: that Prometheus answers, and whether it sees the canary's pods. */
function isProbe({ weight }: EvidenceRequest, { mustCover }: Question): boolean {
  return weight === undefined && mustCover !== true;
}

interface Asking<S> {
  batch: QueryBatch<S>;
  subjects: Subjects<S>;
}

interface Pace {
  timesAScrape: number;
  /** With this many canaries, one that is new to a question, or whose weight has just moved, is no reason to ask sooner. */
  many: number;
}

const manyTracks = 10;
/** Who must be restarted can be said a scrape later. */
const callersPace: Pace = { timesAScrape: 0.5, many: 5 };
/** One canary may be looked at several times a second. */
const keepAloneMs = 300;
/** With ten canaries, at Linkerd-Viz's scrape interval of 10 s, an answer serves for a whole one. */
const keepPerPairMs = 100;

/**
 * Nothing is new before the next scrape, so an answer serves many until then; the counters are asked for more often, for speed. A few
 * canaries ask for themselves: what came a moment ago then counts at once. When many start at once, their first interval costs the more
 * queries the later they are counted as many.
 */
function paced(
  { scrapeIntervalMs }: EvidenceDeps,
  { timesAScrape, many }: Pace,
): Pick<BatchOptions<unknown>, "keepMs" | "spaceMs"> {
  const keepMs = (canaries: number): number =>
    Math.min(scrapeIntervalMs, Math.max(keepAloneMs, canaries ** 2 * keepPerPairMs)) / timesAScrape;
  return { keepMs, spaceMs: (canaries) => (canaries < many ? 0 : keepMs(canaries)) };
}

interface Question {
  /** Tells questions apart. */
  question: string;
  /** An answer that was asked for others alone is none. */
  mustCover?: true;
  /** How often it is asked in a scrape interval at most where many ask; once unless given. */
  timesAScrape?: number;
  text: (of: readonly Workload[]) => string;
}

const requestsOver = (over: Over & { recent: number }): Question => ({
  question: `requests ${over.window} ${over.warmup}`,
  text: (of) => requestsQuery(together(of), over),
});

const latencyOver = (over: Over): Question => ({
  question: `latency ${over.window} ${over.warmup}`,
  text: (of) => latencyQuery(together(of), over),
});

const countersNow: Question = {
  question: "counters",
  mustCover: true,
  timesAScrape: 1.5,
  text: (of) =>
    countersQuery(
      together(of),
      of.flatMap(({ boundMs }) => boundMs ?? []),
    ),
};

/** Makes what is missing. It is dropped by age: see `dropUnused`. */
function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}

function dropUnused<S>(map: Map<string, QueryBatch<S>>, now: number): void {
  for (const [key, batch] of map) if (now - batch.usedAt > unusedMs) map.delete(key);
}

function together(subjects: readonly Workload[]): Asked {
  return {
    workloads: {
      namespaces: subjects.map(({ namespace }) => namespace),
      deployments: subjects.flatMap(({ deployments }) => deployments),
    },
    apexes: subjects.map(({ apex }) => apex),
  };
}

function callerOf(labels: Record<string, string>): Caller {
  const { namespace = "", pod = "", deployment = "", dst_service: dstService = "" } = labels;
  return { namespace, pod, deployment, dstService };
}
