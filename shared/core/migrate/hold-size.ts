/**
 * The target's own autoscaler wakes as soon as the target has pods, sees that they are idle, and would take them away just before or
 * after they get the traffic. The floor that holds during a run holds here too.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import type { Canary } from "../objects/canary.ts";
import { kind } from "../objects/names.ts";
import { ownScalers } from "./left-by-flagger.ts";
import type { MigrationSeen, MigrationWrite, Scaler } from "./seen.ts";

/** The next write of the floor; undefined where nobody would shrink the target, or it is held for long enough. */
export function holdSize(seen: MigrationSeen, target: V1Deployment, size: number): MigrationWrite | undefined {
  const [scaler] = ownScalers(seen);
  const until = seen.floorTimes?.until;
  if (!scaler || size === 0 || until === undefined || isHeld(seen, size)) return undefined;
  const name = target.metadata?.name ?? "";
  const floor = { replicas: size, until, ...wordsOf(scaler, { name, size }) };
  const { canary } = seen;
  return {
    code: "hold-size",
    size,
    verb: "replace",
    kind: kind.canary.kind,
    subresource: "status",
    object: { ...canary, status: { ...canary.status, floor } } as Canary,
    does: `${scaler.kind.toLowerCase()}/${scaler.metadata?.name} leaves deployment/${name} its ${size} pods for 5 minutes, though they look idle`,
  };
}

// --- internal ---

function isHeld({ canary, floorTimes }: MigrationSeen, size: number): boolean {
  const { replicas = 0, until = "" } = { ...canary.status?.floor };
  return replicas >= size && until >= (floorTimes?.atLeast ?? "");
}

function wordsOf(
  scaler: Scaler,
  { name, size }: { name: string; size: number },
): { autoscaler: string; message: string } {
  const autoscaler = `${scaler.kind} ${scaler.metadata?.name}`;
  const message = `All traffic needs ${size} replicas: ${autoscaler} may give Deployment ${name} more, and no fewer for 5 minutes after it was migrated.`;
  return { autoscaler, message };
}
