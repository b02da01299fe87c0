/**
 * The PromQL that we ask, as text. Two forms of each question: one for many canaries at once (grouped by namespace, deployment and
 * pod_template_hash), and one for a single track, which a person can paste into Prometheus to get the number that was shown.
 *
 * Users' requests only: Linkerd's inbound counters also hold kubelet probes and Prometheus' own scrapes of the proxy, by which
 * an idle canary looks perfect.
 */
import { parseDuration } from "../format/duration.ts";
import { canaryName, primaryName } from "../objects/names.ts";

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

/** A Service as callers address it. */
export interface Apex {
  namespace: string;
  service: string;
  port: number;
}

const usersOnly = `direction="inbound",target_port!="4191",route_name!="probe"`;
const trackLabels = "namespace, deployment, pod_template_hash";

/** Window of a metric when its `interval` says nothing, in seconds; Flagger's default. */
export const defaultWindowSeconds = 60;

/**
 * Window of a metric in seconds; undefined where the text is not a positive whole number of seconds, minutes or hours. To be useful
 * it has to hold two scrapes (20s at Linkerd-Viz's scrape interval of 10s), because increase() needs two samples of a series.
 */
export function windowSeconds(interval: string | undefined): number | undefined {
  if (interval === undefined || interval === "") return defaultWindowSeconds;
  const seconds = (parseDuration(interval) ?? 0) / 1_000;
  return seconds > 0 ? seconds : undefined;
}

/**
 * Users' requests of each track over the window, by classification (`success` or `failure`). Here and below `warmup` leaves out what
 * each pod answered in so many seconds since Prometheus first saw it answer a user.
 */
export function requestsQuery(workloads: Workloads, window: number, warmup = 0): string {
  const of = among(workloads);
  return `sum by (${trackLabels}, classification) (${warmCountOf(requestSeries(of), of, { window, warmup })})`;
}

/** p50, p95 and p99 of each track in milliseconds over the window; the label `quantile` says which. */
export function latencyQuery(workloads: Workloads, window: number, warmup = 0): string {
  const of = among(workloads);
  const buckets = `sum by (${trackLabels}, le) (${warmCountOf(bucketSeries(of), of, { window, warmup })})`;
  const one = (quantile: number, name: string): string =>
    `label_replace(histogram_quantile(${quantile}, ${buckets}), "quantile", "${name}", "", "")`;
  return [one(0.5, "p50"), one(0.95, "p95"), one(0.99, "p99")].join(" or ");
}

/** What the `question` label of a row of the ledger says the row is about. */
export const ledger = { counted: "counted", age: "age", sent: "sent" } as const;

/**
 * Counters as they stand, by pod, so that what came between two readings can be told exactly: of users' requests to each pod, and
 * of requests that each meshed pod sent to the Services, by the Service that its proxy chose. Besides the age in seconds of
 * each pod's newest sample, probes included (they prove that the pods are being scraped); an age and not a time, so that a
 * Prometheus whose clock differs from ours does not matter. One query, because all of it is asked once a scrape for every canary.
 */
export function ledgerQuery(workloads: Workloads, apexes: readonly Apex[]): string {
  const of = among(workloads);
  const counted = `sum by (${trackLabels}, pod, classification) (response_total{${usersOnly},${of}})`;
  const age = `time() - max by (${trackLabels}, pod) (timestamp(response_total{direction="inbound",${of}}))`;
  const sent = `sum by (namespace, deployment, pod, dst_service, authority) (${sentTo(apexes)})`;
  const named = (question: string, query: string): string =>
    `label_replace(${query}, "question", "${question}", "", "")`;
  return [named(ledger.counted, counted), named(ledger.age, age), named(ledger.sent, sent)].join(" or ");
}

/** Requests that each meshed pod sent to the Services over the window, by the Service its proxy chose (`dst_service`). */
export function callersQuery(apexes: readonly Apex[], window: number): string {
  return `sum by (namespace, deployment, pod, dst_service, authority) (${countOf(sentTo(apexes), window)}) > 0`;
}

/** The Services of an apex: what a caller's proxy chooses is one of the leaves where it follows the route, and the apex where not. */
export function servicesOf({ service }: Pick<Apex, "service">): { apex: string; primary: string; canary: string } {
  return { apex: service, primary: primaryName(service), canary: canaryName(service) };
}

