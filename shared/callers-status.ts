/** Callers that must be restarted before they obey the route, in a Canary's status. */
import { optional } from "./core/format/compact.ts";
import type { StaleCaller } from "./core/format/restart-command.ts";
import type { CanaryStatus } from "./core/objects/canary-status.ts";

export function parseCallers({ staleCallers, callerWorkloads }: CanaryStatus): StaleCaller[] {
  return (staleCallers ?? []).map((pod) => ({ pod, ...optional("workload", callerWorkloads?.[pod]) }));
}

export function printCallers(
  staleCallers: readonly StaleCaller[],
): Pick<CanaryStatus, "staleCallers" | "callerWorkloads"> {
  const known = staleCallers.flatMap(({ pod, workload }) => (workload === undefined ? [] : [[pod, workload] as const]));
  return {
    staleCallers: staleCallers.map(({ pod }) => pod),
    ...(known.length > 0 ? { callerWorkloads: Object.fromEntries(known) } : {}),
  };
}
