/** What scales Deployments, where we may read it. */
import { isDeepStrictEqual } from "node:util";
import type { V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { keyOf } from "../../../shared/kube/store.ts";
import type { Cache } from "./cache.ts";
import { keptBeside } from "./outline.ts";
import { slim } from "./slim.ts";
import { watchInto, type WatchDeps } from "./watch.ts";

/**
 * By namespace. Their status changes all the time: it is looked at when a check is due, and wakes nobody. What there is, and what it scales,
 * is news to Canaries that name one. `readable`: plurals. `canariesIn`: of a namespace.
 */
export function watchAutoscalers(
  deps: WatchDeps,
  readable: readonly string[],
  { byNamespace, canariesIn }: { byNamespace: string; canariesIn: (namespace: string) => readonly Canary[] },
): { autoscalers?: Cache<V2HorizontalPodAutoscaler> } {
  const of = resource.horizontalPodAutoscalers;
  if (!readable.includes(of.plural)) return {};
  const autoscalers = watchInto<V2HorizontalPodAutoscaler>(deps, of, {
    transform: (object) => keptBeside(slim(object)),
    indexes: { [byNamespace]: ({ metadata }) => [metadata?.namespace ?? ""] },
    keys: ({ metadata }) =>
      canariesIn(metadata?.namespace ?? "")
        .filter(({ spec }) => spec.autoscalerRef !== undefined)
        .map(keyOf),
    isNews: (old, now) => !isDeepStrictEqual(old.spec?.scaleTargetRef, now.spec?.scaleTargetRef),
  });
  return { autoscalers };
}
