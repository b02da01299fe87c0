/**
 * The series of Linkerd's proxies that hold users' requests, as selectors: those of the pods' own proxies (inbound), and those of meshed
 * callers' (outbound), whose labels name the pods with `dst_` before.
 *
 * Users' requests only: the counters also hold kubelet probes and Prometheus' own scrapes of the proxy, by which an idle canary
 * looks perfect.
 */
import { anyOf, countOf, duration, quote } from "./promql-text.ts";

/** Namespaces and Deployments that a batched query covers; every combination is asked for, the answer's labels tell them apart. */
export interface Workloads {
  namespaces: readonly string[];
  deployments: readonly string[];
}

/** One version's pods of one Deployment. */
export interface Track {
  namespace: string;
  deployment: string;
  podTemplateHash: string;
}

/** The pods that are asked for, as one side's labels name them. */
export interface PodSelector {
  /** What tells users' requests from others on this side. */
  users: string;
  /** Matchers of the pods. */
  of: string;
  /** Labels that name one pod. */
  pod: string;
}

export type ProxySide = "inbound" | "outbound";

/** Labels that name a version's pods, as each side has them. */
export const trackLabels: Record<ProxySide, string> = {
  inbound: "namespace, deployment, pod_template_hash",
  outbound: "dst_namespace, dst_deployment, dst_pod_template_hash",
};

export function among({ namespaces, deployments }: Workloads, side: ProxySide): PodSelector {
  const at = prefix[side];
  return selector(side, `${at}namespace=~${anyOf(namespaces)},${at}deployment=~${anyOf(deployments)}`);
}

export function exactly({ namespace, deployment, podTemplateHash }: Track, side: ProxySide): PodSelector {
  const at = prefix[side];
  const of = `${at}namespace=${quote(namespace)},${at}deployment=${quote(deployment)}`;
  return selector(side, `${of},${at}pod_template_hash=${quote(podTemplateHash)}`);
}

/** Users' requests in a counter of the proxies. */
export function usersIn(counter: string, { users, of }: PodSelector, matchers = ""): string {
  return `${counter}{${users},${of}${matchers === "" ? "" : `,${matchers}`}}`;
}

/** Over how long, and how much of each pod's beginning is left out, both in seconds. */
export interface Over {
  window: number;
  warmup?: number;
}

/**
 * What each series counted in the window since its pod is warm. A pod that was warm before the window began counts as ever; of a younger
 * one the value that its counter had when it was last seen cold is taken away, and a series that was born later counts in full.
 * A pod is cold while no answer of it to a user had been scraped `warmup` seconds before: by what Prometheus itself has seen, so that the
 * text needs no time of ours and serves all pods.
 */
export function warmCountOf(series: string, pods: PodSelector, { window, warmup = 0 }: Over): string {
  if (warmup === 0) return countOf(series, window);
  const stepSeconds = Math.max(1, Math.floor(window / 60));
  const on = `on (${pods.pod})`;
  const answeredBefore = (seconds: number): string =>
    `last_over_time(${usersIn("response_total", pods)}[5m] offset ${duration(seconds + stepSeconds)})`;
  const cold = `max_over_time((${series} unless ${on} ${answeredBefore(warmup)})[${duration(window)}:${stepSeconds}s])`;
  // The last step of the range lies a moment back: what a pod that is still cold counted since is no evidence either.
  const grown = `(clamp_min(${series} - ${cold}, 0) or ${series}) and ${on} ${answeredBefore(warmup)}`;
  const young = `${grown} unless ${on} ${answeredBefore(window + warmup)}`;
  return `${young} or (${countOf(series, window)}) and ${on} ${answeredBefore(window + warmup)}`;
}

// --- internal ---

const prefix: Record<ProxySide, string> = { inbound: "", outbound: "dst_" };

function selector(side: ProxySide, of: string): PodSelector {
  const inbound = side === "inbound";
  const probes = inbound ? `,route_name!="probe"` : "";
  const at = prefix[side];
  return { users: `direction="${side}",target_port!="4191"${probes}`, of, pod: `${at}namespace, ${at}pod` };
}
