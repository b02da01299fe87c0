/** The golden numbers of one track as PromQL, one text a number: what its users got by both sides, or as one caller's proxies counted. */
import { countOf, quote } from "./promql-text.ts";
import type { Track } from "./proxy-series.ts";
import { latencyMsOf, requestsOf, successPercentOf, type Terms } from "./track-queries.ts";

export interface GoldenQueries {
  requests: string;
  successPercent: string;
  latencyMsP50: string;
  latencyMsP95: string;
  latencyMsP99: string;
}

/** A Deployment that calls. */
export interface CallingWorkload {
  namespace: string;
  deployment: string;
}

/** Of users' requests over the window. What a caller counts holds its retries, and the way to the pod. */
export function goldenQueries(track: Track, window: number, from?: CallingWorkload): GoldenQueries {
  if (from) return asSeenBy(from, track, window);
  const asked = { window, terms: everyTerm };
  return {
    requests: `(${requestsOf(track, asked)}) > 0`,
    successPercent: successPercentOf(track, asked),
    latencyMsP50: latencyMsOf(track, { ...asked, quantile: 0.5 }),
    latencyMsP95: latencyMsOf(track, { ...asked, quantile: 0.95 }),
    latencyMsP99: latencyMsOf(track, { ...asked, quantile: 0.99 }),
  };
}

// --- internal ---

/** Whatever there may be to join, for whoever does not know what there is; two of Linkerd-Viz's scrapes may yet bring an answer. */
const everyTerm: Terms = { callers: true, unmeshed: true, denied: true, recent: 20 };

function asSeenBy(from: CallingWorkload, track: Track, window: number): GoldenQueries {
  const matchers =
    `direction="outbound",namespace=${quote(from.namespace)},deployment=${quote(from.deployment)},` +
    `dst_namespace=${quote(track.namespace)},dst_deployment=${quote(track.deployment)},` +
    `dst_pod_template_hash=${quote(track.podTemplateHash)}`;
  const all = `sum(${countOf(`response_total{${matchers}}`, window)})`;
  const succeeded = countOf(`response_total{classification="success",${matchers}}`, window);
  const buckets = countOf(`response_latency_ms_bucket{${matchers}}`, window);
  const latency = (quantile: number): string => `histogram_quantile(${quantile}, sum by (le) (${buckets}))`;
  return {
    requests: all,
    successPercent: `100 * (sum(${succeeded}) or vector(0)) / ${all}`,
    latencyMsP50: latency(0.5),
    latencyMsP95: latency(0.95),
    latencyMsP99: latency(0.99),
  };
}
