/**
 * One query for all who ask the same thing. Askers that come within a short time share a query, and so do those that find an answer
 * which is young enough and not older than they allow; where there are many, the next query is not sent before its turn. So the load on
 * Prometheus does not grow with the number of canaries.
 */
import type { Timers } from "../../../shared/kube/clock.ts";
import type { Sample } from "../../../shared/prometheus.ts";
import { PrometheusError } from "../../../shared/prometheus-error.ts";

/** `askedAt`: our clock just before the query was sent. */
export interface BatchAnswer {
  askedAt: number;
  samples: Sample[];
}

/** Subjects by a key that says when two are the same. */
export type Subjects<S> = ReadonlyMap<string, S>;

export interface BatchOptions<S> {
  /** Asks a Prometheus: `subjects` are those that `promql` is about. */
  query: (promql: string, subjects: readonly S[]) => Promise<Sample[]>;
  queryFor: (subjects: readonly S[]) => string;
  now: () => number;
  timers: Timers;
  /** How long the first asker waits for others. */
  gatherMs: number;
  /** How long an answer may be given again when this many subjects are asked for. One alone need not wait for others. */
  keepMs: (subjects: number) => number;
  /** The shortest time from one query to the next when this many subjects are asked for, whoever wants it. */
  spaceMs: (subjects: number) => number;
  /** For how long a subject is asked for again along with new ones, so that one answer serves all. */
  rememberMs: number;
}

interface PendingQuery {
  /** Undefined while it still gathers; every asker may join until then. */
  askedAt: number | undefined;
  sendsAt: number;
  covers: Set<string>;
  /** What came back for subjects of whom there was too much to be read. */
  tooLarge: Map<string, PrometheusError>;
  answer: Promise<BatchAnswer>;
}

export class QueryBatch<S> {
  private readonly options: BatchOptions<S>;
  private readonly known = new Map<string, { subject: S; at: number }>();
  private last: PendingQuery | undefined;
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
    return this.join(subjects, (pending) => this.serves(pending, subjects.keys(), notBefore));
  }

  /** The same for whoever can do without: undefined where the next query is not due yet, which then covers it too. */
  askAtOnce(subjects: Subjects<S>, notBefore: number): Promise<BatchAnswer> | undefined {
    this.remember(subjects);
    const isAnswered = this.last?.askedAt !== undefined && this.serves(this.last, subjects.keys(), notBefore);
    return isAnswered || this.turnInMs() <= this.options.gatherMs ? this.ask(subjects, notBefore) : undefined;
  }

  /** Any answer that is young enough, whichever subjects it covers: that there is one is what counts. These are asked for from now on. */
  probe(subjects: Subjects<S>): Promise<BatchAnswer> {
    return this.join(subjects, (pending) => this.serves(pending, [], 0));
  }

  private async join(subjects: Subjects<S>, isServed: (pending: PendingQuery) => boolean): Promise<BatchAnswer> {
    this.remember(subjects);
    const pending = this.last !== undefined && isServed(this.last) ? this.last : this.send();
    this.last = pending;
    if (pending.askedAt === undefined) for (const key of subjects.keys()) pending.covers.add(key);
    const answer = await pending.answer;
    for (const key of subjects.keys()) {
      const error = pending.tooLarge.get(key);
      if (error) throw error;
    }
    return answer;
  }

  private remember(subjects: Subjects<S>): void {
    this.used = this.options.now();
    for (const [key, subject] of subjects) this.known.set(key, { subject, at: this.used });
  }

  private serves(pending: PendingQuery, keys: Iterable<string>, notBefore: number): boolean {
    const { now, keepMs } = this.options;
    if (pending.askedAt === undefined) return true;
    if (pending.askedAt < notBefore || now() - pending.askedAt > keepMs(this.known.size)) return false;
    return [...keys].every((key) => pending.covers.has(key));
  }

  private send(): PendingQuery {
    const { now } = this.options;
    const waitMs = this.turnInMs();
    const pending: PendingQuery = {
      askedAt: undefined,
      sendsAt: now() + waitMs,
      covers: new Set(),
      tooLarge: new Map(),
      answer: this.gathered(waitMs).then(async () => {
        const askedAt = now();
        pending.askedAt = askedAt;
        return { askedAt, samples: await this.samplesOf(this.subjectsOf(pending, askedAt), pending) };
      }),
    };
    return pending;
  }

  /** An answer that is too large is asked for in halves, so that one subject with series without end fails alone. */
  private async samplesOf(entries: readonly [string, S][], pending: PendingQuery): Promise<Sample[]> {
    const { query, queryFor } = this.options;
    const subjects = entries.map(([, subject]) => subject);
    try {
      return await query(queryFor(subjects), subjects);
    } catch (error: unknown) {
      if (!(error instanceof PrometheusError && error.code === "TooLarge")) throw error;
      const [[key] = [""], ...others] = entries;
      if (others.length > 0) return this.samplesOfHalves(entries, pending);
      pending.tooLarge.set(key, error);
      return [];
    }
  }

  private async samplesOfHalves(entries: readonly [string, S][], pending: PendingQuery): Promise<Sample[]> {
    const middle = Math.ceil(entries.length / 2);
    const halves = [entries.slice(0, middle), entries.slice(middle)];
    const found = await Promise.all(halves.map((half) => this.samplesOf(half, pending)));
    // Each half asks for every combination of its namespaces and Deployments: a row may come with both, and must count once.
    return [...new Map(found.flat().map((sample) => [JSON.stringify(sample.labels), sample])).values()];
  }

  private gathered(ms: number): Promise<void> {
    return new Promise((resolve) => void this.options.timers.after(ms, resolve));
  }

  /** How long until whoever joins now is asked for. */
  private turnInMs(): number {
    const { gatherMs, now, spaceMs } = this.options;
    if (this.last === undefined) return gatherMs;
    const { askedAt, sendsAt } = this.last;
    const turnAt = askedAt === undefined ? sendsAt : askedAt + spaceMs(this.known.size);
    return Math.max(gatherMs, turnAt - now());
  }

  /** Those that wait for this query, and those that asked so recently that they will ask again. */
  private subjectsOf(pending: PendingQuery, askedAt: number): [string, S][] {
    for (const [key, { at }] of this.known) {
      if (askedAt - at <= this.options.rememberMs) pending.covers.add(key);
      else if (!pending.covers.has(key)) this.known.delete(key);
    }
    const covered = [...this.known].filter(([key]) => pending.covers.has(key));
    return covered.map(([key, { subject }]) => [key, subject]);
  }
}
