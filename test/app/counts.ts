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
  /** Requests without a whole answer, or answered with 400 or more or a gRPC status that is not OK. */
  readonly failed: number;
  /** Good answers that came later than the 500 ms of the tutorial's metric `request-duration`. */
  readonly slow: number;
  /** Of `failed`: answered by a proxy of the mesh or not at all. The app itself answered the others. */
  readonly failedInMesh: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Answers of podinfo by the version it reports. */
  readonly byVersion: Readonly<Record<string, number>>;
  /** Of `failed`, by the version that began to answer; without those of which no version is known. */
  readonly failedByVersion: Readonly<Record<string, number>>;
  /** Of `failed`, those that the client's own proxy answered, by the Service that it had chosen. */
  readonly failedByBackend: Readonly<Record<string, number>>;
  /** By path: by status, or by what went wrong. */
  readonly byPath: Readonly<Record<string, Readonly<Record<string, number>>>>;
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
  readonly path?: string;
  readonly status?: number;
  readonly body?: string;
  /** From the answer's head: known even where the rest never came. */
  readonly version?: string;
  readonly backend?: string;
  /** Not "0" is a failure, whatever HTTP's status says. */
  readonly grpcStatus?: string;
  /** The answer is a proxy's own. */
  readonly fromProxy?: boolean;
  readonly error?: string;
}

const slowMs = 500;

const KEPT_FAILURES = 50;
const KEPT_LATENCIES = 20_000;

export class Tally {
  rate: number;
  inFlight = 0;
  #requests = 0;
  #failed = 0;
  #failedInMesh = 0;
  #slow = 0;
  #byStatus: Record<string, number> = {};
  #byVersion: Record<string, number> = {};
  #byWorkload: Record<string, number> = {};
  #failedByVersion: Record<string, number> = {};
  #failedByBackend: Record<string, number> = {};
  #byPath: Record<string, Record<string, number>> = {};
  #errors: Record<string, number> = {};
  #latencies: number[] = [];
  #failures: Failure[] = [];

  constructor(rate: number) {
    this.rate = rate;
  }

  reset(): void {
    this.#requests = this.#failed = this.#failedInMesh = this.#slow = 0;
    [this.#byStatus, this.#byVersion, this.#byWorkload, this.#errors] = [{}, {}, {}, {}];
    [this.#failedByVersion, this.#failedByBackend, this.#byPath] = [{}, {}, {}];
    [this.#latencies, this.#failures] = [[], []];
  }

  add(outcome: Outcome, at: Date): void {
    this.#requests += 1;
    if (this.#latencies.length < KEPT_LATENCIES) this.#latencies.push(outcome.durationMs);
    if (outcome.status === undefined) increment(this.#errors, outcome.error ?? "unknown");
    else this.#answered(outcome.status, outcome.body ?? "", outcome.version);
    increment((this.#byPath[outcome.path ?? "/"] ??= {}), whatOf(outcome));
    if (isFailure(outcome)) this.#fail(outcome, at);
    else if (outcome.durationMs > slowMs) this.#slow += 1;
  }

  #answered(status: number, body: string, inHead: string | undefined): void {
    increment(this.#byStatus, String(status));
    const version = versionIn(body) ?? inHead;
    const workload = /"hostname":\s*"(.+)-[a-z0-9]+-[a-z0-9]+"/.exec(body)?.[1];
    if (version) increment(this.#byVersion, version);
    if (workload) increment(this.#byWorkload, workload);
  }

  #fail(outcome: Outcome, at: Date): void {
    this.#failed += 1;
    if (outcome.fromProxy || outcome.status === undefined) this.#failedInMesh += 1;
    const version = versionIn(outcome.body ?? "") ?? outcome.version;
    if (version) increment(this.#failedByVersion, version);
    if (outcome.backend) increment(this.#failedByBackend, outcome.backend);
    this.#failures = [...this.#failures, { at: at.toISOString(), what: whatOf(outcome) }].slice(-KEPT_FAILURES);
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
      slow: this.#slow,
      byStatus: this.#byStatus,
      byVersion: this.#byVersion,
      byWorkload: this.#byWorkload,
      failedByVersion: this.#failedByVersion,
      failedByBackend: this.#failedByBackend,
      byPath: this.#byPath,
      errors: this.#errors,
      latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
      failures: this.#failures,
    };
  }
}

const versionIn = (body: string): string | undefined => /"version":\s*"([^"]*)"/.exec(body)?.[1];

const isFailure = ({ status = 599, grpcStatus = "0" }: Outcome): boolean => status >= 400 || grpcStatus !== "0";

function whatOf({ status, error = "unknown", grpcStatus = "0" }: Outcome): string {
  if (status === undefined) return error;
  return grpcStatus === "0" ? String(status) : `grpc ${grpcStatus}`;
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