/** Users' requests of one track over the window. */
export function requestsOf(track: Track, window: number, warmup = 0): string {
  const of = exactly(track);
  return `sum(${warmCountOf(requestSeries(of), of, { window, warmup })})`;
}

/** Percent of one track's users' requests that succeeded; no number at all when there were no requests. */
export function successPercentOf(track: Track, window: number, warmup = 0): string {
  const of = exactly(track);
  const succeeded = warmCountOf(requestSeries(`classification="success",${of}`), of, { window, warmup });
  return `100 * (sum(${succeeded}) or vector(0)) / ${requestsOf(track, window, warmup)}`;
}

/** A quantile of one track's users' requests in milliseconds. */
export function latencyMsOf(track: Track, window: number, { quantile = 0.99, warmup = 0 } = {}): string {
  const of = exactly(track);
  return `histogram_quantile(${quantile}, sum by (le) (${warmCountOf(bucketSeries(of), of, { window, warmup })}))`;
}

/** A PromQL string literal. */
export function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** A regular expression that matches just this text. */
export function regex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/**
 * What each series counted in the window. Plain increase() never sees what a series was born with: ten callers whose first
 * request fails would make ten new failure series that stay at 1, and count as no failure at all. So a series that did not
 * exist before the window counts with its value, and only older ones by increase() (which extrapolates: hence fractions).
 * last_over_time and not the sample at that moment, because one failed scrape would make every series look new; `up` holds
 * this back while Prometheus itself is younger than the window and cannot know which series are.
 */
export function countOf(series: string, window: number): string {
  const before = `offset ${window}s`;
  return `(${series} unless last_over_time(${series}[5m] ${before})) and on() (up ${before}) or increase(${series}[${window}s])`;
}

/**
 * What each series counted in the window since its pod is warm. A pod that was warm before the window began counts as ever; of a younger
 * one the value that its counter had when it was last seen cold is taken away, and a series that was born later counts in full.
 * A pod is cold while no request of a user to it had been scraped `warmup` seconds before: by what Prometheus itself has seen, so that the
 * text needs no time of ours and serves all pods.
 */
function warmCountOf(series: string, of: string, { window, warmup }: { window: number; warmup: number }): string {
  if (warmup === 0) return countOf(series, window);
  const stepSeconds = Math.max(1, Math.floor(window / 60));
  const pod = "on (namespace, pod)";
  const answeredBefore = (seconds: number): string =>
    `last_over_time(${requestSeries(of)}[5m] offset ${seconds + stepSeconds}s)`;
  const cold = `max_over_time((${series} unless ${pod} ${answeredBefore(warmup)})[${window}s:${stepSeconds}s])`;
  // The last step of the range lies a moment back: what a pod that is still cold counted since is no evidence either.
  const grown = `(clamp_min(${series} - ${cold}, 0) or ${series}) and ${pod} ${answeredBefore(warmup)}`;
  const young = `${grown} unless ${pod} ${answeredBefore(window + warmup)}`;
  return `${young} or (${countOf(series, window)}) and ${pod} ${answeredBefore(window + warmup)}`;
}

function requestSeries(matchers: string): string {
  return `response_total{${usersOnly},${matchers}}`;
}

/** Sorted and without repetition, so that equal questions are equal texts. */
function sentTo(apexes: readonly Apex[]): string {
  const authorities = apexes.map((at) => {
    const services = Object.values(servicesOf(at)).map(regex).join("|");
    return `(${services})[.]${regex(at.namespace)}[.]svc[^:]*:${at.port}`;
  });
  return `response_total{direction="outbound",authority=~${quote([...new Set(authorities)].sort().join("|"))}}`;
}

function bucketSeries(matchers: string): string {
  return `response_latency_ms_bucket{${usersOnly},${matchers}}`;
}

function among({ namespaces, deployments }: Workloads): string {
  return `namespace=~${anyOf(namespaces)},deployment=~${anyOf(deployments)}`;
}

function exactly(track: Track): string {
  const { namespace, deployment, podTemplateHash } = track;
  return `namespace=${quote(namespace)},deployment=${quote(deployment)},pod_template_hash=${quote(podTemplateHash)}`;
}

/** Sorted and without repetition, so that equal questions are equal texts. */
function anyOf(names: readonly string[]): string {
  return quote([...new Set(names)].sort().map(regex).join("|"));
}
