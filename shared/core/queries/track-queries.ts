/**
 * The numbers of one track as PromQL that a person can paste to get the number that was shown: the same join of both sides as
 * `user-requests.ts` makes of the rows of the batched queries, written out for as much of it as there is something to join.
 */
import { countOf, larger, quote, sumOf } from "./promql-text.ts";
import { among, exactly, type Over, type PodSelector, type Track, usersIn, warmCountOf } from "./proxy-series.ts";

/** Which counts there were any of: what is not is left out of the text. */
export interface Terms {
  /** Callers' proxies counted requests. */
  callers?: boolean;
  /** Requests from outside the mesh came beside those of meshed callers. */
  unmeshed?: boolean;
  /** Some of them were never answered; those of the last `recent` seconds may yet be. */
  recent?: number;
  /** Policy refused some. */
  denied?: boolean;
  /** Callers' proxies retried requests to this Service; the failed attempts of both Deployments are shared out. */
  retried?: { service: string; deployments: readonly string[] };
}

export interface TrackQuestion extends Over {
  terms?: Terms;
}

/** Users' requests of one track over the window. */
export function requestsOf(track: Track, { terms = {}, ...over }: TrackQuestion): string {
  const { pods, callers } = countsOf(track, over);
  if (!isJoined(terms)) return `sum(${pods()})`;
  const deny = (matchers: string): string => sumOf(deniedBy(track, over, matchers));
  const got = (matchers: string): string => {
    const answered = sumOf(pods(matchers));
    return terms.denied ? `${answered} + ${deny(matchers)}` : answered;
  };
  const sent = `${sumOf(callers())} - ${sumOf(callers(unansweredOnly))}`;
  const main = terms.callers ? larger(sent, got(meshed)) : got("");
  const beside = terms.callers && (terms.unmeshed || terms.denied) ? [got(unmeshed)] : [];
  return minusRetried([main, ...neverAnswered(track, { terms, ...over }), ...beside], track, { terms, ...over });
}

/** Of these the failures. */
export function failuresOf(track: Track, { terms = {}, ...over }: TrackQuestion): string {
  const { pods, callers } = countsOf(track, over);
  const failed = `classification="failure"`;
  const got = (matchers: string): string => sumOf(pods(`${failed}${matchers}`));
  const main = terms.callers ? larger(sumOf(callers(`${failed},status_code!=""`)), got(`,${meshed}`)) : got("");
  const beside = terms.callers && terms.unmeshed ? [got(`,${unmeshed}`)] : [];
  return minusRetried([main, ...neverAnswered(track, { terms, ...over }), ...beside], track, { terms, ...over });
}

/** Percent of one track's users' requests that succeeded; no number at all when there were no requests. */
export function successPercentOf(track: Track, asked: TrackQuestion): string {
  if (isJoined(asked.terms)) return `100 - 100 * (${failuresOf(track, asked)}) / (${requestsOf(track, asked)})`;
  const of = exactly(track, "inbound");
  const succeeded = warmCountOf(usersIn("response_total", of, `classification="success"`), of, asked);
  return `100 * ${sumOf(succeeded)} / ${requestsOf(track, asked)}`;
}

/** A quantile of one track's users' requests in milliseconds; of both sides the slower. */
export function latencyMsOf(
  track: Track,
  { quantile = 0.99, ...asked }: TrackQuestion & { quantile?: number },
): string {
  const by = (of: PodSelector): string => {
    const buckets = warmCountOf(usersIn("response_latency_ms_bucket", of), of, asked);
    return `histogram_quantile(${quantile}, sum by (le) (${buckets}))`;
  };
  const pods = by(exactly(track, "inbound"));
  return asked.terms?.callers ? larger(by(exactly(track, "outbound")), pods) : pods;
}

// --- internal ---

const meshed = `tls="true"`;
const unmeshed = `tls!="true"`;
/** Of what was never answered a caller's proxy has no status. */
const unansweredOnly = `classification="failure",status_code=""`;

function isJoined(terms: Terms = {}): boolean {
  return Object.values(terms).some((term) => term !== undefined && term !== false);
}

interface Counts {
  /** Answers by the pods' proxies and by callers', narrowed by matchers. */
  pods: (matchers?: string) => string;
  callers: (matchers?: string) => string;
}

function countsOf(track: Track, over: Over): Counts {
  const count =
    (of: PodSelector) =>
    (matchers = ""): string =>
      warmCountOf(usersIn("response_total", of, matchers), of, over);
  return { pods: count(exactly(track, "inbound")), callers: count(exactly(track, "outbound")) };
}

function deniedBy(track: Track, { window }: Over, matchers: string): string {
  const { of } = exactly(track, "inbound");
  const more = matchers === "" ? "" : `,${matchers}`;
  return countOf(`inbound_http_authz_deny_total{target_port!="4191",${of}${more}}`, window);
}

/** By callers' proxies, and of requests from outside the mesh all but the youngest. */
function neverAnswered(track: Track, { terms = {}, ...over }: TrackQuestion): string[] {
  const { pods, callers } = countsOf(track, over);
  const lost = terms.callers ? [sumOf(callers(unansweredOnly))] : [];
  if (terms.recent === undefined) return lost;
  const of = exactly(track, "inbound");
  const asked = usersIn("request_total", of, unmeshed);
  const old = `${sumOf(warmCountOf(asked, of, over))} - ${sumOf(countOf(asked, terms.recent))}`;
  return [...lost, `clamp_min(${old} - ${sumOf(pods(unmeshed))}, 0)`];
}

/** The parts' sum, without the failed attempts that were followed by another one. */
function minusRetried(parts: readonly string[], track: Track, { terms, ...over }: TrackQuestion): string {
  const all = parts.join(" + ");
  const { retried } = terms ?? {};
  if (!retried) return all;
  const { namespace } = track;
  const failed = `classification="failure"`;
  const ofTrack = sumOf(countsOf(track, over).callers(failed));
  const either = among({ namespaces: [namespace], deployments: retried.deployments }, "outbound");
  const ofAll = sumOf(warmCountOf(usersIn("response_total", either, failed), either, over));
  const at = `parent_namespace=${quote(namespace)},parent_name=${quote(retried.service)}`;
  const retries = sumOf(countOf(`outbound_http_route_retry_requests_total{${at}}`, over.window));
  return `${all} - ${ofTrack} * clamp_max(${retries} / ${ofAll}, 1)`;
}
