/** What Flagger has left of one Canary: which objects are its own, which Services still send to its primary. */
import type { V1ObjectMeta, V1Service } from "@kubernetes/client-node";
import { type Canary, apexOf, isLeftToFlagger } from "../objects/canary.ts";
import { canaryLeaf, flaggerFinalizer, label, primaryLeaf, primaryName } from "../objects/names.ts";
import type { RouteObject } from "../routes/routes.ts";
import type { ConfigObject, MigrationSeen, Scaler } from "./seen.ts";
import { referredConfigs } from "../config/references.ts";
import { primaryLabel, primarySuffix, withoutSuffix, type NamedConfig } from "./serving-template.ts";

/** What Flagger writes on Services so that Flux leaves them alone. */
export const fluxMarks = ["kustomize.toolkit.fluxcd.io/reconcile", "helm.toolkit.fluxcd.io/driftDetection"] as const;

/** With it KEDA keeps the target at that number of replicas; Flagger writes `0`. */
export const kedaPause = "autoscaling.keda.sh/paused-replicas";

interface Named {
  metadata?: V1ObjectMeta;
}

/** Made by this Canary, as Flagger's owner references say. */
export function isOfFlagger({ metadata: canary }: Canary, { metadata = {} }: Named): boolean {
  if (metadata.labels?.[label.canary] !== undefined) return false;
  return (metadata.ownerReferences ?? []).some(({ kind, uid }) => kind === "Canary" && uid === canary.uid);
}

/** Our controller has written its status since Flagger did, whose type has neither field: what Flagger writes anew loses them. */
export function isStatusOurs({ status = {} }: Pick<Canary, "status">): boolean {
  return status.observedGeneration !== undefined || status.reasonCode !== undefined;
}

export const serviceNamed = ({ services }: MigrationSeen, name: string): V1Service | undefined =>
  services.find(({ metadata }) => metadata?.name === name);

/** The Services that send to the primary, ones of the user's own among them; the apex is the last. */
export function sendersOf(seen: MigrationSeen): V1Service[] {
  const apex = apexOf(seen.canary);
  const known = [apex, primaryLeaf(apex)];
  // Where there is no primary, what another Service selects by such a label may be anybody's pods.
  const isIts = (service: V1Service): boolean =>
    seen.primary !== null || known.includes(service.metadata?.name ?? "") || isOfFlagger(seen.canary, service);
  const senders = seen.services.filter((service) => selectsPrimary(seen, service) && isIts(service));
  const isApex = (service: V1Service): boolean => service.metadata?.name === apex;
  return [...senders.filter((one) => !isApex(one)), ...senders.filter(isApex)];
}

/** The Service selects the pods of Flagger's primary. */
export function selectsPrimary({ target, primary }: MigrationSeen, service: V1Service): boolean {
  const key = target ? primaryLabel(target, primary) : undefined;
  const value = key === undefined ? undefined : target?.spec?.selector.matchLabels?.[key];
  return key !== undefined && value !== undefined && service.spec?.selector?.[key] === `${value}${primarySuffix}`;
}

/** Nothing sends to the primary any more. */
export const isSwitched = (seen: MigrationSeen): boolean => sendersOf(seen).length === 0;

export function flaggersRoutes({ canary, routes }: MigrationSeen): RouteObject[] {
  return routes.filter((route) => isOfFlagger(canary, route));
}

/** The copies of the user's autoscalers that scale the primary. */
export function clonedScalers({ canary, scalers }: MigrationSeen): Scaler[] {
  const primary = primaryName(canary.spec.targetRef.name);
  return scalers.filter((one) => isOfFlagger(canary, one) && one.spec?.scaleTargetRef?.name === primary);
}

/** The user's own, which scale the target. */
export function ownScalers({ canary, scalers }: MigrationSeen): Scaler[] {
  return scalers.filter((one) => one.spec?.scaleTargetRef?.name === canary.spec.targetRef.name);
}

/** Flagger's copies of ConfigMaps and Secrets that this Canary has a part in. */
export function copiesOf({ canary, configs }: MigrationSeen): ConfigObject[] {
  return configs.filter(
    (config) => (config.metadata?.name ?? "").endsWith(primarySuffix) && isOfFlagger(canary, config),
  );
}

export function isCopyIn(seen: MigrationSeen): (reference: NamedConfig) => boolean {
  const names = new Set(copiesOf(seen).map(({ kind, metadata }) => `${kind}/${metadata?.name}`));
  return ({ kind, name }) => names.has(`${kind}/${name}`);
}

/** What a caller is to read into {@link MigrationSeen.configs}: all that the pods refer to, with and without a copy. */
export function configsToRead({ target, primary }: Pick<MigrationSeen, "target" | "primary">): NamedConfig[] {
  const references = [
    ...referredConfigs(target?.spec?.template).map(({ kind, name }) => ({ kind, name })),
    ...referredConfigs(primary?.spec?.template).map(({ kind, name }) => ({
      kind,
      name: withoutSuffix(name),
    })),
  ];
  const both = references.flatMap((one) => [one, { ...one, name: `${one.name}${primarySuffix}` }]);
  return [...new Map(both.map((one) => [`${one.kind}/${one.name}`, one])).values()];
}

/** Leaves that Flagger made, of either track. */
export function flaggersLeaves(seen: MigrationSeen): V1Service[] {
  const apex = apexOf(seen.canary);
  const leaves = [primaryLeaf(apex), canaryLeaf(apex)].flatMap((name) => serviceNamed(seen, name) ?? []);
  return leaves.filter((service) => isOfFlagger(seen.canary, service));
}

/** Something of Flagger's is left, so that there is something to migrate. */
export function isLeftBehind(seen: MigrationSeen): boolean {
  const { canary, primary, primaryPods } = seen;
  const objects = [...flaggersRoutes(seen), ...clonedScalers(seen), ...copiesOf(seen), ...flaggersLeaves(seen)];
  const apex = serviceNamed(seen, apexOf(canary));
  return [
    primary !== null || (primaryPods > 0 && isSwitched(seen)),
    objects.length > 0,
    !isSwitched(seen),
    apex !== undefined && isOfFlagger(canary, apex),
    canary.metadata.finalizers?.includes(flaggerFinalizer) ?? false,
    isLeftToFlagger(canary),
  ].some(Boolean);
}
