/** Reads what a Canary's tree is made of: ReplicaSets and pods of both tracks, the three Services, the autoscaler. */
import type {
  V1Deployment,
  V1LabelSelector,
  V1Pod,
  V1ReplicaSet,
  V1Service,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import { canaryLeaf, primaryLeaf } from "../../shared/core/objects/names.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { type Resource, resource } from "../../shared/kube/resources.ts";
import type { Deps } from "../context.ts";
import { missingPermission } from "../errors.ts";
import { apexOf } from "../../shared/core/objects/canary.ts";
import type { Objects, Seen } from "../view/types.ts";

/** Side by side; kinds that may not be read are left out, with a sentence. */
export async function readObjects(seen: Seen, { cluster }: Deps): Promise<Objects> {
  const namespace = seen.canary.metadata.namespace ?? "";
  const unread = new Set<string>();
  const guard = async <T>(asked: Promise<T[]>): Promise<T[]> => {
    try {
      return await asked;
    } catch (error) {
      if (hasCode(error, "NotFound", "NoSuchKind")) return [];
      const permission = missingPermission(error);
      if (permission === undefined) throw error;
      unread.add(`Not shown: what ${permission}.`);
      return [];
    }
  };
  const list = <T>(r: Resource, labelSelector?: string): Promise<T[]> =>
    guard(cluster.list<T>(r, { namespace, ...(labelSelector ? { labelSelector } : {}) }).then(({ items }) => items));
  const service = (name: string): Promise<V1Service[]> =>
    guard(cluster.get<V1Service>(resource.services, { name, namespace }).then((found) => [found]));
  const selectors = [seen.target, seen.workload].flatMap((deployment) => selectorOf(deployment) ?? []);
  const apex = apexOf(seen.canary);
  const [replicaSets, pods, services, autoscalers] = await Promise.all([
    Promise.all(selectors.map((selector) => list<V1ReplicaSet>(resource.replicaSets, selector))),
    Promise.all(selectors.map((selector) => list<V1Pod>(resource.pods, selector))),
    Promise.all([apex, primaryLeaf(apex), canaryLeaf(apex)].map(service)),
    list<V2HorizontalPodAutoscaler>(resource.horizontalPodAutoscalers),
  ]);
  const flat = { replicaSets: replicaSets.flat(), pods: pods.flat(), services: services.flat() };
  return { ...flat, autoscalers, unread: [...unread] };
}

/** As a query has it. */
export function selectorQuery(selector: V1LabelSelector | undefined): string {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const others = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    const set = `(${values.join(",")})`;
    const words: Record<string, string> = { In: `${key} in ${set}`, NotIn: `${key} notin ${set}`, Exists: key };
    return words[operator] ?? `!${key}`;
  });
  return [...equal, ...others].join(",");
}

// --- internal ---

function selectorOf(deployment: V1Deployment | undefined): string | undefined {
  return deployment && selectorQuery(deployment.spec?.selector);
}
