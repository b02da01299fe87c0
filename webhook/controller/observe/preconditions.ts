/** What forbids to touch a Canary's objects, and what is missing: each a sentence that says what was found and what to do. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { isFlagger } from "../../../shared/core/objects/eligibility.ts";
import { isBuiltIn } from "../../../shared/core/analysis/verdict.ts";
import { customQuery, type TemplateContext } from "../../../shared/core/analysis/query-template.ts";
import { canaryName, label, primaryName } from "../../../shared/core/objects/names.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { type CanaryObjects } from "../cache/canary-objects.ts";
import { metaOf } from "../objects/from-objects.ts";
import { indexes, type Caches } from "../cache/caches.ts";
import { trackLabel, canaryPodLabels, alsoSelects } from "../../../shared/core/objects/workload.ts";

export interface Findings {
  obstacles: string[];
  missing: string[];
}

export function obstaclesTo(world: Caches, scene: CanaryObjects & { problem?: string }): Findings {
  return {
    obstacles: [
      ...flaggerAtWork(world),
      ...rival(world, scene),
      ...flaggersPrimary(world, scene),
      ...foreignObjects(world, scene),
      ...brokenRoute(scene),
      ...(scene.problem ? [sentence(scene.problem)] : []),
    ],
    missing: [...missingPort(scene), ...unusableMetrics(world, scene), ...leaks(world, scene)],
  };
}

/** The scene without what has one of our names and is not ours: no action can then touch it. */
export function withoutForeign<S extends CanaryObjects>(scene: S): S {
  const { workload, route, ...ours } = scene;
  return {
    ...ours,
    ...(workload && !isForeign(scene, workload) ? { workload } : {}),
    ...(route && foreignRoute(scene, isForeign(scene, route)).length === 0 ? { route } : {}),
  } as S;
}

function sentence(text: string): string {
  return `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`;
}

function flaggerAtWork(world: Caches): string[] {
  const found = world.deployments.list().find(isFlagger);
  if (!found) return [];
  const { name, namespace } = metaOf(found);
  return [
    `A Flagger controller is at work (Deployment ${name} in ${namespace}): it would act on this Canary too. Nothing is touched until it is removed or scaled to 0.`,
  ];
}

/** Of two Canaries on one target the older wins; of the same age the first by name. */
function rival(world: Caches, { canary, namespace, targetName }: CanaryObjects): string[] {
  const others = world.canaries
    .byIndex(indexes.target, `${namespace}/${targetName}`)
    .filter((other) => metaOf(other).name !== metaOf(canary).name);
  const older = others.find((other) => ageKey(other) < ageKey(canary));
  if (!older) return [];
  return [
    `Canary ${metaOf(older).name} is older and has Deployment ${targetName} as its target already: delete one of the two.`,
  ];
}

function ageKey(canary: Canary): string {
  const created = canary.metadata.creationTimestamp;
  return `${created ? new Date(created).toISOString() : ""}/${metaOf(canary).name}`;
}

function flaggersPrimary(world: Caches, { namespace, targetName }: CanaryObjects): string[] {
  const name = primaryName(targetName);
  if (!world.deployments.get(namespace, name)) return [];
  return [
    `Deployment ${name} is there, as Flagger leaves it: it may be what serves your users. Nothing is touched. Bring traffic back to ${targetName}, delete ${name}, and this Canary goes on.`,
  ];
}

function isForeign({ canary }: CanaryObjects, object: { metadata?: V1ObjectMeta } | undefined): boolean {
  return object !== undefined && metaOf(object).labels[label.canary] !== metaOf(canary).name;
}

function foreignObjects(world: Caches, scene: CanaryObjects): string[] {
  const { namespace, targetName, apexName } = scene;
  const name = metaOf(scene.canary).name;
  const foreign = (object: { metadata?: V1ObjectMeta } | undefined): boolean => isForeign(scene, object);
  const services = [primaryName(apexName), canaryName(apexName)]
    .filter((service) => foreign(world.services.get(namespace, service)))
    .map((service) => `Service ${service}`);
  const workload = foreign(scene.workload) ? [`Deployment ${canaryName(targetName)}`] : [];
  const found = [...workload, ...services, ...foreignRoute(scene, foreign(scene.route))];
  if (found.length === 0) return [];
  const are = found.length === 1 ? "is" : "are";
  return [
    `${found.join(", ")} in ${namespace} ${are} not ours (no label ${label.canary}=${name}): rename or delete, and this Canary goes on. Nothing is touched.`,
  ];
}

