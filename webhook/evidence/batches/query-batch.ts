/**
 * One query for all who ask the same thing. Askers that come within a short time share a query, and so do those that find an answer
 * which is young enough and not older than they allow; where there are many, the next query is not sent before its turn. So the load on
 * Prometheus does not grow with the number of canaries.
 */
import type { Prometheus, Sample } from "../../../shared/prometheus.ts";

/** `askedAt`: our clock just before the query was sent. */
export interface BatchAnswer {
  askedAt: number;
  samples: Sample[];
}

/** Subjects by a key that says when two are the same. */
export type Subjects<S> = ReadonlyMap<string, S>;

export interface BatchOptions<S> {
  prometheus: Prometheus;
  queryFor: (subjects: readonly S[]) => string;
  now: () => number;
  /** How long the first asker waits for others. */
  gatherMs: number;
  /** How long an answer may be given again when so many subjects are asked for: alone one need not wait for others' sake. */
  keepMs: (subjects: number) => number;
  /** How long after a query the next is sent at the earliest when so many subjects are asked for, whoever wants it. */
  spaceMs: (subjects: number) => number;
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

export class QueryBatch<S> {
  private readonly options: BatchOptions<S>;
  private readonly known = new Map<string, { subject: S; at: number }>();
  private last: Flight | undefined;
  private used: number;

  constructor(options: BatchOptions<S>) {
    this.options = options;
    this.used = options.now();
  }

  /** When it was last of use, for whoever keeps many of them. */
  get usedAt(): number {
    return this.used;
  }

  /** An answer that covers the subjects and was asked at `notBefore` or later. Rejects as Prometheus does. */
  ask(subjects: Subjects<S>, notBefore: number): Promise<BatchAnswer> {
    return this.batches(subjects, (flight) => this.serves(flight, subjects.keys(), notBefore));
  }

  /** The same for whoever can do without: undefined where it would have to wait for the next query's turn, which then covers him. */
  askAtOnce(subjects: Subjects<S>, notBefore: number): Promise<BatchAnswer> | undefined {
    this.remember(subjects);
    const isAnswered = this.last?.askedAt !== undefined && this.serves(this.last, subjects.keys(), notBefore);
    return isAnswered || this.turnInMs() <= this.options.gatherMs ? this.ask(subjects, notBefore) : undefined;
  }

  /** Any answer that is young enough, whomever it covers: that there is one is what counts. The subjects are asked for from now on. */
  probe(subjects: Subjects<S>): Promise<BatchAnswer> {
    return this.batches(subjects, (flight) => this.serves(flight, [], 0));
  }

  private batches(subjects: Subjects<S>, isServed: (flight: Flight) => boolean): Promise<BatchAnswer> {
    this.remember(subjects);
    if (this.last === undefined || !isServed(this.last)) this.last = this.takeOff();
    if (this.last.askedAt === undefined) for (const key of subjects.keys()) this.last.covers.add(key);
    return this.last.answer;
  }

  private remember(subjects: Subjects<S>): void {
    this.used = this.options.now();
    for (const [key, subject] of subjects) this.known.set(key, { subject, at: this.used });
  }

  private serves(flight: Flight, keys: Iterable<string>, notBefore: number): boolean {
    const { now, keepMs } = this.options;
    if (flight.askedAt === undefined) return true;
    if (flight.askedAt < notBefore || now() - flight.askedAt > keepMs(this.known.size)) return false;
    return [...keys].every((key) => flight.covers.has(key));
  }

  private takeOff(): Flight {
    const { now, prometheus, queryFor } = this.options;
    const waitMs = this.turnInMs();
    const flight: Flight = {
      askedAt: undefined,
      takesOffAt: now() + waitMs,
      covers: new Set(),
      answer: gather(waitMs).then(async () => {
        const askedAt = now();
        flight.askedAt = askedAt;
        return { askedAt, samples: await prometheus.query(queryFor(this.subjectsOf(flight, askedAt))) };
      }),
    };
    return flight;
  }

  /** How long it takes until whoever boards now is asked for. */
  private turnInMs(): number {
    const { gatherMs, now, spaceMs } = this.options;
    if (this.last === undefined) return gatherMs;
    const { askedAt, takesOffAt } = this.last;
    const turnAt = askedAt === undefined ? takesOffAt : askedAt + spaceMs(this.known.size);
    return Math.max(gatherMs, turnAt - now());
  }

  /** Who waits for this very flight, and who came so lately that he will come again. */
  private subjectsOf(flight: Flight, askedAt: number): S[] {
    for (const [key, { at }] of this.known) {
      if (askedAt - at <= this.options.rememberMs) flight.covers.add(key);
      else if (!flight.covers.has(key)) this.known.delete(key);
    }
    return [...this.known].filter(([key]) => flight.covers.has(key)).map(([, { subject }]) => subject);
  }
}

function gather(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
