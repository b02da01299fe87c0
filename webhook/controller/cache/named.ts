/** What Canaries name: MetricTemplates and AlertProviders, of other namespaces too where the chart lets them. */
import type { AlertProvider } from "../../../shared/core/objects/alerts/alert-provider.ts";
import type { MetricTemplate } from "../../../shared/core/queries/query-template.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Cache } from "./cache.ts";
import { keptBeside } from "./outline.ts";
import { slim } from "./slim.ts";
import { watchInto, type Keys, type WatchDeps } from "./watch.ts";

export interface NamedDeps extends WatchDeps {
  /** Beside the namespaces, where MetricTemplates are read. */
  templateNamespaces: readonly string[];
  /** Likewise AlertProviders. */
  providerNamespaces: readonly string[];
}

export function watchTemplates(deps: NamedDeps, keys: Keys<MetricTemplate>): Cache<MetricTemplate> {
  return watchInto<MetricTemplate>(deps, resource.metricTemplates, {
    transform: (object) => keptBeside(slim(object)),
    missingIsEmpty: true,
    besides: deps.templateNamespaces,
    keys,
  });
}

export function watchProviders(deps: NamedDeps, keys: Keys<AlertProvider>): Cache<AlertProvider> {
  const besides = deps.providerNamespaces;
  return watchInto<AlertProvider>(deps, resource.alertProviders, {
    transform: (object) => keptBeside(slim(object)),
    missingIsEmpty: true,
    besides,
    keys,
  });
}
