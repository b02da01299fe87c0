/**
 * Every cause for which a run waits: how long it may, what it is called, and what would end it. To add one, add it here and where the
 * core finds it out (`traffic/`); one that only a person ends is told of, so it is in docs/alerts.md too.
 */

/** What the sentences about a cause name. */
export interface WaitFacts {
  /** Name of the Service that users send to. */
  apex: string;
  /** As `deployment/podinfo`. */
  target: string;
  /** `analysis.minRequests`. */
  minRequests: number;
  /** The weight that someone set by hand, where someone has. */
  ceiling: number | null;
  /** The webhook at which it stands, as `qa (confirm-promotion)`. */
  gate: string | null;
}

export type WaitKind = "evidence" | "unseen" | "outage" | "person" | "answer";

interface WaitCauseEntry {
  /**
   * Causes of one kind share a clock: evidence, and pods that Prometheus does not see, run out after `noEvidence`, an outage after
   * `cannotAsk`, a person takes any time, and a webhook its own timeout.
   */
  kind: WaitKind;
  /** A matter of course: no Event tells of it. */
  isQuiet?: true;
  /** It comes to an end without anyone doing anything. */
  goesOn?: true;
  /** After "waiting:". */
  short: string;
  /** What a person, and nobody else, must see to; for those that only a person ends. */
  person?: string;
  /** Why it waits, without the numbers that the status' reason has. */
  why: (facts: WaitFacts) => string;
  /** What would let it go on, each a sentence. */
  unblocks: (facts: WaitFacts) => string[];
}

const table = {
  "no-evidence": {
    kind: "evidence",
    short: "not enough evidence",
    why: () => "there is not enough evidence to judge by",
    unblocks: ({ minRequests }) => [
      `${minRequests > 1 ? `${minRequests} users' requests` : "users' requests"} reach the canary within the window of each metric`,
      "or the metric's query is mended, where it gives no number",
    ],
  },
  "no-numbers": {
    kind: "evidence",
    isQuiet: true,
    short: "no numbers of this step yet",
    why: () => "Prometheus has no numbers of this step yet",
    unblocks: () => ["the next scrape or two of the canary's pods"],
  },
  unseen: {
    kind: "unseen",
    short: "Prometheus does not see the canary's pods",
    why: () => "Prometheus has no fresh sample of the canary's pods, nor of their callers",
    unblocks: () => [
      "a scrape of the canary's pods: see up{job=\"linkerd-proxy\"} in Prometheus; after three without one all traffic is stable's",
    ],
  },
  "callers-unaware": {
    kind: "evidence",
    isQuiet: true,
    short: "callers do not know the canary's pods yet",
    why: ({ apex }) =>
      `callers' proxies know no endpoint of Service ${apex}-canary yet, which your HTTPRoute names between runs too`,
    unblocks: () => [
      "Linkerd tells them within about a minute; two minutes after the pods were ready nobody waits any more",
    ],
  },
  "warming-up": {
    kind: "evidence",
    isQuiet: true,
    short: "the canary's pods are warming up",
    why: () => "the canary's pods are warming up, and what they answer meanwhile is no evidence (analysis.warmup)",
    unblocks: () => ["the end of their warm-up, and a scrape or two"],
  },
  "no-traffic": {
    kind: "evidence",
    short: "no user request reaches canary or primary",
    why: ({ apex }) => `no user sends to Service ${apex}, neither to the canary nor to the primary`,
    unblocks: ({ apex }) => [`users' requests to Service ${apex}`],
  },
  unreached: {
    kind: "evidence",
    short: "no user request reaches the canary",
    why: () => "users' requests reach the primary, and none the canary",
    unblocks: ({ apex }) => [
      `callers are meshed and send to Service ${apex}, not to a pod or to another Service`,
      "callers that are older than the route are restarted once",
      "no ServiceProfile stands over an HTTPRoute",
    ],
  },
  "stale-callers": {
    kind: "evidence",
    short: "callers ignore the route until they are restarted once",
    why: () => "callers that are older than the route ignore it",
    unblocks: () => ["the callers named below are restarted once"],
  },
  "cannot-ask": {
    kind: "outage",
    short: "metrics cannot be asked",
    why: () => "Prometheus cannot be asked, and nothing is judged blindly",
    unblocks: () => [
      "Prometheus answers the controller: its address (metricsServer), its authorization policy, its pods",
    ],
  },
  obstacle: {
    kind: "person",
    short: "something is in the way",
    why: () => "something is in the way",
    unblocks: () => ["what the reason below names is put right"],
  },
  "client-errors": {
    kind: "person",
    short: "more client errors than the primary",
    person: "it answers with 4xx more often than the primary, and waits for a person",
    why: () => "it answers with 4xx more often than the primary, and only a person knows whether it means to",
    unblocks: () => ["someone resumes (they are meant), promotes or rolls back"],
  },
  "lowered-by-hand": {
    kind: "person",
    short: "someone else lowered the weight",
    person: "someone else lowered the weight, and it is not raised again by itself",
    why: ({ ceiling }) =>
      `someone else lowered the weight${ceiling === null ? "" : ` to ${ceiling}`}, and it is not raised again by itself`,
    unblocks: () => ["someone resumes, promotes or rolls back, or the weight is set back"],
  },
  paused: {
    kind: "person",
    short: "paused",
    person: "paused by someone",
    why: () => "it is paused",
    unblocks: () => ["someone resumes it"],
  },
  hook: {
    kind: "answer",
    isQuiet: true,
    goesOn: true,
    short: "a webhook is being asked",
    why: ({ gate }) => `webhook ${gate ?? "of its Canary"} has not passed it yet`,
    unblocks: () => ["the webhook answers 2xx; no answer within its timeout counts as a failed check"],
  },
  gate: {
    kind: "person",
    isQuiet: true,
    short: "it waits at a gate",
    person: "it waits at a gate",
    why: ({ gate }) => `gate ${gate ?? "of its Canary"} does not let it through`,
    unblocks: ({ gate }) => [
      `webhook ${gate ?? "of its Canary"} answers 2xx (it is asked every interval)`,
      "or someone resumes it",
    ],
  },
  "declared-pause": {
    kind: "person",
    short: "its Canary asks for a person at this step",
    person: "its Canary asks for a person at this step",
    why: () => "its Canary asks for a person at this step (spec.analysis.pauses)",
    unblocks: () => ["someone resumes it"],
  },
  "timed-pause": {
    kind: "person",
    isQuiet: true,
    goesOn: true,
    short: "its Canary gives this step more time",
    why: () => "its Canary gives this step more time (spec.analysis.pauses)",
    unblocks: () => ["the time is over and the checks pass, or someone resumes it"],
  },
  "paused-by-user": {
    kind: "person",
    short: "its user paused the Deployment",
    person: "its user paused the Deployment",
    why: () => "every check passed, but the Deployment was paused by its user",
    unblocks: ({ target }) => [`${target} is no longer paused`],
  },
} satisfies Record<string, WaitCauseEntry>;

export type WaitCause = keyof typeof table;

export const waitCauses: Readonly<Record<WaitCause, WaitCauseEntry>> = table;

export const isWaitCause = (text: string): text is WaitCause => Object.hasOwn(table, text);
