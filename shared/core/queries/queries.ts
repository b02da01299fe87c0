/**
 * The PromQL that we ask for many canaries at once, as text: rows by namespace, deployment and pod_template_hash, which
 * `user-requests.ts` joins. `track-queries.ts` has the same for one track, for a person to paste.
 */
import { parseDuration } from "../format/duration.ts";
import { anyOf, countOf, labelled, quote, regex } from "./promql-text.ts";
import {
  among,
  type Over,
  type PodSelector,
  trackLabels,
  usersIn,
  warmCountOf,
  type Workloads,
} from "./proxy-series.ts";
import { canaryLeaf, primaryLeaf } from "../objects/names.ts";

/** A Service as callers address it. */
export interface Apex {
  namespace: string;
  service: string;
  port: number;
}

/** What is asked for: the pods, and the Services by which users reach them. */
export interface Asked {
  workloads: Workloads;
  apexes: readonly Apex[];
}

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

/** What the `question` label of a row says the row is about. */
export const question = {
  /** Answers by the pods' proxies: `side` says of whom, `outcome` and `classification` of what kind. */
  answered: "answered",
  /** The same by callers' proxies; what was never answered has the outcome `unanswered`. */
  sent: "sent",
  /** Requests from outside the mesh, answered or not. */
  asked: "asked",
  /** Those of them that are so young that they may still be answered. */
  recent: "recent",
  /** Refused by policy: `srv_kind` and `srv_name` say by which Server. */
  denied: "denied",
  /** Attempts that followed another one, by caller and Service. */
  retried: "retried",
  /** Answers above the bound `le`, by the pods' proxies and by callers'. */
  slowAnswered: "slow-answered",
  slowSent: "slow-sent",
  /** Age in seconds of the newest sample of a pod, and of callers' newest about a track. */
  age: "age",
  heard: "heard",
  /** Pods that Prometheus knows and cannot scrape. */
  down: "down",
  /** Callers whose proxies have asked for a canary's leaf, and know no endpoint of it. */
  unaware: "unaware",
} as const;

/** What the `side` label says of a row of the pods' proxies. */
export const callersKind = { meshed: "meshed", unmeshed: "unmeshed" } as const;

/** What the `outcome` label says of an answer; the rest has none. */
export const outcome = { clientError: "client-error", unanswered: "unanswered" } as const;

/** Requests of each track over a window, by side and kind; here and below `warmup` leaves out the beginning of each pod. */
export function requestsQuery({ workloads, apexes }: Asked, over: Over & { recent: number }): string {
  const [pods, callers] = [among(workloads, "inbound"), among(workloads, "outbound")];
  const count = (counter: string, of: PodSelector, matchers = ""): string =>
    warmCountOf(usersIn(counter, of, matchers), of, over);
  const by = (side: "inbound" | "outbound", more: string): string => `sum by (${trackLabels[side]}${more})`;
  const unmeshed = usersIn("request_total", pods, notMeshed);
  return rows({
    [question.answered]: `${by("inbound", `, side, ${kinds}`)} (${withSide(withOutcome(count("response_total", pods)))})`,
    [question.sent]: `${by("outbound", `, ${kinds}`)} (${withOutcome(count("response_total", callers))})`,
    [question.asked]: `${by("inbound", "")} (${count("request_total", pods, notMeshed)})`,
    [question.recent]: `${by("inbound", "")} (${countOf(unmeshed, over.recent)})`,
    [question.denied]: `${by("inbound", ", side")} (${withSide(countOf(deniedIn(pods), over.window))})`,
    [question.retried]: `sum by (parent_namespace, parent_name) (${countOf(retriesTo(apexes), over.window)})`,
  });
}

/** p50, p95 and p99 of each track in milliseconds over the window by each side's buckets; the label `quantile` says which. */
export function latencyQuery({ workloads }: Pick<Asked, "workloads">, over: Over): string {
  const buckets = (["inbound", "outbound"] as const).map((side) => {
    const of = among(workloads, side);
    return `sum by (${trackLabels[side]}, le) (${warmCountOf(usersIn("response_latency_ms_bucket", of), of, over)})`;
  });
  const one = (quantile: number, name: string): string =>
    labelled(`histogram_quantile(${quantile}, ${buckets.join(" or ")})`, "quantile", name);
  return [one(0.5, "p50"), one(0.95, "p95"), one(0.99, "p99")].join(" or ");
}

/**
 * Counters as they stand, so that what came between two readings can be told exactly: by pod those of the pods' proxies, and by calling
 * pod, track and Service those of callers'. Besides the age in seconds of each pod's newest sample, probes included (they prove
 * that the pods are being scraped); an age and not a time, so that a Prometheus whose clock differs from ours does not
 * matter. One query, because all of it is asked once a scrape for every canary. `bounds`: of latency buckets, ms.
 */
