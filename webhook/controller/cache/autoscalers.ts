/** What scales Deployments, where we may read it. */
import type { V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { resource } from "../../../shared/kube/resources.ts";
import type { Cache } from "./cache.ts";
import { keptBeside } from "./outline.ts";
import { slim } from "./slim.ts";
import { watchInto, type WatchDeps } from "./watch.ts";

/** By namespace. Their status changes all the time: it is looked at when a check is due, and wakes nobody. `readable`: plurals. */
export function watchAutoscalers(
  deps: WatchDeps,
  readable: readonly string[],
  byNamespace: string,
): { autoscalers?: Cache<V2HorizontalPodAutoscaler> } {
  const of = resource.horizontalPodAutoscalers;
  if (!readable.includes(of.plural)) return {};
  const autoscalers = watchInto<V2HorizontalPodAutoscaler>(deps, of, {
    transform: (object) => keptBeside(slim(object)),
    indexes: { [byNamespace]: ({ metadata }) => [metadata?.namespace ?? ""] },
    keys: () => [],
  });
  return { autoscalers };
}