/** A TrafficSplit is ours or in the way; an HTTPRoute of the user's is fine if it names both leaves: then we set weights only. */
function foreignRoute({ route, served, apexName }: CanaryObjects, foreign: boolean): string[] {
  if (!route || !foreign) return [];
  const usable = route.kind === "HTTPRoute" && served?.router.read(route, apexName) !== undefined;
  return usable ? [] : [`${route.kind} ${apexName}`];
}

/** Our own route, from which someone took a leaf: there is no weight to read or write. */
function brokenRoute(scene: CanaryObjects): string[] {
  const { route, served, apexName, namespace } = scene;
  const leaves = [primaryName(apexName), ...(served?.router.kind === "TrafficSplit" ? [canaryName(apexName)] : [])];
  if (!route || isForeign(scene, route) || served?.router.read(route, apexName) !== undefined) return [];
  return [
    `${route.kind} ${apexName} in ${namespace} no longer names ${leaves.join(" and ")}: put ${leaves.length > 1 ? "them" : "it"} back, or delete it and it is made anew.`,
  ];
}

function missingPort({ apex, apexName, port, canary, target }: CanaryObjects): string[] {
  if (!apex && canary.spec.service === undefined)
    return [
      `Service ${apexName} was not found and spec.service names no port: create the Service, or set spec.service.port.`,
    ];
  if (!apex) return portOfPods({ port, canary, target });
  const ports = (apex.spec?.ports ?? []).map((entry) => entry.port);
  if (ports.includes(port)) return [];
  return [`Service ${apexName} has no port ${port} (it has ${ports.join(", ") || "none"}): correct spec.service.port.`];
}

function portOfPods({
  port,
  canary,
  target,
}: Pick<CanaryObjects, "port" | "canary"> & { target: CanaryObjects["target"] | undefined }): string[] {
  const wanted = canary.spec.service?.targetPort ?? port;
  const declared = (target?.spec?.template.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const names = declared.flatMap((entry) => (entry.name ? [entry.name] : []));
  if (typeof wanted === "number" || names.includes(wanted)) return [];
  return [`No container of the target has a port named ${wanted}: correct spec.service.targetPort.`];
}

/** Metrics that could not be asked whatever Prometheus says: told before any traffic moves, and before any change is even made. */
function unusableMetrics(world: Caches, { canary, namespace, targetName, apexName }: CanaryObjects): string[] {
  // A spec that cannot be read may be without it.
  const { metrics = [] } = { ...(canary.spec.analysis as Canary["spec"]["analysis"] | undefined) };
  return metrics.flatMap((metric) => {
    if (isBuiltIn(metric)) return [];
    const { templateRef } = metric;
    const template = templateRef && world.templates.get(templateRef.namespace ?? namespace, templateRef.name);
    const context: TemplateContext = {
      name: metaOf(canary).name,
      namespace,
      target: canaryName(targetName),
      service: apexName,
      ...optional("ingress", canary.spec.ingressRef?.name),
      ...optional("route", canary.spec.routeRef?.name),
      interval: metric.interval ?? "1m",
      variables: metric.templateVariables ?? {},
    };
    const query = customQuery(metric, context, template);
    return "error" in query ? [`Metric ${metric.name} cannot be asked: ${query.error}.`] : [];
  });
}

function leaks(world: Caches, scene: CanaryObjects): string[] {
  const names = leakingServices(world, scene);
  if (names.length === 0) return [];
  return [
    `Service ${names.join(", ")} would also select canary pods and send them users outside the weights: give ${names.length === 1 ? "its selector" : "their selectors"} the label that tells tracks apart, or delete.`,
  ];
}

/** Services other than ours that would send users to canary pods outside the weights. */
export function leakingServices(world: Caches, scene: CanaryObjects): string[] {
  const { target, namespace, apexName } = scene;
  if (!target || !trackLabel(target)) return [];
  const labels = canaryPodLabels(target);
  return world.services
    .byIndex(indexes.namespace, namespace)
    .filter((service) => alsoSelects(service, labels) && metaOf(service).name !== canaryName(apexName))
    .filter((service) => metaOf(service).labels[label.canary] === undefined)
    .map((service) => metaOf(service).name);
}
