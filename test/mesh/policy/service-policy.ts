// What Linkerd's annotations on a Service say of requests to it: how long one may take, and whether it is tried again.
// They hold for requests that go by an HTTPRoute too; a client that follows a ServiceProfile knows nothing of them.
import { durationMs } from "./duration.ts";

export interface RetryPolicy {
  /** Ranges of statuses, both ends included. */
  readonly statuses: readonly (readonly [from: number, to: number])[];
  /** Attempts beside the first one. */
  readonly limit: number;
}

export interface ServicePolicy {
  readonly requestTimeoutMs?: number;
  readonly retry?: RetryPolicy;
}

const DEFAULT_LIMIT = 1;

export function servicePolicy(annotations: Readonly<Record<string, string>> = {}): ServicePolicy {
  const requestTimeoutMs = durationMs(annotations["timeout.linkerd.io/request"]);
  const statuses = statusRanges(annotations["retry.linkerd.io/http"]);
  const limit = Number(annotations["retry.linkerd.io/limit"] ?? DEFAULT_LIMIT);
  return {
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    ...(statuses.length > 0 && limit > 0 ? { retry: { statuses, limit } } : {}),
  };
}

/** "5xx,gateway-error,429,500-503" */
function statusRanges(text = ""): [number, number][] {
  return text.split(",").flatMap((each): [number, number][] => {
    const condition = each.trim().toLowerCase();
    if (condition === "5xx") return [[500, 599]];
    if (condition === "gateway-error") return [[502, 504]];
    const [, from, to] = /^(\d{3})(?:-(\d{3}))?$/.exec(condition) ?? [];
    return from === undefined ? [] : [[Number(from), Number(to ?? from)]];
  });
}

export const isRetried = ({ statuses }: RetryPolicy, status: number): boolean =>
  statuses.some(([from, to]) => status >= from && status <= to);
