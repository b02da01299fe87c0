/** From the template of Flagger's primary back to the user's own: what Flagger renames in its copy gets its name again. */
import type { V1Deployment, V1ObjectMeta, V1PodSpec, V1PodTemplateSpec } from "@kubernetes/client-node";
import { trackLabel } from "../selectors/track-label.ts";
import type { ConfigReference } from "../config/references.ts";
import type { ConfigObject } from "./seen.ts";

/** One of a pod's ConfigMaps and Secrets. */
export type NamedConfig = Pick<ConfigReference, "kind" | "name">;

/** What Flagger appends to every name that it makes. */
export const primarySuffix = "-primary";

/** The template that serves, under the target's names. `isCopy` says which ConfigMaps and Secrets are Flagger's copies. */
export function servingTemplate(
  target: V1Deployment,
  primary: V1Deployment,
  isCopy: (reference: NamedConfig) => boolean,
): V1PodTemplateSpec {
  const { metadata = {}, spec } = primary.spec!.template;
  const original = (reference: NamedConfig): string =>
    isCopy(reference) ? withoutSuffix(reference.name) : reference.name;
  const renamed = renameReferences(spec, original) as V1PodSpec;
  return {
    metadata: { ...withoutId(metadata), labels: ownLabels(target, primary, metadata.labels ?? {}) },
    spec: withOwnSelectors(renamed, target.metadata?.name ?? ""),
  };
}

export const withoutSuffix = (name: string): string =>
  name.endsWith(primarySuffix) ? name.slice(0, -primarySuffix.length) : name;

/** The selector label that tells the primary's pods from the target's: which one it is, is an option of Flagger's (`-selector-labels`). */
export function primaryLabel(target: V1Deployment, primary: V1Deployment | null): string | undefined {
  const ours = target.spec?.selector.matchLabels ?? {};
  const its = primary?.spec?.selector.matchLabels ?? {};
  const differing = Object.keys(ours).find((key) => its[key] === `${ours[key]}${primarySuffix}`);
  return differing ?? trackLabel(target);
}

// --- internal ---

/** Flagger writes a random id at each promotion, so that the copy rolls. */
function withoutId({ annotations = {}, ...others }: V1ObjectMeta): V1ObjectMeta {
  const { "flagger-id": _id, ...kept } = annotations;
  return Object.keys(kept).length > 0 ? { ...others, annotations: kept } : others;
}

function withOwnSelectors(spec: V1PodSpec, name: string): V1PodSpec {
  const { affinity, topologySpreadConstraints: spread } = spec;
  const apart = affinity?.podAntiAffinity;
  return {
    ...spec,
    ...(apart ? { affinity: { ...affinity, podAntiAffinity: renameValues(apart, name) as object } } : {}),
    ...(spread ? { topologySpreadConstraints: renameValues(spread, name) as typeof spread } : {}),
  };
}

/** Flagger gives the pods of its copy one selector label of another value. */
function ownLabels(
  target: V1Deployment,
  primary: V1Deployment,
  labels: Record<string, string>,
): Record<string, string> {
  const key = primaryLabel(target, primary);
  const value = key === undefined ? undefined : target.spec?.selector.matchLabels?.[key];
  return key !== undefined && value !== undefined && labels[key] === `${value}${primarySuffix}`
    ? { ...labels, [key]: value }
    : labels;
}

/** Selectors of the pods' own kind name the Deployment that they belong to. */
function renameValues(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((item) => renameValues(item, name));
  if (value === `${name}${primarySuffix}`) return name;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, renameValues(one, name)]));
}

/** Where a pod spec names a ConfigMap or a Secret: the key, and below it the one that has the name. */
const referring: Readonly<Record<string, ConfigObject["kind"]>> = {
  configMap: "ConfigMap",
  configMapKeyRef: "ConfigMap",
  configMapRef: "ConfigMap",
  secret: "Secret",
  secretKeyRef: "Secret",
  secretRef: "Secret",
};

type Rename = (reference: NamedConfig) => string;

function renameReferences(value: unknown, rename: Rename): unknown {
  if (Array.isArray(value)) return value.map((item) => renameReferences(item, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]: [string, unknown]) => {
      const kind = Object.hasOwn(referring, key) ? referring[key] : undefined;
      const below = renameReferences(one, rename);
      return [key, kind === undefined ? below : renameOne(kind, below, rename)];
    }),
  );
}

function renameOne(kind: ConfigObject["kind"], value: unknown, rename: Rename): unknown {
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  const key = typeof fields["secretName"] === "string" ? "secretName" : "name";
  const name = fields[key];
  return typeof name === "string" ? { ...fields, [key]: rename({ kind, name }) } : value;
}
