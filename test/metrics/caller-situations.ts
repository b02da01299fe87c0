// Situations in which callers know more than the pods, or the pods more than the callers, each with the verdict and its words.
import { canaryIn, flat, growing, primaryIn, type Situation } from "./situations.ts";

const unmeshed = { tls: "no_identity", client_id: "" };

export const callerSituations: Situation[] = [
  {
    name: "requests that a timeout of the callers cut off: pods answered 13 of 34, each well",
    feed: (feed, ns) => {
      const pods = canaryIn(ns);
      feed.requests(pods, "success", growing(13));
      feed.latency(pods, 395, growing(13));
      feed.sent({ pods }, growing(13));
      feed.lost({ pods }, growing(21));
    },
    outcome: "fail",
    says: "success rate 38.24% < 99% (",
  },
  {
    name: "every request lost, so that pods answered none",
    feed: (feed, ns) => feed.lost({ pods: canaryIn(ns) }, growing(10)),
    outcome: "fail",
    says: "never answered, by its callers)",
  },
  {
    name: "the same requests counted by both sides",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns) }, growing(10));
    },
    metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "2s" }],
    more: { minRequests: 150 },
    outcome: "no-evidence",
    says: "of the 150 needed came in 2s",
  },
  {
    name: "a version that policy shuts off from its callers: each got 403, which no limit on success sees",
    feed: (feed, ns) => {
      feed.sent({ pods: canaryIn(ns) }, growing(10), { status_code: "403" });
      const { namespace, deployment, hash } = canaryIn(ns);
      const labels = { namespace, deployment, pod: "podinfo-canary-x", pod_template_hash: hash, tls: "true" };
      feed.add("inbound_http_authz_deny_total", { ...labels, target_port: "9898", srv_name: "deny" }, growing(10));
    },
    metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "2s" }],
    outcome: "pass",
    says: "keeps its limit of at least 99%",
  },
  {
    name: "a caller in another namespace, whom nobody answers",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns) }, growing(10));
      feed.lost({ pods: canaryIn(ns), caller: "far-1", callerNamespace: "elsewhere" }, growing(5));
    },
    outcome: "fail",
    says: "success rate 66.67% < 99% (",
  },
  {
    name: "a caller older than the route beside one that follows it",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns), caller: "new" }, growing(10));
      feed.sent({ pods: primaryIn(ns), caller: "old", service: "podinfo" }, growing(4));
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "a caller that retries: one request in ten fails for good, three in ten at first",
    feed: (feed, ns) => {
      const pods = canaryIn(ns);
      feed.traffic(pods, 3, 7);
      feed.sent({ pods }, growing(7));
      feed.sent({ pods }, growing(3), { classification: "failure", status_code: "503" });
      feed.retried(ns, growing(2));
    },
    outcome: "fail",
    says: "success rate 87.50% < 99% (by its callers and its pods)",
  },
  {
    name: "a caller whose retries all help",
    feed: (feed, ns) => {
      const pods = canaryIn(ns);
      feed.traffic(pods, 3, 7);
      feed.sent({ pods }, growing(7));
      feed.sent({ pods }, growing(3), { classification: "failure", status_code: "503" });
      feed.retried(ns, growing(3));
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "gRPC: half of the calls end in a trailer that says unavailable, for caller and pod alike",
    feed: (feed, ns) => {
      const failed = { status_code: "200", grpc_status: "14" };
      for (const [kind, more] of [
        ["success", { grpc_status: "0" }],
        ["failure", failed],
      ] as const) {
        feed.requests(canaryIn(ns), kind, growing(5), more);
        feed.sent({ pods: canaryIn(ns) }, growing(5), { classification: kind, ...more });
      }
    },
    metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "2s" }],
    outcome: "fail",
    says: "success rate 50.00% < 99% (by its callers and its pods)",
  },
  {
    name: "callers outside the mesh beside meshed ones: one in twenty fails, of theirs alone",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns) }, growing(10));
      feed.requests(canaryIn(ns), "success", growing(9), unmeshed);
      feed.requests(canaryIn(ns), "failure", growing(1), { ...unmeshed, status_code: "500" });
    },
    outcome: "fail",
    says: "success rate 95.00% < 99% (by its callers and its pods)",
  },
  {
    name: "callers outside the mesh, whom half of the time nobody answers",
    feed: (feed, ns) => {
      feed.requests(canaryIn(ns), "success", growing(5), unmeshed);
      feed.latency(canaryIn(ns), 7, growing(5));
      feed.asked(canaryIn(ns), growing(10), unmeshed);
    },
    outcome: "fail",
    says: "never answered, by its pods)",
  },
  {
    name: "callers outside the mesh whose answers are on their way",
    feed: (feed, ns) => {
      feed.requests(canaryIn(ns), "success", growing(10), unmeshed);
      feed.latency(canaryIn(ns), 7, growing(10));
      feed.asked(canaryIn(ns), growing(10, 15), unmeshed);
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "a caller that vanished with its counters, in which everything had failed",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns) }, growing(10));
      feed.lost({ pods: canaryIn(ns), caller: "gone" }, (n) => (n < 8 ? 100 * n : undefined));
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "a caller whose counters restart every second",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns) }, (n) => 10 * (n % 5));
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "callers that were slow to be answered although the pods were quick",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns) }, growing(10));
      feed.waited({ pods: canaryIn(ns) }, 1500, growing(10));
    },
    outcome: "fail",
    says: "request duration 1.99s > 500ms (by its callers and its pods)",
  },
  {
    name: "a meshed Prometheus that scrapes the pods' proxies",
    feed: (feed, ns) => {
      feed.traffic(canaryIn(ns), 0, 7);
      feed.sent({ pods: canaryIn(ns), caller: "prometheus-0" }, flat(0));
      feed.lost({ pods: canaryIn(ns), caller: "prometheus-0", port: "4191" }, growing(10));
    },
    outcome: "pass",
    says: "success rate 100.00%",
  },
  {
    name: "a canary pod that Prometheus cannot scrape",
    feed: (feed, ns) => {
      const { namespace, deployment, hash } = canaryIn(ns);
      feed.add("up", { namespace, deployment, pod: "podinfo-canary-x2x4k", pod_template_hash: hash }, flat(0));
    },
    outcome: "no-evidence",
    says: "Prometheus cannot scrape pod podinfo-canary-x2x4k (up is 0)",
  },
];