export function countersQuery({ workloads, apexes }: Asked, bounds: readonly number[] = []): string {
  const [pods, callers] = [among(workloads, "inbound"), among(workloads, "outbound")];
  const byPod = `${trackLabels.inbound}, pod`;
  const byCaller = `namespace, deployment, pod, ${trackLabels.outbound}`;
  const newest = (of: PodSelector, direction: string): string =>
    `timestamp(response_total{direction="${direction}",${of.of}})`;
  const slow = { [question.slowAnswered]: [pods, `${byPod}, side`], [question.slowSent]: [callers, byCaller] } as const;
  return rows({
    [question.answered]: `sum by (${byPod}, side, ${kinds}) (${withSide(withOutcome(usersIn("response_total", pods)))})`,
    [question.sent]: `sum by (${byCaller}, dst_service, port, ${kinds}) (${withPort(withOutcome(usersIn("response_total", callers)))})`,
    [question.asked]: `sum by (${byPod}) (${usersIn("request_total", pods, notMeshed)})`,
    [question.denied]: `sum by (${byPod}, side, srv_kind, srv_name) (${withSide(deniedIn(pods))})`,
    [question.retried]: `sum by (namespace, pod, parent_namespace, parent_name) (${retriesTo(apexes)}) > 0`,
    [question.age]: `time() - max by (${byPod}) (${newest(pods, "inbound")})`,
    [question.heard]: `time() - max by (${trackLabels.outbound}) (${newest(callers, "outbound")})`,
    [question.down]: `max by (${byPod}) (up{${pods.of}}) == 0`,
    [question.unaware]: `sum by (namespace, pod, backend_namespace, backend_name) (${balancersOf(apexes)}) == 0`,
    ...(bounds.length === 0
      ? {}
      : Object.fromEntries(Object.entries(slow).map(([name, [of, by]]) => [name, slowIn(of, by, bounds)]))),
  });
}

/** Requests that each meshed pod sent to the Services over the window, by the Service its proxy chose; pods that are gone have none. */
export function callersQuery(apexes: readonly Apex[], window: number): string {
  const sent = `response_total{direction="outbound",authority=~${authoritiesOf(apexes)}}`;
  return `sum by (namespace, deployment, pod, dst_service, authority) ((${countOf(sent, window)}) and ${sent}) > 0`;
}

/** The Services of an apex: what a caller's proxy chooses is one of the leaves where it follows the route, and the apex where not. */
export function servicesOf({ service }: Pick<Apex, "service">): { apex: string; primary: string; canary: string } {
  return { apex: service, primary: primaryLeaf(service), canary: canaryLeaf(service) };
}

// --- internal ---

const kinds = "classification, outcome";
const notMeshed = `tls!="true"`;

/** gRPC statuses by which the caller is to blame: client errors where Linkerd counts them as success, as it does 4xx. */
const grpcClientErrors = "3|5|6|7|8|9|10|11|12|16";

function rows(questions: Record<string, string>): string {
  return Object.entries(questions)
    .map(([name, query]) => labelled(query, "question", name))
    .join(" or ");
}

function withOutcome(answers: string): string {
  const outcomes: [string, string, string][] = [
    [outcome.clientError, "status_code", "4.."],
    [outcome.clientError, "grpc_status", grpcClientErrors],
    [outcome.unanswered, "status_code", ""],
  ];
  return outcomes.reduce(
    (inner, [value, label, pattern]) => `label_replace(${inner}, "outcome", "${value}", "${label}", "${pattern}")`,
    answers,
  );
}

function withSide(answers: string): string {
  const { meshed, unmeshed } = callersKind;
  return `label_replace(${labelled(answers, "side", unmeshed)}, "side", "${meshed}", "tls", "true")`;
}

function withPort(answers: string): string {
  return `label_replace(${answers}, "port", "$1", "authority", ".*:([0-9]+)")`;
}

function deniedIn({ of }: PodSelector): string {
  return `inbound_http_authz_deny_total{target_port!="4191",${of}}`;
}

/** By Linkerd's retry annotations; a ServiceProfile's retries are counted elsewhere, and by no Service. */
function retriesTo(apexes: readonly Apex[]): string {
  const namespaces = anyOf(apexes.map(({ namespace }) => namespace));
  const names = anyOf(apexes.map(({ service }) => service));
  return `outbound_http_route_retry_requests_total{parent_namespace=~${namespaces},parent_name=~${names}}`;
}

/** How many endpoints of a canary's leaf each caller's proxy knows; it has the series once a route has made it ask for that leaf. */
function balancersOf(apexes: readonly Apex[]): string {
  const namespaces = anyOf(apexes.map(({ namespace }) => namespace));
  const leaves = anyOf(apexes.map((apex) => servicesOf(apex).canary));
  return `outbound_http_balancer_endpoints{endpoint_state="ready",backend_namespace=~${namespaces},backend_name=~${leaves}}`;
}

function slowIn(of: PodSelector, by: string, bounds: readonly number[]): string {
  const bucket = (labels: string, le: string): string => {
    const found = usersIn("response_latency_ms_bucket", of, le);
    return `sum by (${labels}) (${of.users.includes("inbound") ? withSide(found) : found})`;
  };
  // Some versions of Prometheus write 500 as 500.0.
  const wanted = [...new Set(bounds)].sort((a, b) => a - b).map((bound) => `${bound}([.]0)?`);
  const within = bucket(`${by}, le`, `le=~${quote(wanted.join("|"))}`);
  return `(${bucket(by, `le="+Inf"`)} - on (${by}) group_right () ${within}) > 0`;
}

/** Sorted and without repetition, so that equal questions are equal texts. */
function authoritiesOf(apexes: readonly Apex[]): string {
  const authorities = apexes.map((at) => {
    const services = Object.values(servicesOf(at)).map(regex).join("|");
    return `(${services})[.]${regex(at.namespace)}[.]svc[^:]*:${at.port}`;
  });
  return quote([...new Set(authorities)].sort().join("|"));
}
