/** Which label tells the tracks' pods apart, as far as the objects say. */
import type { V1Service } from "@kubernetes/client-node";
import { isWithoutService } from "../objects/canary.ts";
import { trackLabel } from "../selectors/track-label.ts";
import { nameOf, type SeenObjects } from "./finding.ts";

/** Undefined also for a Canary that has no business with Services. */
export function apexOfTarget({ canary, services = [], apexName }: SeenObjects): V1Service | undefined {
  if (canary && isWithoutService(canary)) return undefined;
  return services.find((service) => nameOf(service) === apexName);
}

/** Undefined where there is no target, or none that can be canaried. */
export function trackIn(seen: SeenObjects): string | undefined {
  const { target, workload } = seen;
  return target ? trackLabel(target, { apex: apexOfTarget(seen), workload }) : undefined;
}
