/** Every way in which a question to Prometheus can fail, and its code in a check. */
import type { CannotAskCode } from "./core/objects/check-codes.ts";

export type PrometheusFailure =
  | "BadAddress"
  | "RefusedAddress"
  | "Unreachable"
  | "Timeout"
  | "BrokenOff"
  | "HttpError"
  | "BadQuery"
  | "TooLarge"
  | "BadAnswer"
  | "Incomplete";

export class PrometheusError extends Error {
  readonly code: PrometheusFailure;
  /** HTTP status, where there was an answer that had one. */
  readonly status?: number;

  constructor(code: PrometheusFailure, message: string, details: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.name = "PrometheusError";
    this.code = code;
    if (details.status !== undefined) this.status = details.status;
  }
}

/** `not-asked` for what never reached a Prometheus, such as credentials that cannot be read. */
export function checkCodeOf(error: unknown): CannotAskCode {
  if (!(error instanceof PrometheusError)) return "not-asked";
  const isRefused = error.status === 401 || error.status === 403;
  return error.code === "HttpError" && isRefused ? "unauthorized" : codes[error.code];
}

const codes: Record<PrometheusFailure, CannotAskCode> = {
  BadAddress: "bad-address",
  RefusedAddress: "refused-address",
  Unreachable: "unreachable",
  Timeout: "timeout",
  BrokenOff: "broken-off",
  HttpError: "http-error",
  BadQuery: "bad-query",
  TooLarge: "too-large",
  BadAnswer: "bad-answer",
  Incomplete: "incomplete",
};
