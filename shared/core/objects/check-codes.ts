/** What a check came to, for programs: its sentences may change their words. */

/** Why a metric that was asked for says nothing about the canary. */
export type NoEvidenceCode =
  | "no-requests"
  | "too-few-requests"
  | "warming-up"
  | "unscraped"
  | "window-too-young"
  | "unanswered"
  | "no-series"
  | "several-series"
  | "not-a-number";

/** Why it cannot be asked for: the metric itself, or the Prometheus that it is asked of. */
export type CannotAskCode =
  | "no-limit"
  | "bad-interval"
  | "unusable-query"
  | "bad-address"
  | "refused-address"
  | "unreachable"
  | "timeout"
  | "broken-off"
  | "unauthorized"
  | "http-error"
  | "bad-query"
  | "too-large"
  | "bad-answer"
  | "incomplete"
  | "not-asked";

export type CheckCode = "within-limit" | "below-min" | "above-max" | NoEvidenceCode | CannotAskCode;
