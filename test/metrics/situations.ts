// Situations that a canary's series can be in, each with the verdict and the words it must give.
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import type { Outcome } from "../../shared/core/objects/canary-status.ts";
import type { EvidenceRequest } from "../../webhook/evidence/types.ts";
import type { Feed, Pods, Value } from "./feed.ts";

/** Grows by this at each scrape. */
export const growing =
  (by: number, from = 0): Value =>
  (n) =>
    from + by * n;
export const flat =
  (value: number): Value =>
  () =>
    value;
export const canaryIn = (namespace: string): Pods => ({ namespace, deployment: "podinfo-canary", hash: "canary1" });
export const primaryIn = (namespace: string): Pods => ({ namespace, deployment: "podinfo", hash: "stable1" });

export interface Situation {
  name: string;
  feed(feed: Feed, namespace: string): void;
  metrics?: MetricSpec[];
  more?: Partial<EvidenceRequest>;
  /** The counters show by then that pods warm up. */
  isWarming?: boolean;
  outcome: Outcome;
  /** Part of the deciding check's message. */
  says: string;
}

export const healthy = (feed: Feed, namespace: string): void => feed.traffic(canaryIn(namespace), 0, 7);

const tutorialMetricsOver = (interval: string): MetricSpec[] => [
  { name: "request-success-rate", thresholdRange: { min: 99 }, interval },
  { name: "request-duration", thresholdRange: { max: 500 }, interval },
];

