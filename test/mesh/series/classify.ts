// How a request ended, and what linkerd-proxy calls it.

/** The end of one request, or of one attempt at it. */
export type End =
  | { readonly kind: "answered"; readonly status: number; readonly grpcStatus?: string }
  /** The server broke the connection off in the middle of its answer. */
  | { readonly kind: "broken"; readonly status: number }
  /** The client went away; before the answer's head there is no status. */
  | { readonly kind: "cancelled"; readonly status?: number }
  /** The proxy's own deadline for the request passed. */
  | { readonly kind: "timeout"; readonly status?: number }
  /** No server could be reached, or it closed the connection without an answer. */
  | { readonly kind: "unreachable"; readonly message: string };

/** Labels of `response_total`; without `status_code` where there was no answer. */
export interface Outcome {
  readonly status_code?: number;
  readonly classification: "success" | "failure";
  readonly grpc_status: string;
  readonly error: string;
}

const failedCodes = new Set(["2", "4", "13", "14", "15"]);

/**
 * By gRPC's status where the answer has one (unknown, deadline exceeded, internal, unavailable and data loss are
 * failures), else by HTTP's: a failure from 500 on.
 */
export function outcomeOf(end: End): Outcome {
  if (end.kind === "answered") {
    const { status, grpcStatus = "" } = end;
    const failed = status >= 500 || failedCodes.has(grpcStatus);
    return { status_code: status, classification: failed ? "failure" : "success", grpc_status: grpcStatus, error: "" };
  }
  // A client that leaves in the middle of an answer has got its status: that is how it counts.
  if (end.kind === "cancelled" && end.status !== undefined) return outcomeOf({ kind: "answered", status: end.status });
  const status = "status" in end && end.status !== undefined ? { status_code: end.status } : {};
  return { ...status, classification: "failure", grpc_status: "", error: "unclassified" };
}

/** Labels of the route's own counters. */
export interface RouteOutcome {
  readonly http_status: number | "";
  readonly error: string;
}

export function routeOutcomeOf(end: End): RouteOutcome {
  const http_status = "status" in end ? (end.status ?? "") : "";
  if (end.kind === "answered") return { http_status, error: "" };
  return { http_status, error: end.kind === "timeout" ? "REQUEST_TIMEOUT" : "UNKNOWN" };
}
