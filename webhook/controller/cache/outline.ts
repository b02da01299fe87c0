/**
 * What is kept of an object that is larger than it may be: enough to find it, and to say so. One that no Canary names is kept so even
 * where it is not that large; it is read whole when a Canary comes to name it.
 */
import type {
  V1Container,
  V1Deployment,
  V1ObjectMeta,
  V1PodTemplateSpec,
  V1Service,
  V1ServiceSpec,
} from "@kubernetes/client-node";
import { optional } from "../../../shared/core/format/compact.ts";
import {
  isAbove,
  isServiceTooLarge,
  mostBeside,
  mostKept,
  small,
} from "../../../shared/core/objects/kept/kept-size.ts";
import { lastAppliedAnnotation } from "../../../shared/core/objects/last-applied.ts";
import { isOurKey } from "../../../shared/core/objects/names.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import { rulesOf } from "../../../shared/core/routes/route-rules.ts";

interface Described {
  metadata?: V1ObjectMeta;
}

/** The object, or its outline. `isNamed`: by a Canary, or it carries a mark of ours. */
export function keptOf<T extends Described>(object: T, isNamed: boolean, outline: (object: T) => T): T {
  if (!isAbove(isNamed ? mostKept : mostUnnamed, object)) return object;
  const kept = outline(object);
  outlines.set(kept, { isTooLarge: isAbove(mostKept, object) });
  return kept;
}

/** Only an outline is kept of it, whatever the reason. */
export const isOutline = (object: object | undefined): boolean => object !== undefined && outlines.has(object);

/** It is larger than anything is kept, so that reading it again helps nothing. */
export const isTooLarge = (object: object | undefined): boolean =>
  object !== undefined && outlines.get(object)?.isTooLarge === true;

/** An outline that was made elsewhere. */
export function markTooLarge(outline: object): void {
  outlines.set(outline, { isTooLarge: true });
}

export function outlineOfDeployment({ metadata, spec, ...deployment }: V1Deployment): V1Deployment {
  if (!spec) return { ...deployment, metadata: outlineOfMetadata(metadata) };
  const { replicas, paused, strategy, selector, minReadySeconds } = spec;
  const template = outlineOfTemplate(spec.template);
  return {
    ...deployment,
    metadata: outlineOfMetadata(metadata),
    spec: {
      ...{ selector: small(selector) ?? {}, template },
      ...optional("replicas", replicas),
      ...optional("paused", paused),
      ...optional("minReadySeconds", minReadySeconds),
      ...optional("strategy", strategy),
    },
  };
}

/** What is read of a Service, and no more of it. One that is too large has neither selector nor ports. */
export function keptService({ metadata, spec, status: _status, ...service }: V1Service): V1Service {
  const { selector, ports, clusterIP, trafficDistribution, type } = { ...spec };
  const outline: V1ServiceSpec = {
    ...optional("type", type),
    ...optional("clusterIP", clusterIP),
    ...optional("trafficDistribution", trafficDistribution),
  };
  const kept = { ...service, metadata: describedBy(metadata), spec: outline };
  if (isServiceTooLarge({ spec: { ...spec } })) markTooLarge(kept);
  else kept.spec = { ...outline, ...optional("selector", selector), ...optional("ports", ports) };
  return kept;
}

/** To which Services it sends: a leaf that is named is not deleted. */
export function outlineOfRoute({ metadata, spec, ...route }: RouteObject): RouteObject {
  const named = rulesOf({ ...route, metadata, spec }).map(({ backendRefs = [] }) => ({
    backendRefs: backendRefs.map(({ group, kind, name, weight }) => ({ group, kind, name, weight })),
  }));
  const rules = small(named, mostBeside) ?? [];
  return {
    ...{ apiVersion: route.apiVersion, kind: route.kind },
    metadata: outlineOfMetadata(metadata),
    spec: { rules },
  };
}

/** Name, identity and owner, and of labels and annotations our own, as far as they take no more than `most`. */
export function outlineOfMetadata(metadata: V1ObjectMeta | undefined, most = mostUnnamed): V1ObjectMeta {
  const { labels, annotations, ownerReferences, managedFields: _all, finalizers: _others, ...rest } = { ...metadata };
  return {
    ...rest,
    labels: small(ours(labels), most) ?? {},
    annotations: small(ours(annotations), most) ?? {},
    ...optional("ownerReferences", small(ownerReferences)),
  };
}

/** Monitors select Services by any label, and a Canary may give them labels and annotations of its own. */
function describedBy(metadata: V1ObjectMeta | undefined): V1ObjectMeta {
  const outline = outlineOfMetadata(metadata);
  const { [lastAppliedAnnotation]: _applied, ...annotations } = { ...metadata?.annotations };
  return {
    ...outline,
    labels: small(metadata?.labels, mostUnnamed) ?? outline.labels ?? {},
    annotations: small(annotations, mostUnnamed) ?? outline.annotations ?? {},
  };
}

/** Throws where it is larger than what is no Canary's may be; the watch leaves it out and says so. */
export function keptBeside<T extends Described>(object: T): T {
  if (isAbove(mostBeside, object)) throw new Error("it is too large to be kept in memory");
  return object;
}

// --- internal ---

/** Bytes of what no Canary names. A cluster has thousands of these. */
const mostUnnamed = 16 * 1_024;

const outlines = new WeakMap<object, { isTooLarge: boolean }>();

const ours = (given: Record<string, string> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries({ ...given }).filter(([key]) => isOurKey(key)));

/** Also of a Deployment that no Canary names it is asked which pods it is placed by. */
function outlineOfTemplate({ metadata, spec }: V1PodTemplateSpec): V1PodTemplateSpec {
  const { containers = [], affinity, topologySpreadConstraints } = { ...spec };
  const described = containers.map(({ name, image, ports }): V1Container => ({
    name,
    ...optional("image", image),
    ...optional("ports", ports),
  }));
  return {
    metadata: { labels: small(metadata?.labels) ?? {}, annotations: small(ours(metadata?.annotations)) ?? {} },
    spec: {
      containers: small(described) ?? [],
      ...optional("affinity", small(affinity)),
      ...optional("topologySpreadConstraints", small(topologySpreadConstraints)),
    },
  };
}
