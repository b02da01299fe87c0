/** Every way in which something that we send can fail to arrive. Messages are clauses with the code and the kind, and nothing that a server said. */

export type SendFailure =
  "bad-address" | "refused-address" | "unreachable" | "timeout" | "broken-off" | "proxy" | "http-error" | "refused";

export class SendError extends Error {
  readonly kind: SendFailure;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** It may work in a while. */
  readonly mayRetry: boolean;

  constructor(kind: SendFailure, message: string, details: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.name = "SendError";
    this.kind = kind;
    if (details.status !== undefined) this.status = details.status;
    this.mayRetry = kind === "http-error" ? isPassing(details.status ?? 0) : passing.includes(kind);
  }
}

// --- internal ---

const passing: readonly SendFailure[] = ["unreachable", "timeout", "broken-off", "proxy"];

const isPassing = (status: number): boolean => status === 408 || status === 429 || (status >= 500 && status !== 501);
