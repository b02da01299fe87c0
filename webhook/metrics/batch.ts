/**
 * One query for all who ask the same thing. Askers that come within a short time share a query, and so do those that find an answer
 * which is young enough and not older than they allow; where there are many, the next query is not sent before its turn. So the load on
 * Prometheus does not grow with the number of canaries.
 */
import type { Prometheus, Sample } from "../../shared/prometheus.ts";

/** `askedAt`: our clock just before the query was sent. */
export interface BatchAnswer {
  askedAt: number;
  samples: Sample[];
}

/** Subjects by a key that says when two are the same. */
export type Subjects<S> = ReadonlyMap<string, S>;

export interface Batch<S> {
  /** An answer that covers the subjects and was asked at `notBefore` or later. Rejects as Prometheus does. */
  ask(subjects: Subjects<S>, notBefore: number): Promise<BatchAnswer>;
  /** The same for whoever can do without: undefined where it would have to wait for the next query's turn, which then covers him. */
  askAtOnce(subjects: Subjects<S>, notBefore: number): Promise<BatchAnswer> | undefined;
  /** Any answer that is young enough, whomever it covers: that there is one is what counts. The subjects are asked for from now on. */
  probe(subjects: Subjects<S>): Promise<BatchAnswer>;
  /** When it was last of use, for whoever keeps many of them. */
  usedAt(): number;
}

export interface BatchOptions<S> {
  prometheus: Prometheus;
  queryFor(subjects: readonly S[]): string;
  now(): number;
  /** How long the first asker waits for others. */
  gatherMs: number;
  /** How long an answer may be given again when so many subjects are asked for: alone one need not wait for others' sake. */
  keepMs(subjects: number): number;
  /** How long after a query the next is sent at the earliest when so many subjects are asked for, whoever wants it. */
  spaceMs(subjects: number): number;
  /** Subjects asked for within so long are asked again along with new ones, so that one answer serves all. */
  rememberMs: number;
}

interface Flight {
  /** Undefined while it still gathers; every asker may join until then. */
  askedAt: number | undefined;
  takesOffAt: number;
  covers: Set<string>;
  answer: Promise<BatchAnswer>;
}

export function createBatch<S>(options: BatchOptions<S>): Batch<S> {
  const known = new Map<string, { subject: S; at: number }>();
  let last: Flight | undefined;
  let used = options.now();

  function takeOff(): Flight {
    const waitMs = turnInMs();
    const flight: Flight = {
      askedAt: undefined,
      takesOffAt: options.now() + waitMs,
      covers: new Set(),
      answer: gather(waitMs).then(async () => {
        const askedAt = options.now();
        flight.askedAt = askedAt;
        const subjects = boarding(flight, askedAt);
        return { askedAt, samples: await options.prometheus.query(options.queryFor(subjects)) };
      }),
    };
    return flight;
  }

  /** How long it takes until whoever boards now is asked for. */
  function turnInMs(): number {
    if (last === undefined) return options.gatherMs;
    const turnAt = last.askedAt === undefined ? last.takesOffAt : last.askedAt + options.spaceMs(known.size);
    return Math.max(options.gatherMs, turnAt - options.now());
  }

  /** Who waits for this very flight, and who came so lately that he will come again. */
  function boarding(flight: Flight, askedAt: number): S[] {
    for (const [key, { at }] of known) {
      if (askedAt - at <= options.rememberMs) flight.covers.add(key);
      else if (!flight.covers.has(key)) known.delete(key);
    }
    return [...known].filter(([key]) => flight.covers.has(key)).map(([, { subject }]) => subject);
  }

  function serves(flight: Flight, keys: Iterable<string>, notBefore: number): boolean {
    if (flight.askedAt === undefined) return true;
    if (flight.askedAt < notBefore || options.now() - flight.askedAt > options.keepMs(known.size)) return false;
    return [...keys].every((key) => flight.covers.has(key));
  }

  function remember(subjects: Subjects<S>): void {
    used = options.now();
    for (const [key, subject] of subjects) known.set(key, { subject, at: used });
  }

  function board(subjects: Subjects<S>, isServed: (flight: Flight) => boolean): Promise<BatchAnswer> {
    remember(subjects);
    if (last === undefined || !isServed(last)) last = takeOff();
    if (last.askedAt === undefined) for (const key of subjects.keys()) last.covers.add(key);
    return last.answer;
  }

  const ask: Batch<S>["ask"] = (subjects, notBefore) =>
    board(subjects, (flight) => serves(flight, subjects.keys(), notBefore));

  return {
    ask,
    usedAt: () => used,
    askAtOnce(subjects, notBefore) {
      remember(subjects);
      const isAnswered = last?.askedAt !== undefined && serves(last, subjects.keys(), notBefore);
      return isAnswered || turnInMs() <= options.gatherMs ? ask(subjects, notBefore) : undefined;
    },
    probe: (subjects) => board(subjects, (flight) => serves(flight, [], 0)),
  };
}

function gather(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
