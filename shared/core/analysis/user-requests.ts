/**
 * What users got of a track's pods, from two sides that count the same requests: the proxies of meshed callers (outbound) and those of
 * the pods (inbound). Only a caller knows of what was cut off, refused or lost; only the pods know of callers outside the mesh. A
 * request counts once, and as bad where either side says so: of two counts of one kind the larger is taken.
 */

import type { Side } from "../objects/canary-status.ts";

/** What one side counted, since some moment or over a window: whole numbers, or fractions where Prometheus extrapolated. */
export interface SideCounts {
  /** Of whatever status; `failed` and `clientErrors` are parts of it. */
  answered: number;
  /** With 5xx, a gRPC failure, or a body that broke off. */
  failed: number;
  /** With 4xx, or a gRPC status by which the caller is to blame. */
  clientErrors: number;
  /** Sent, and no answer will come. */
  unanswered: number;
  /** Refused by the mesh's policy. A caller's proxy cannot tell them from the app's own 403, and has them in `clientErrors`. */
  denied: number;
  /** Of those answered, later than the Canary's limit; 0 where it has none, or where it was not asked for. */
  slow: number;
}

export interface BothSides {
  /** Counted by meshed callers' proxies. */
  callers: SideCounts;
  /** By the pods' proxies, of meshed callers' requests. */
  pods: SideCounts;
  /** By the pods' proxies, of requests from outside the mesh. */
  unmeshed: SideCounts;
  /** Failed attempts that callers' proxies followed by another one. */
  retried: number;
}

export interface UserRequests {
  /** Each once, however many attempts it took. */
  requests: number;
  /** Failed or never answered, for good. */
  failures: number;
  /** Client errors that the app answered with. */
  clientErrors: number;
  /** Refused by policy before the app saw them. */
  denied: number;
  /** Those of `failures` that got no answer. */
  unanswered: number;
  /** Answered later than the Canary's limit, or never. */
  slow: number;
  /** Requests and their retries. */
  attempts: number;
  side: Side;
  disagreement?: Disagreement;
}

/**
 * The sides differ by more than chance and the moments of their scrapes explain. `cut-off`: callers had failures that the pods know nothing
 * of. `refused`: callers got client errors that the app did not give. `unmeshed`: the pods got requests from outside the mesh beside those
 * of meshed callers. `unseen-callers`: they got more from meshed callers than Prometheus has callers for.
 */
export interface Disagreement {
  kind: "cut-off" | "refused" | "unmeshed" | "unseen-callers";
  /** What callers counted of it, and what the pods did. */
  callers: number;
  pods: number;
}

export const nobody: SideCounts = { answered: 0, failed: 0, clientErrors: 0, unanswered: 0, denied: 0, slow: 0 };

export function addSides(a: SideCounts, b: SideCounts): SideCounts {
  return eachOf((key) => a[key] + b[key]);
}

/** Each count by itself, made anew. */
export function eachOf(value: (key: keyof SideCounts) => number): SideCounts {
  return {
    answered: value("answered"),
    failed: value("failed"),
    clientErrors: value("clientErrors"),
    unanswered: value("unanswered"),
    denied: value("denied"),
    slow: value("slow"),
  };
}

export function userRequests(of: BothSides): UserRequests {
  const meshed = joined(of.callers, of.pods);
  const all = addSides(meshed, joined(nobody, of.unmeshed));
  const attempts = all.answered + all.unanswered;
  const superseded = Math.min(of.retried, all.failed + all.unanswered);
  const requests = attempts - superseded;
  const failures = all.failed + all.unanswered - superseded;
  const denied = Math.min(all.denied, requests - failures);
  const found = disagreementOf(of);
  return {
    requests,
    failures,
    clientErrors: Math.min(all.clientErrors, requests - failures - denied),
    denied,
    unanswered: Math.min(all.unanswered, failures),
    slow: Math.min(all.slow + all.unanswered, requests),
    attempts,
    side: sideOf(of),
    ...(found === undefined ? {} : { disagreement: found }),
  };
}