export const seriesSituations: Situation[] = [
  { name: "no series at all", feed: () => undefined, outcome: "no-evidence", says: "no user's request" },
  {
    name: "zero traffic in the window, plenty before",
    feed: (feed, ns) => {
      feed.requests(canaryIn(ns), "success", flat(5000));
      feed.latency(canaryIn(ns), 5, flat(5000));
    },
    outcome: "no-evidence",
    says: "no user's request reached podinfo-canary in 2s",
  },
  {
    name: "probes and scrapes only",
    feed: (feed, ns) => {
      feed.requests(canaryIn(ns), "success", growing(3), { route_name: "probe" });
      feed.requests(canaryIn(ns), "success", growing(3), { target_port: "4191" });
    },
    outcome: "no-evidence",
    says: "no user's request",
  },
  {
    name: "a good version while its probes fail",
    feed: (feed, ns) => {
      healthy(feed, ns);
      feed.requests(canaryIn(ns), "failure", growing(9), { route_name: "probe", status_code: "502" });
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "one request in ten failing",
    feed: (feed, ns) => feed.traffic(canaryIn(ns), 1, 7),
    outcome: "fail",
    says: "Halt podinfo.test advancement success rate 90.00% < 99%",
  },
  {
    name: "every request failing, so that no success series exists",
    feed: (feed, ns) => {
      feed.requests(canaryIn(ns), "failure", growing(10), { status_code: "500" });
      feed.latency(canaryIn(ns), 7, growing(10));
    },
    outcome: "fail",
    says: "success rate 0.00% < 99%",
  },
  {
    name: "slow requests",
    feed: (feed, ns) => feed.traffic(canaryIn(ns), 0, 1500),
    outcome: "fail",
    says: "Halt podinfo.test advancement request duration 1.99s > 500ms",
  },
  {
    name: "old failures that stopped",
    feed: (feed, ns) => {
      healthy(feed, ns);
      feed.requests(canaryIn(ns), "failure", flat(900), { status_code: "500" });
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "a fixed version right after a bad one of the same Deployment",
    feed: (feed, ns) => {
      healthy(feed, ns);
      feed.traffic({ ...canaryIn(ns), hash: "worse" }, 10, 9000);
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "only another run's pods",
    feed: (feed, ns) => feed.traffic({ ...canaryIn(ns), hash: "earlier" }, 0, 5),
    outcome: "no-evidence",
    says: "no user's request",
  },
  {
    name: "the same names in another namespace",
    feed: (feed, ns) => feed.traffic(canaryIn(`${ns}-other`), 0, 5),
    outcome: "no-evidence",
    says: "no user's request",
  },
  {
    name: "no ReplicaSet yet, and series without a hash",
    feed: (feed, ns) => feed.traffic({ ...canaryIn(ns), hash: "" }, 0, 5),
    more: { canaryHash: undefined },
    outcome: "no-evidence",
    says: "no user's request",
  },
  {
    name: "a neighbour whose name begins alike, failing",
    feed: (feed, ns) => {
      healthy(feed, ns);
      feed.traffic({ ...canaryIn(ns), deployment: "podinfo-canary-2" }, 10, 5);
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "a counter that restarts every second",
    feed: (feed, ns) => {
      const restarting: Value = (n) => 10 * (n % 5);
      feed.requests(canaryIn(ns), "success", restarting);
      feed.latency(canaryIn(ns), 7, restarting);
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "the series of two pods and several clients",
    feed: (feed, ns) => {
      for (const pod of ["a", "b"]) feed.traffic({ ...canaryIn(ns), pod }, 0, 7);
      feed.requests(canaryIn(ns), "failure", growing(2), { client_id: "other", status_code: "503" });
    },
    outcome: "fail",
    says: "success rate 90.91% < 99%",
  },
  {
    name: "fewer requests than asked for",
    feed: healthy,
    more: { minRequests: 10_000 },
    outcome: "no-evidence",
    says: "of the 10000 needed came in 2s",
  },
  { name: "no metric, with traffic", feed: healthy, metrics: [], outcome: "pass", says: "in 60s; no metric is set" },
  {
    name: "no metric, no traffic",
    feed: () => undefined,
    metrics: [],
    outcome: "no-evidence",
    says: "no user's request",
  },
  {
    name: "requests of an earlier run of the same version in the window",
    feed: healthy,
    more: { earlierRunEndedAt: Date.now() + 3_600_000 },
    outcome: "no-evidence",
    says: "still holds requests to an earlier run of this version; wait",
  },
  {
    name: "an earlier run of the same version, long ago",
    feed: healthy,
    more: { earlierRunEndedAt: Date.now() - 3_600_000 },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "too few requests in an old step, over a window that has widened",
    feed: (feed, ns) => feed.requests(canaryIn(ns), "success", growing(1)),
    more: { minRequests: 5_000, weight: 10, notBefore: Date.now() - 20_000 },
    metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "2s" }],
    outcome: "no-evidence",
    says: "of the 5000 needed came in",
  },
  {
    name: "counters that agree in name with those of another job",
    feed: (feed, ns) => {
      healthy(feed, ns);
      feed.requests(canaryIn(ns), "failure", growing(9), { direction: "outbound", authority: "db:5432" });
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "latencies without an upper bound",
    feed: (feed, ns) => feed.traffic(canaryIn(ns), 0, 90_000),
    metrics: [{ name: "request-duration", thresholdRange: { max: 500 }, interval: "2s" }],
    outcome: "fail",
    says: "Halt podinfo.test advancement request duration 50s > 500ms",
  },
  {
    name: "gRPC failures, which carry no HTTP error",
    feed: (feed, ns) => {
      feed.requests(canaryIn(ns), "success", growing(5), { grpc_status: "0" });
      feed.requests(canaryIn(ns), "failure", growing(5), { status_code: "200", grpc_status: "14" });
      feed.latency(canaryIn(ns), 7, growing(10));
    },
    outcome: "fail",
    says: "success rate 50.00% < 99%",
  },
  {
    name: "few requests, enough over a window that has widened",
    feed: (feed, ns) => feed.traffic(canaryIn(ns), 0, 7),
    more: { minRequests: 110, weight: 10, notBefore: Date.now() - 20_000 },
    outcome: "pass",
    says: "success rate 100.00% over",
  },
  {
    name: "every failure while the pod warmed up",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.requests(canaryIn(ns), "failure", (n) => 10 * Math.min(n, 6), { status_code: "500" });
      feed.latency(canaryIn(ns), 9000, (n) => 10 * Math.min(n, 6));
    },
    more: { warmupMs: 2_000 },
    metrics: tutorialMetricsOver("10s"),
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "a pod that still warms up, whatever it answers",
    feed: (feed, ns) => feed.traffic(canaryIn(ns), 9, 9000),
    more: { warmupMs: 600_000 },
    isWarming: true,
    outcome: "no-evidence",
    says: "podinfo-canary warms up, and what a pod answers in its first 10m is no evidence (analysis.warmup)",
  },
  {
    name: "a warm pod that fails beside a cold one that does not",
    feed: (feed, ns) => {
      feed.traffic({ ...canaryIn(ns), pod: "warm" }, 5, 7);
      feed.requests({ ...canaryIn(ns), pod: "cold" }, "success", (n) => (n < 22 ? undefined : 1000 * n));
    },
    more: { warmupMs: 1_000 },
    outcome: "fail",
    says: "success rate 50.00% < 99%",
  },
  {
    name: "failures born after the warm-up, and nothing else",
    feed: (feed, ns) => {
      feed.requests(canaryIn(ns), "success", (n) => 10 * Math.min(n, 2));
      feed.requests(canaryIn(ns), "failure", (n) => (n < 22 ? undefined : 7), { status_code: "500" });
    },
    more: { warmupMs: 1_000 },
    metrics: tutorialMetricsOver("10s"),
    outcome: "fail",
    says: "success rate 0.00% < 99%",
  },
  {
    name: "three requests when fifty are needed",
    feed: (feed, ns) => feed.requests(canaryIn(ns), "failure", (n) => Math.floor(n / 4)),
    more: { minRequests: 50 },
    outcome: "no-evidence",
    says: "of the 50 needed came in 2s; 4",
  },
];
