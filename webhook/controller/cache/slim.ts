/**
 * What is kept of objects in memory. managedFields and the copy that `kubectl apply` leaves are most of an object's size, and a
 * cluster has thousands that are no business of ours.
 */
import type { V1Deployment, V1ManagedFieldsEntry } from "@kubernetes/client-node";
import { type Canary, withSpec } from "../../../shared/core/objects/canary.ts";
import { lastAppliedAnnotation } from "../../../shared/core/objects/last-applied.ts";
import { rememberWriter } from "../objects/from-objects.ts";

interface Described {
  metadata?: { managedFields?: unknown; annotations?: Record<string, string> };
}

export function slim<T extends Described>(object: T): T {
  const { metadata } = object;
  if (!metadata) return object;
  delete metadata.managedFields;
  delete metadata.annotations?.[lastAppliedAnnotation];
  return object;
}

/** What is asked of a Deployment's managedFields is kept beside it. */
export function slimDeployment(deployment: V1Deployment): V1Deployment {
  rememberWriter(deployment);
  return slim(deployment);
}

/** A Canary that came past the schema has the shape of one: what is missing is said by its status, and breaks nobody's watch. */
export function shaped(canary: Canary): Canary {
  const writers = statusWriters(canary);
  const { metadata, ...rest } = withSpec(slim(canary));
  return { ...rest, metadata: { ...metadata, managedFields: writers } };
}

// --- internal ---

/** Who wrote the status, and when: another controller that acts on this Canary is known by it. */
function statusWriters({ metadata }: Canary): V1ManagedFieldsEntry[] {
  return (metadata.managedFields ?? [])
    .filter(({ subresource }) => subresource === "status")
    .map(({ manager = "", operation = "", time, subresource = "" }) => ({
      manager,
      operation,
      subresource,
      ...(time === undefined ? {} : { time }),
    }));
}
