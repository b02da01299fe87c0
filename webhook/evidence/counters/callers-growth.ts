/** What callers' proxies counted between two readings: of each track, and by caller what it sent to the Services of the apex. */
import { type Apex, question, servicesOf } from "../../../shared/core/queries/queries.ts";
import { addSides, nobody, type SideCounts } from "../../../shared/core/analysis/user-requests.ts";
import type { Sample } from "../../../shared/prometheus.ts";
import type { BatchAnswer } from "../batches/query-batch.ts";
import { createCounters, keepRecent } from "./counters.ts";
import { countsOf, failedAtEither, isRowOf, type MaybeTrack, retriesIn } from "../track-rows.ts";

/** Requests that one meshed pod sent to the apex, and how many of them its proxy gave to the canary. */
export interface Sent {
  namespace: string;
  pod: string;
  deployment: string;
  canary: number;
  all: number;
  /** Sent to the apex itself, past the route. */
  direct: number;
}

export interface CallersGrown {
  canary: SideCounts;
  primary: SideCounts;
  /** Attempts at either track that followed another one, and how many of all failed. */
  retries: number;
  failedAtEither: number;
  sent: Sent[];
  /** Every caller that is there, or was a moment ago, as `namespace/pod`. */
  present: Set<string>;
}

export interface CallersSubject {
  canary: MaybeTrack;
  primary: MaybeTrack;
  apex: Apex;
  /** Answers above this latency bucket are slow, ms. */
  boundMs?: number;
  /** A caller that was not scraped for this long, ms, is gone. A request from outside the mesh that is younger may yet be answered. */
  recentMs: number;
  /** The run was counted before: what is seen for the first time may have been counted then. */
  isResumed?: true;
}

export interface CallersGrowth {
  read(answer: BatchAnswer): CallersGrown;
}

/**
 * Rows are of one calling pod each: the sum of all would shrink and jump whenever a pod is not scraped for a moment, and what it had
 * counted long before would count again.
 */
export function createCallersGrowth(subject: CallersSubject): CallersGrowth {
  const counters = createCounters();
  /** When each was last seen, ms. */
  const known = new Map<string, number>();

  /** A caller's rows come with one scrape: a new row of a known caller counts from 0, and so does everything about the canary. */
  function grown(row: Sample, isCanary: boolean): SideCounts {
    const { labels } = row;
    const isNew = !known.has(callerOf(labels));
    const newCounts = !isNew || (isCanary && !subject.isResumed);
    return counters.grow(keyOf(labels), valueOf(row, subject), { newCounts });
  }

  function read({ askedAt, samples }: BatchAnswer): CallersGrown {
    const found: CallersGrown = {
      canary: nobody,
      primary: nobody,
      retries: 0,
      failedAtEither: 0,
      sent: [],
      present: new Set(),
    };
    const sent = new Map<string, Sent>();
    for (const row of samples) {
      if (!isAbout(row, subject)) continue;
      const isCanary = isRowOf(row.labels, subject.canary, "outbound");
      const more = grown(row, isCanary);
      found.present.add(callerOf(row.labels));
      count(found, { row, more, isCanary }, subject);
      if (known.has(callerOf(row.labels))) addSent(sent, row, { more, apex: subject.apex });
    }
    for (const caller of found.present) {
      known.delete(caller);
      known.set(caller, askedAt);
    }
    keepRecent(known, found.present.size);
    counters.settle();
    const there = [...known].filter(([, at]) => askedAt - at <= subject.recentMs).map(([caller]) => caller);
    return { ...found, sent: [...sent.values()].filter(({ all }) => all > 0), present: new Set(there) };
  }
  return { read };
}

// --- internal ---

function isAbout(row: Sample, { canary }: CallersSubject): boolean {
  const { labels } = row;
  if (labels.question === question.retried) return retriesIn({ ...row, value: 1 }, canary) > 0;
  const isKind = labels.question === question.sent || labels.question === question.slowSent;
  return (
    isKind && labels.dst_namespace === canary.namespace && canary.deployments.includes(labels.dst_deployment ?? "")
  );
}

/** A retry is counted as answered: its row has nothing else. */
function valueOf(row: Sample, { boundMs }: CallersSubject): SideCounts {
  const { labels, value } = row;
  if (labels.question === question.retried) return { ...nobody, answered: value };
  if (labels.question === question.slowSent) return { ...nobody, slow: Number(labels.le) === boundMs ? value : 0 };
  return countsOf(row);
}

function count(
  found: CallersGrown,
  { row, more, isCanary }: { row: Sample; more: SideCounts; isCanary: boolean },
  { canary, primary }: CallersSubject,
): void {
  if (row.labels.question === question.retried) found.retries += more.answered;
  else if (isCanary) found.canary = addSides(found.canary, more);
  else if (isRowOf(row.labels, primary, "outbound")) found.primary = addSides(found.primary, more);
  found.failedAtEither += failedAtEither({ ...row, value: more.failed + more.unanswered }, canary);
}

function addSent(sent: Map<string, Sent>, { labels }: Sample, { more, apex }: { more: SideCounts; apex: Apex }): void {
  const services = servicesOf(apex);
  const { dst_service: service = "", port } = labels;
  const isAsked = labels.question === question.sent && port === String(apex.port);
  if (!isAsked || !Object.values(services).includes(service)) return;
  const known = sent.get(callerOf(labels)) ?? nothingSent(labels);
  const all = more.answered + more.unanswered;
  sent.set(callerOf(labels), {
    ...known,
    canary: known.canary + (service === services.canary ? all : 0),
    direct: known.direct + (service === services.apex ? all : 0),
    all: known.all + all,
  });
}

function nothingSent({ namespace = "", pod = "", deployment = "" }: Record<string, string>): Sent {
  return { namespace, pod, deployment, canary: 0, direct: 0, all: 0 };
}

function callerOf({ namespace = "", pod = "" }: Record<string, string>): string {
  return `${namespace}/${pod}`;
}

function keyOf(labels: Record<string, string>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