/**
 * How many of a track's failed attempts were followed by another one: retries are counted by caller and Service, not by the pod that
 * failed, so each track has its part of them by its part of the failed attempts.
 */
export function retriedOf(retries: number, { failed, ofAll }: { failed: number; ofAll: number }): number {
  return ofAll > 0 ? Math.min(1, retries / ofAll) * failed : 0;
}

/** Failed attempts, as callers counted them. */
export function failedAttempts({ failed, unanswered }: SideCounts): number {
  return failed + unanswered;
}

/** Where a count is from, to be put behind it. */
export function sideWords(side: Side): string {
  return { callers: "by its callers", pods: "by its pods", both: "by its callers and its pods" }[side];
}

/** In a sentence that names the likely cause; `workload` is the Deployment whose pods it is about. */
export function disagreementWords({ kind, callers, pods }: Disagreement, workload: string): string {
  const [sent, got] = [Math.round(callers), Math.round(pods)];
  const words: Record<Disagreement["kind"], string> = {
    "cut-off": `Callers of ${workload} saw ${sent} requests fail, its pods ${got}: the others were cut off or lost before they were answered. Is a timeout of the route or of the callers shorter than it takes to answer?`,
    refused: `Callers of ${workload} got ${sent} client errors, and its app gave ${got}: the others were refused on the way. See the Servers and AuthorizationPolicies that select its pods.`,
    unmeshed: `Meshed callers sent ${sent} requests to ${workload}, and its pods got ${got}: the others came from outside the mesh, where no route is obeyed.`,
    "unseen-callers": `Meshed callers that Prometheus knows sent ${sent} requests to ${workload}, and its pods got ${got} from the mesh: it does not scrape every caller.`,
  };
  return words[kind];
}

// --- internal ---

/** Denied requests never come to where the pods count requests. */
function joined(callers: SideCounts, pods: SideCounts): SideCounts {
  return {
    answered: Math.max(callers.answered, pods.answered + pods.denied),
    failed: Math.max(callers.failed, pods.failed),
    clientErrors: Math.max(callers.clientErrors - pods.denied, pods.clientErrors),
    unanswered: Math.max(callers.unanswered, pods.unanswered),
    denied: pods.denied,
    slow: Math.max(callers.slow, pods.slow),
  };
}

function total({ answered, unanswered, denied }: SideCounts): number {
  return answered + unanswered + denied;
}

function sideOf({ callers, pods, unmeshed }: BothSides): Side {
  const fromPods = total(pods) + total(unmeshed);
  if (total(callers) > 0) return fromPods > 0 ? "both" : "callers";
  return fromPods > 0 ? "pods" : "both";
}

/** The worst first. */
function disagreementOf({ callers, pods, unmeshed }: BothSides): Disagreement | undefined {
  if (total(callers) === 0) return undefined;
  const candidates: Disagreement[] = [
    { kind: "cut-off", callers: failedAttempts(callers), pods: failedAttempts(pods) },
    { kind: "refused", callers: callers.clientErrors, pods: pods.clientErrors },
  ];
  const worse = candidates.find((one) => isMore(one.callers, one.pods));
  if (worse) return worse;
  const sent = total(callers);
  if (isMore(total(pods), sent)) return { kind: "unseen-callers", callers: sent, pods: total(pods) };
  const got = Math.max(total(pods), sent) + total(unmeshed);
  return isMore(got, sent) ? { kind: "unmeshed", callers: sent, pods: got } : undefined;
}

/** Half a dozen scrapes make a window, and the sides' may be one apart: a quarter is forgiven, and three standard deviations. */
function isMore(a: number, b: number): boolean {
  return a - b > Math.max(a / 4, 3 * Math.sqrt(b) + 3);
}
