/** The ConfigMaps and Secrets that a pod template refers to. */
import type { V1Container, V1PodSpec, V1PodTemplateSpec, V1Volume } from "@kubernetes/client-node";

export interface ConfigReference {
  kind: "ConfigMap" | "Secret";
  name: string;
  /** Pods start without it: every reference says so. */
  optional: boolean;
  /** Mounted as a volume: Kubernetes updates it in pods that run. */
  live: boolean;
}

/** `configmap/NAME` or `secret/NAME`, as Flagger's `trackedConfigs` has it. */
export const configKey = ({ kind, name }: Pick<ConfigReference, "kind" | "name">): string =>
  `${kind.toLowerCase()}/${name}`;

/** Each object once, in the order of their keys; of init containers too. */
export function referredConfigs(template: V1PodTemplateSpec | undefined): ConfigReference[] {
  const { spec } = { ...template };
  if (!spec) return [];
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const found = [...containers.flatMap(ofEnvironment), ...(spec.volumes ?? []).flatMap((one) => ofVolume(one, spec))];
  const byKey = new Map<string, ConfigReference>();
  for (const one of found) {
    const known = byKey.get(configKey(one)) ?? one;
    byKey.set(configKey(one), { ...one, optional: known.optional && one.optional, live: known.live || one.live });
  }
  return [...byKey.values()].sort((a, b) => (configKey(a) < configKey(b) ? -1 : 1));
}

// --- internal ---

interface Named {
  name?: string;
  optional?: boolean;
}

function referenceOf(kind: ConfigReference["kind"], of: Named | undefined, live: boolean): ConfigReference[] {
  return of?.name ? [{ kind, name: of.name, optional: of.optional === true, live }] : [];
}

function ofEnvironment({ env = [], envFrom = [] }: V1Container): ConfigReference[] {
  return [
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...referenceOf("ConfigMap", configMapRef, false),
      ...referenceOf("Secret", secretRef, false),
    ]),
    ...env.flatMap(({ valueFrom }) => [
      ...referenceOf("ConfigMap", valueFrom?.configMapKeyRef, false),
      ...referenceOf("Secret", valueFrom?.secretKeyRef, false),
    ]),
  ];
}

function ofVolume({ name, configMap, secret, projected }: V1Volume, spec: V1PodSpec): ConfigReference[] {
  const live = isUpdated(name, spec);
  const ofSecret: Named = {
    ...(secret?.secretName === undefined ? {} : { name: secret.secretName }),
    optional: secret?.optional === true,
  };
  return [
    ...referenceOf("ConfigMap", configMap, live),
    ...referenceOf("Secret", ofSecret, live),
    ...(projected?.sources ?? []).flatMap((source) => [
      ...referenceOf("ConfigMap", source.configMap, live),
      ...referenceOf("Secret", source.secret, live),
    ]),
  ];
}

/** What is mounted by `subPath` stays as it was when the pod started. */
function isUpdated(volume: string, { containers, initContainers = [] }: V1PodSpec): boolean {
  const mounts = [...containers, ...initContainers].flatMap(({ volumeMounts = [] }) => volumeMounts);
  return mounts.some(({ name, subPath, subPathExpr }) => name === volume && !subPath && !subPathExpr);
}
