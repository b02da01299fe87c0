/** What a loop takes for granted when it starts: namespaces that may be read, and kinds that the cluster serves. */
import type { Clock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Logger } from "../../shared/log.ts";
import { namespacesAppear, type Readable, readableNamespaces } from "../runtime/watched-namespaces.ts";
import { routesAppear, type ServedRoutes } from "./objects/route-choice.ts";
import { policiesAppear, type ServedPolicies } from "./objects/served-policies.ts";

export interface NamespaceSettings {
  /** None: all. */
  watchNamespaces: readonly string[];
  templateNamespaces: readonly string[];
  alerts: { providerNamespaces: readonly string[] };
}

/** Throws where namespaces are listed, and none of them may be read: an empty list would mean all. */
export async function namespacesOf(deps: {
  cluster: Cluster;
  log: Logger;
  config: NamespaceSettings;
}): Promise<Readable & { templates: string[]; providers: string[] }> {
  const { watchNamespaces: listed, templateNamespaces, alerts } = deps.config;
  if (listed.length === 0) return { watched: [], leftOut: [], templates: [], providers: [] };
  const [readable, templates, providers] = await Promise.all([
    readableNamespaces(deps, listed),
    readableNamespaces(deps, templateNamespaces, resource.metricTemplates),
    readableNamespaces(deps, alerts.providerNamespaces, resource.alertProviders),
  ]);
  if (readable.watched.length === 0)
    throw new CanaryError("Forbidden", `None of the namespaces of watchNamespaces may be read: ${listed.join(", ")}.`);
  return { ...readable, templates: templates.watched, providers: providers.watched };
}

/** Resolves with a sentence when another loop is needed, or when `ending` aborts. */
export async function outlived(
  deps: { cluster: Cluster; clock: Clock },
  known: { routes: ServedRoutes; policies: ServedPolicies | undefined; namespaces: Readable },
  ending: AbortSignal,
): Promise<string> {
  const over = new AbortController();
  const until = AbortSignal.any([ending, over.signal]);
  try {
    const { routes, policies, namespaces } = known;
    const awaited = [
      routesAppear(deps, routes, until).then(() => "the cluster serves a kind of route that it did not serve before"),
      namespacesAppear(deps, namespaces.leftOut, until).then(() => "a namespace can be watched that could not before"),
    ];
    const served = "the cluster serves a kind of policy that it did not serve before";
    if (!policies) awaited.push(policiesAppear(deps, namespaces.watched, until).then(() => served));
    return await Promise.race(awaited);
  } finally {
    over.abort();
  }
}
