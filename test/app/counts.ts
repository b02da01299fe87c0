// What the load generator saw since its last reset: the totals that tests and people read at GET /counts.

export interface Failure {
  /** ISO time. */
  readonly at: string;
  /** A status, or what went wrong. */
  readonly what: string;
}

export interface Counts {
  /** Requests per second that are being sent. */
  readonly rate: number;
  /** Requests with an outcome. */
  readonly requests: number;
  readonly inFlight: number;
  /** Requests without an answer, or answered with 400 or more. */
  readonly failed: number;
  /** Of `failed`: answered by a proxy of the mesh or not at all. The app itself answered the others. */
  readonly failedInMesh: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Answers of podinfo by the version it reports. */
  readonly byVersion: Readonly<Record<string, number>>;
  /** Answers of podinfo by the Deployment whose pod gave them. */
  readonly byWorkload: Readonly<Record<string, number>>;
  /** Requests without an answer by reason. */
  readonly errors: Readonly<Record<string, number>>;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** The last few failures. */
  readonly failures: readonly Failure[];
}

/** One finished request: answered, or `error`. */
export interface Outcome {
  readonly durationMs: number;
  readonly status?: number;
  readonly body?: string;
  /** The answer is a proxy's own. */
  readonly fromProxy?: boolean;
  readonly error?: string;
}

const KEPT_FAILURES = 50;
const KEPT_LATENCIES = 20_000;

export class Tally {
  rate: number;
  inFlight = 0;
  #requests = 0;
  #failed = 0;
  #failedInMesh = 0;
  #byStatus: Record<string, number> = {};
  #byVersion: Record<string, number> = {};
  #byWorkload: Record<string, number> = {};
  #errors: Record<string, number> = {};
  #latencies: number[] = [];
  #failures: Failure[] = [];

  constructor(rate: number) {
    this.rate = rate;
  }

  reset(): void {
    this.#requests = this.#failed = this.#failedInMesh = 0;
    [this.#byStatus, this.#byVersion, this.#byWorkload, this.#errors] = [{}, {}, {}, {}];
    [this.#latencies, this.#failures] = [[], []];
  }

  add(outcome: Outcome, at: Date): void {
    this.#requests += 1;
    if (this.#latencies.length < KEPT_LATENCIES) this.#latencies.push(outcome.durationMs);
    if (outcome.status === undefined) increment(this.#errors, outcome.error ?? "unknown");
    else this.#answered(outcome.status, outcome.body ?? "");
    if ((outcome.status ?? 599) >= 400) this.#fail(outcome, at);
  }

  #answered(status: number, body: string): void {
    increment(this.#byStatus, String(status));
    const version = /"version":\s*"([^"]*)"/.exec(body)?.[1];
    const workload = /"hostname":\s*"(.+)-[a-z0-9]+-[a-z0-9]+"/.exec(body)?.[1];
    if (version) increment(this.#byVersion, version);
    if (workload) increment(this.#byWorkload, workload);
  }

  #fail(outcome: Outcome, at: Date): void {
    this.#failed += 1;
    if (outcome.fromProxy || outcome.status === undefined) this.#failedInMesh += 1;
    const what = outcome.status === undefined ? (outcome.error ?? "unknown") : String(outcome.status);
    this.#failures = [...this.#failures, { at: at.toISOString(), what }].slice(-KEPT_FAILURES);
  }

  counts(): Counts {
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    const quantile = (q: number): number => Math.round((sorted[Math.ceil(q * sorted.length) - 1] ?? 0) * 10) / 10;
    return {
      rate: this.rate,
      requests: this.#requests,
      inFlight: this.inFlight,
      failed: this.#failed,
      failedInMesh: this.#failedInMesh,
      byStatus: this.#byStatus,
      byVersion: this.#byVersion,
      byWorkload: this.#byWorkload,
      errors: this.#errors,
      latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
      failures: this.#failures,
    };
  }
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
