/**
 * What is kept of objects in memory. managedFields and the copy that `kubectl apply` leaves are most of an object's size, and a
 * cluster has thousands that are no business of ours.
 */
import type { V1Deployment, V1EndpointSlice, V1ManagedFieldsEntry } from "@kubernetes/client-node";
import { optional } from "../../../shared/core/format/compact.ts";
import { type Canary, withSpec } from "../../../shared/core/objects/canary.ts";
import { isAbove, mostBeside, mostKept, small } from "../../../shared/core/objects/kept/kept-size.ts";
import { lastAppliedAnnotation } from "../../../shared/core/objects/last-applied.ts";
import { label } from "../../../shared/core/objects/names.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import { hashTemplate, rememberHash } from "../../../shared/template-hash.ts";
import { rememberWriter } from "../objects/from-objects.ts";
import { keptOf, markTooLarge, outlineOfDeployment, outlineOfMetadata, outlineOfRoute } from "./outline.ts";

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

/** What is asked of a Deployment's managedFields is kept beside it. `isNamed`: see {@link keptOf}. */
export function slimDeployment(deployment: V1Deployment, isNamed = true): V1Deployment {
  const kept = keptOf(deployment, isNamed, outlineOfDeployment);
  const { managedFields, labels, uid = "" } = { ...deployment.metadata };
  if (kept !== deployment) {
    if (managedFields) kept.metadata = { ...kept.metadata, managedFields };
    // It is the same intent. Of what is no business of ours a hash is not worth its time: 20 ms for a megabyte.
    const isAsked = isNamed || labels?.[label.target] === uid;
    if (isAsked && kept.spec) rememberHash(kept.spec.template, hashTemplate(deployment.spec?.template));
  }
  rememberWriter(kept);
  return slim(kept);
}

/** A route is written as it was read, but for the fields' owners: without any, the API server keeps what it has. */
export function slimRoute(route: RouteObject, isNamed = true): RouteObject {
  delete route.metadata.managedFields;
  return keptOf(route, isNamed, outlineOfRoute);
}

/** Of a slice: which pods are ready, and whose it is. */
export function slimSlice({ metadata, endpoints }: V1EndpointSlice): V1EndpointSlice {
  const service = metadata?.labels?.[serviceLabel];
  const outline = outlineOfMetadata(metadata);
  return {
    ...{ addressType: "", metadata: { ...outline, labels: { ...outline.labels, ...optional(serviceLabel, service) } } },
    endpoints: (endpoints ?? []).map(({ conditions, targetRef }) => ({
      addresses: [],
      ...(conditions?.ready === undefined ? {} : { conditions: { ready: conditions.ready } }),
      ...(targetRef?.name === undefined ? {} : { targetRef: { name: targetRef.name } }),
    })),
  };
}

/** A Canary that came past the schema has the shape of one: what is missing is said by its status, and breaks nobody's watch. */
export function shaped(canary: Canary): Canary {
  const writers = statusWriters(canary);
  const { metadata, ...rest } = bounded(withSpec(slim(canary)));
  return { ...rest, metadata: { ...metadata, managedFields: writers } };
}

// --- internal ---

const serviceLabel = "kubernetes.io/service-name";

/** Nobody asks for labels of a Canary's. A spec that is too large is kept as far as it says what is named. */
function bounded(canary: Canary): Canary {
  const { finalizers } = canary.metadata;
  const metadata = { ...outlineOfMetadata(canary.metadata, mostBeside), ...optional("finalizers", small(finalizers)) };
  if (!isAbove(mostKept, { spec: canary.spec })) return { ...canary, metadata };
  const { targetRef, service } = canary.spec;
  const apex = small(service?.name);
  const spec: Canary["spec"] = {
    targetRef: small(targetRef) ?? { apiVersion: "", kind: "", name: "" },
    ...(apex === undefined ? {} : { service: { name: apex, port: 0 } }),
    analysis: {},
  };
  markTooLarge(spec);
  return { ...canary, metadata, spec };
}

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
