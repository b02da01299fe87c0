/** All batches there are: one for each Prometheus, question and window; made when first asked, dropped when long unused. */
import type { MetricServer } from "../../shared/core/metrictemplate.ts";
import {
  type Apex,
  callersQuery,
  latencyQuery,
  requestsQuery,
  sampleAgeQuery,
  type Workloads,
} from "../../shared/core/queries.ts";
import type { Prometheus } from "../../shared/prometheus.ts";
import { type Batch, type BatchAnswer, createBatch } from "./batch.ts";
import type { Caller, EvidenceDeps, EvidenceRequest } from "./evidence.ts";

export interface Board {
  requests(request: EvidenceRequest, window: number): Promise<BatchAnswer>;
  latency(request: EvidenceRequest, window: number): Promise<BatchAnswer>;
  sampleAge(request: EvidenceRequest): Promise<BatchAnswer>;
  callers(request: EvidenceRequest, window: number): Promise<Caller[]>;
  /** The client for a server; `fallback` is the address of one that names none. */
  client(server: MetricServer, fallback: string): Prometheus;
}

interface Workload {
  namespace: string;
  deployments: readonly string[];
}

/** A canary that asked within this time will ask again, so it is asked for along with others. */
const rememberMs = 60_000;
const unusedMs = 10 * 60_000;

export function createBoard(deps: EvidenceDeps): Board {
  const clients = new Map<string, Prometheus>();
  const tracks = new Map<string, Batch<Workload>>();
  const apexes = new Map<string, Batch<Apex>>();
  const timing = { now: () => deps.now(), gatherMs: deps.gatherMs ?? 20, keepMs: deps.keepMs ?? 1000 };

  function client(server: MetricServer, fallback: string): Prometheus {
    const full = { ...server, address: server.address ?? fallback };
    return held(clients, JSON.stringify(full), () => deps.prometheus(full));
  }

  function askTracks(
    request: EvidenceRequest,
    question: string,
    text: (of: Workloads) => string,
  ): Promise<BatchAnswer> {
    dropUnused(tracks, deps.now());
    const batch = held(tracks, `${question} ${request.prometheus}`, () => {
      const queryFor = (subjects: readonly Workload[]): string => text(together(subjects));
      return createBatch({ ...timing, rememberMs, queryFor, prometheus: client({}, request.prometheus) });
    });
    const subject = { namespace: request.namespace, deployments: [request.target, request.canary] };
    return batch.ask(new Map([[JSON.stringify(subject), subject]]), request.notBefore);
  }

  return {
    client,
    requests: (request, window) => askTracks(request, `requests ${window}`, (of) => requestsQuery(of, window)),
    latency: (request, window) => askTracks(request, `latency ${window}`, (of) => latencyQuery(of, window)),
    sampleAge: (request) => askTracks(request, "age", sampleAgeQuery),
    async callers(request, window) {
      dropUnused(apexes, deps.now());
      const batch = held(apexes, `${window} ${request.prometheus}`, () => {
        const queryFor = (subjects: readonly Apex[]): string => callersQuery(subjects, window);
        // Only who has a reason asks for callers, so nobody is asked for in advance.
        return createBatch({ ...timing, rememberMs: 0, queryFor, prometheus: client({}, request.prometheus) });
      });
      const apex = { namespace: request.namespace, service: request.apex.name, port: request.apex.port };
      const { samples } = await batch.ask(new Map([[JSON.stringify(apex), apex]]), request.notBefore);
      return samples.filter(({ labels }) => isOf(labels.authority ?? "", apex)).map(({ labels }) => callerOf(labels));
    },
  };
}

function held<T>(map: Map<string, T>, key: string, make: () => T): T {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}

function dropUnused<S>(map: Map<string, Batch<S>>, now: number): void {
  for (const [key, batch] of map) if (now - batch.usedAt() > unusedMs) map.delete(key);
}

function together(subjects: readonly Workload[]): Workloads {
  return {
    namespaces: subjects.map(({ namespace }) => namespace),
    deployments: subjects.flatMap(({ deployments }) => deployments),
  };
}

function isOf(authority: string, { service, namespace, port }: Apex): boolean {
  return authority.startsWith(`${service}.${namespace}.svc`) && authority.endsWith(`:${port}`);
}

function callerOf(labels: Record<string, string>): Caller {
  const { namespace = "", pod = "", deployment = "", dst_service: dstService = "" } = labels;
  return { namespace, pod, deployment, dstService };
}
