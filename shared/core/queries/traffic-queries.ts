/** What a Service's users got of all its pods, whichever version: what a plan starts from. */
import { duration, larger, sumOf } from "./promql-text.ts";
import { among, type PodSelector, type ProxySide, usersIn, warmCountOf } from "./proxy-series.ts";

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

/** Has a row where the pods' users were counted `seconds` ago already. Over a longer time, silence would be counted in. */
export function isAsOldAs(
  { namespace, deployments }: Pick<TrafficQuestion, "namespace" | "deployments">,
  seconds: number,
): string {
  const then = (side: ProxySide): string => {
    const counted = usersIn("response_total", among({ namespaces: [namespace], deployments }, side));
    return `last_over_time(${counted}[5m] offset ${duration(seconds)})`;
  };
  return `count(${then("outbound")} or ${then("inbound")})`;
}
