/** Linkerd's policy as a Canary meets it: what it would refuse before the first weight, and what it has refused. */
import type { V1Pod } from "@kubernetes/client-node";
import { optional } from "../../../shared/core/format/compact.ts";
import { defaultPolicyOf, type PolicyObjects } from "../../../shared/core/objects/inbound-policy.ts";
import { explainedDenial } from "../../../shared/core/analysis/denial.ts";
import { trackGuards, type TrackGuards } from "../../../shared/core/objects/track-guards.ts";
import { podSelectorText } from "../../../shared/core/selectors/track-label.ts";
import type { Observation } from "../../../shared/core/observation.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { CanaryObjects } from "../cache/canary-objects.ts";
import type { Caches } from "../cache/caches.ts";
import { policiesIn } from "../cache/policies.ts";

interface Deps {
  cluster: Cluster;
  world: Caches;
  now(): number;
}

/**
 * Undefined where the cluster has none. Where only the cluster's own setting gives the default policy, stable's proxies tell it. They
 * are asked where it decides whether the canary's pods are open or shut.
 */
export async function policiesSeen(deps: Deps, objects: CanaryObjects): Promise<PolicyObjects | undefined> {
  const policies = policiesIn(deps.world.policies, objects.namespace);
  const guards = policies && guardsOf(objects, policies);
  if (!policies || !guards?.stable.server || guards.canary.server || guards.canary.defaultPolicy !== undefined)
    return policies;
  const known = askedIn(deps.world);
  const found = known.get(objects.namespace);
  const isFresh = found !== undefined && deps.now() - found.at < freshMs;
  const answer = isFresh ? found : { policy: await askedOf(deps, objects), at: deps.now() };
  known.set(objects.namespace, answer);
  return { ...policies, ...optional("defaultPolicy", answer.policy) };
}

/** With what the policy objects say of the refusals that the proxies counted. */
export function withDenials(
  seen: Observation,
  objects: CanaryObjects,
  policies: PolicyObjects | undefined,
): Observation {
  const { counters } = seen;
  if (!counters?.deniedBy || !policies) return seen;
  return {
    ...seen,
    counters: { ...counters, deniedBy: explainedDenial(counters.deniedBy, guardsOf(objects, policies)) },
  };
}

// --- internal ---

const freshMs = 60_000;

interface Known {
  policy: string | undefined;
  at: number;
}

/** By namespace, for as long as these caches live. */
const asked = new WeakMap<Caches, Map<string, Known>>();

function askedIn(world: Caches): Map<string, Known> {
  const found = asked.get(world) ?? new Map<string, Known>();
  asked.set(world, found);
  return found;
}

function guardsOf(
  { target, stableLabels, apex, canary }: CanaryObjects,
  policies: PolicyObjects,
): TrackGuards | undefined {
  return target && apex && trackGuards({ target, stableLabels, apex, port: canary.spec.service?.port }, policies);
}

/** It only makes a warning more exact: where it cannot be asked, nothing is known. */
async function askedOf({ cluster }: Deps, { target, namespace }: CanaryObjects): Promise<string | undefined> {
  try {
    for await (const { items } of cluster.pages<V1Pod>(resource.pods, {
      namespace,
      labelSelector: podSelectorText(target?.spec?.selector),
      limit: 1,
    }))
      return items[0] && defaultPolicyOf(items[0]);
  } catch {
    return undefined;
  }
  return undefined;
}
