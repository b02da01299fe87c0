/** What a Service's users got of all its pods, whichever version: what a plan starts from. */
import { larger, sumOf } from "./promql-text.ts";
import { among, type PodSelector, usersIn, warmCountOf } from "./proxy-series.ts";

export interface TrafficQueries {
  requests: string;
  failures: string;
  /** Answered later than the bound; undefined where none is given. */
  slow: string | undefined;
}

export interface TrafficQuestion {
  namespace: string;
  deployments: readonly string[];
  /** Seconds. */
  window: number;
  /** Of a latency bucket, ms. */
  boundMs?: number | undefined;
}

/** Over the window; of what callers and pods counted the larger. No row for `requests` where nobody counted any. */
export function trafficQueries({ namespace, deployments, window, boundMs }: TrafficQuestion): TrafficQueries {
  const sides = (["outbound", "inbound"] as const).map((side) =>
    among({ namespaces: [namespace], deployments }, side),
  ) as [PodSelector, PodSelector];
  const count = (of: PodSelector, counter: string, matchers = ""): string =>
    warmCountOf(usersIn(counter, of, matchers), of, { window });
  const either = (question: (of: PodSelector) => string): string => larger(question(sides[0]), question(sides[1]));
  const bucket = (of: PodSelector, le: string): string => sumOf(count(of, "response_latency_ms_bucket", `le=~"${le}"`));
  return {
    requests: either((of) => `sum(${count(of, "response_total")})`),
    failures: either((of) => sumOf(count(of, "response_total", `classification="failure"`))),
    // Some versions of Prometheus write 500 as 500.0.
    slow:
      boundMs === undefined
        ? undefined
        : either((of) => `${bucket(of, "[+]Inf")} - ${bucket(of, `${boundMs}([.]0)?`)}`),
  };
}

/** Has a row where Prometheus is as old as that: what it knows of a longer time is less than there was. */
export function isAsOldAs(seconds: number): string {
  return `count(up offset ${seconds}s)`;
}
