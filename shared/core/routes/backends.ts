/** Backends of a route of either kind: which are our leaves, and what share each has. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { annotation, canaryLeaf, kind, label, manager, primaryLeaf } from "../objects/names.ts";
import { sealOf } from "../objects/ownership.ts";
import type { RouteContext, RouteObject, RouteSeen } from "./route-object.ts";

export interface Filter {
  type?: string;
}

export interface Backend {
  filters?: Filter[];
  group?: string | undefined;
  kind?: string | undefined;
  port?: number | undefined;
  name?: string;
  service?: string;
  weight?: number | string;
}

export function metadataOf(context: RouteContext): V1ObjectMeta {
  return {
    name: context.apex,
    namespace: context.namespace,
    labels: {
      [label.canary]: context.canary,
      [label.canaryUid]: sealOf(context, context.apex),
      [label.managedBy]: manager,
    },
    annotations: { [annotation.weight]: "0" },
    ownerReferences: [
      {
        apiVersion: `${kind.canary.group}/${kind.canary.version}`,
        kind: kind.canary.kind,
        name: context.canary,
        uid: context.uid,
        controller: true,
        blockOwnerDeletion: false,
      },
    ],
  };
}

export function leafOf(backend: Backend): string | undefined {
  return backend.service ?? backend.name;
}

export function isLeaf(backend: Backend, apex: string): boolean {
  return [primaryLeaf(apex), canaryLeaf(apex)].includes(leafOf(backend) ?? "");
}

export function namesBoth(backends: readonly Backend[], apex: string): boolean {
  const names = backends.map(leafOf);
  return names.includes(primaryLeaf(apex)) && names.includes(canaryLeaf(apex));
}

/** `weight` percent of what our two leaves have together. */
export function shareOf(
  leaf: string | undefined,
  apex: string,
  { weight, of }: { weight: number; of: number },
): number | undefined {
  const share = Math.round((weight * of) / 100);
  if (leaf === canaryLeaf(apex)) return share;
  return leaf === primaryLeaf(apex) ? of - share : undefined;
}

/** What our two leaves have together: 100, or beside a backend of the user's what the user gave them, so that its share stays. */
export function oursOf(backends: readonly Backend[], apex: string): number {
  const ours = backends.filter((backend) => isLeaf(backend, apex));
  if (ours.length === backends.length) return 100;
  return ours.reduce((sum, backend) => sum + milli(backend.weight), 0) / 1_000;
}

export function weightsSeen(route: RouteObject, backends: readonly Backend[], apex: string): RouteSeen {
  const of = (leaf: string): number => {
    const found = backends.find((backend) => leafOf(backend) === leaf);
    return found ? milli(found.weight) : 0;
  };
  const canary = of(canaryLeaf(apex));
  const total = canary + of(primaryLeaf(apex));
  const weight = total === 0 ? 0 : Math.round((100 * canary) / total);
  const own = Number(route.metadata.annotations?.[annotation.weight]);
  const others = backends.some((backend) => !isLeaf(backend, apex));
  const coarse = others && (total < 100_000 || total % 1_000 !== 0);
  const problem = `its weights of ${primaryLeaf(apex)} and ${canaryLeaf(apex)} sum to ${total / 1_000} beside another backend: make it a whole number of at least 100`;
  const over = route.metadata.annotations?.[annotation.over];
  return {
    weight,
    ownWeight: Number.isInteger(own) ? own : weight,
    ...(over === undefined ? {} : { over }),
    ...(coarse ? { problem } : {}),
  };
}

/** SMI v1alpha1 allows `900m`; a missing weight is 1 in the Gateway API. */
export function milli(weight: number | string | undefined): number {
  if (weight === undefined) return 1_000;
  const text = String(weight);
  const value = text.endsWith("m") ? Number(text.slice(0, -1)) : Number(text) * 1_000;
  return Number.isFinite(value) ? value : 0;
}

export function stamped(route: RouteObject, weight: number, over: string | undefined): RouteObject {
  const ended = over === undefined ? {} : { [annotation.over]: over };
  const annotations = { ...route.metadata.annotations, [annotation.weight]: String(weight), ...ended };
  return { ...route, metadata: { ...route.metadata, annotations } };
}
