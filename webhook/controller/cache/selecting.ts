/** What selects pods by their labels beside Services and Linkerd's policy, as far as the chart lets us read it. */
import type { V1Deployment, V1PodDisruptionBudget } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { canaryPodLabels } from "../../../shared/core/objects/workload.ts";
import { possibleTrackLabels } from "../../../shared/core/selectors/track-label.ts";
import type { PodMonitor, SelectingObjects, ServiceMonitor } from "../../../shared/core/preconditions/finding.ts";
import type { NetworkPolicy } from "../../../shared/core/selectors/network-policy.ts";
import { selects } from "../../../shared/core/selectors/selector.ts";
import { resource, type Resource } from "../../../shared/kube/resources.ts";
import { keyOf, type Stored } from "../../../shared/kube/store.ts";
import type { Cache } from "./cache.ts";
import { keptBeside } from "./outline.ts";
import { slim } from "./slim.ts";
import { watchInto, type Keys, type WatchDeps } from "./watch.ts";

/** Each left out where we may not read it. */
export interface SelectingCaches {
  networkPolicies?: Cache<NetworkPolicy>;
  budgets?: Cache<V1PodDisruptionBudget>;
  podMonitors?: Cache<PodMonitor>;
  serviceMonitors?: Cache<ServiceMonitor>;
}

/** The kinds, by the names that {@link SelectingObjects} has for them. */
export const selectingKinds = {
  networkPolicies: resource.networkPolicies,
  budgets: resource.podDisruptionBudgets,
  podMonitors: resource.podMonitors,
  serviceMonitors: resource.serviceMonitors,
} as const satisfies Record<keyof SelectingObjects, Resource>;

interface Concerned {
  /** Of a namespace. */
  canaries(namespace: string): readonly Canary[];
  target(of: Canary): V1Deployment | undefined;
}

/** `readable`: plurals. */
export function watchSelecting(deps: WatchDeps, readable: readonly string[], concerned: Concerned): SelectingCaches {
  const all: Keys<Stored> = ({ metadata }) => concerned.canaries(metadata?.namespace ?? "").map(keyOf);
  // Its status changes with each pod of those that it selects.
  const selected: Keys<V1PodDisruptionBudget> = (budget) =>
    concerned
      .canaries(budget.metadata?.namespace ?? "")
      .filter((canary) => isSelected(budget, concerned.target(canary)))
      .map(keyOf);
  const watched = <T extends NetworkPolicy | V1PodDisruptionBudget | PodMonitor>(
    of: Resource,
    keys: Keys<T>,
  ): Cache<T> | undefined =>
    readable.includes(of.plural)
      ? watchInto<T>(deps, of, {
          keys,
          indexes: { [byNamespace]: ({ metadata }) => [metadata?.namespace ?? ""] },
          transform: (object) => keptBeside(slim(object)),
          missingIsEmpty: true,
        })
      : undefined;
  const kinds = selectingKinds;
  return defined({
    networkPolicies: watched<NetworkPolicy>(kinds.networkPolicies, all),
    budgets: watched<V1PodDisruptionBudget>(kinds.budgets, selected),
    podMonitors: watched<PodMonitor>(kinds.podMonitors, all),
    serviceMonitors: watched<ServiceMonitor>(kinds.serviceMonitors, all),
  });
}

export function selectingIn(caches: SelectingCaches, namespace: string): SelectingObjects {
  return {
    networkPolicies: caches.networkPolicies?.byIndex(byNamespace, namespace),
    budgets: caches.budgets?.byIndex(byNamespace, namespace),
    podMonitors: caches.podMonitors?.byIndex(byNamespace, namespace),
    serviceMonitors: caches.serviceMonitors?.byIndex(byNamespace, namespace),
  };
}

// --- internal ---

const byNamespace = "namespace";

function isSelected({ spec }: V1PodDisruptionBudget, target: V1Deployment | undefined): boolean {
  const keys = target ? possibleTrackLabels(target) : [];
  if (!target || keys.length === 0 || !spec?.selector) return false;
  const { selector } = spec;
  const tracks = [{ ...target.spec?.template.metadata?.labels }, ...keys.map((key) => canaryPodLabels(target, key))];
  return tracks.some((labels) => selects(selector, labels));
}

const defined = (caches: { [K in keyof SelectingCaches]-?: SelectingCaches[K] | undefined }): SelectingCaches =>
  Object.fromEntries(Object.entries(caches).filter(([, cache]) => cache !== undefined));
