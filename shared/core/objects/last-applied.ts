/**
 * What `kubectl apply` remembers of its last apply, after stable's template was put back: it must list what the intent had
 * dropped, or the next apply would take those fields for someone else's and leave them in.
 */
import type { V1PodTemplateSpec } from "@kubernetes/client-node";

/** kubectl's own annotation; the one of a Deployment that is not copied to its ReplicaSets. */
export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

/** The annotation's text with what is in `stable` and not in `intent`; unchanged if it is no manifest with a template. */
export function withDropped(
  text: string,
  intent: V1PodTemplateSpec | undefined,
  stable: V1PodTemplateSpec | undefined,
): string {
  const manifest = parse(text);
  const spec = manifest && manifest["spec"];
  if (!isPlain(manifest) || !isPlain(spec) || !isPlain(spec["template"])) return text;
  const template = restored(spec["template"], { intent, stable });
  return `${JSON.stringify({ ...manifest, spec: { ...spec, template } })}\n`;
}

// --- internal ---

interface Sides {
  intent: unknown;
  stable: unknown;
}

/** By what Kubernetes tells the items of a list apart when it merges; any other list is taken as a whole. */
const mergeKeys: Record<string, string> = {
  containers: "name",
  initContainers: "name",
  env: "name",
  volumes: "name",
  imagePullSecrets: "name",
  volumeMounts: "mountPath",
  volumeDevices: "devicePath",
  ports: "containerPort",
  hostAliases: "ip",
  topologySpreadConstraints: "topologyKey",
};

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isPlain(value) ? value : undefined;
  } catch {
    return undefined; // Whoever wrote it, kubectl will not be able to use it either.
  }
}

/** `name` is the field that `applied` is the value of. */
function restored(applied: unknown, { intent, stable }: Sides, name = ""): unknown {
  if (isPlain(applied) && isPlain(intent) && isPlain(stable)) return restoredFields(applied, { intent, stable });
  const key = mergeKeys[name];
  if (key === undefined || ![applied, intent, stable].every(Array.isArray)) return applied;
  const lists = [applied, intent, stable] as [unknown[], unknown[], unknown[]];
  const [byKey, intended, kept] = lists.map((list) => keyed(list, key)) as [Keyed, Keyed, Keyed];
  return [...restoredItems(byKey, intended, kept).values()];
}

function restoredFields(
  applied: Record<string, unknown>,
  { intent, stable }: { intent: Record<string, unknown>; stable: Record<string, unknown> },
): Record<string, unknown> {
  const result = { ...applied };
  for (const [name, value] of Object.entries(stable)) {
    if (!(name in intent)) result[name] = value;
    else if (name in applied) result[name] = restored(applied[name], { intent: intent[name], stable: value }, name);
  }
  return result;
}

type Keyed = Map<unknown, unknown>;

function restoredItems(applied: Keyed, intent: Keyed, stable: Keyed): Keyed {
  const result = new Map(applied);
  for (const [key, item] of stable) {
    if (!intent.has(key)) result.set(key, item);
    else if (applied.has(key)) result.set(key, restored(applied.get(key), { intent: intent.get(key), stable: item }));
  }
  return result;
}

/** Items that have no such key are kept apart by their place. */
function keyed(list: readonly unknown[], key: string): Keyed {
  return new Map(list.map((item, place) => [isPlain(item) && key in item ? item[key] : `#${place}`, item]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
