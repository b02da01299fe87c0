// The demo's manifests for any namespace, from the YAML that the tutorial applies.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadAll } from "js-yaml";

export const manifestsPath = join(import.meta.dirname, "manifests.yaml");
export const loadImage = "kubectl-canary/load:local";

export interface AppOptions {
  /** Replicas of podinfo. */
  readonly replicas?: number;
  /** Image of podinfo. */
  readonly image?: string;
  /** Environment of podinfo. */
  readonly env?: Readonly<Record<string, string>>;
  /** Requests per second of `load`. */
  readonly rate?: number;
  /** After how long a request of `load` without an answer has failed; 30 s by default. */
  readonly deadlineMs?: number;
  /** Paths that `load` asks for, such as `/ 9, /api/info 1`; `/` by default. */
  readonly paths?: string;
  /** Annotations of the namespace, beside the one that meshes it. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Deployments to leave out. */
  readonly without?: readonly ("load" | "frontend")[];
}

export interface AppObject {
  readonly kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
  spec?: {
    replicas?: number;
    template?: { spec: { containers: { image: string; env?: { name: string; value: string }[] }[] } };
  };
}

/** The objects of the app for `namespace`, changed by `options`. */
export async function appObjects(namespace: string, options: AppOptions = {}): Promise<AppObject[]> {
  const text = await readFile(manifestsPath, "utf8");
  const all = loadAll(text) as AppObject[];
  const without: readonly string[] = options.without ?? [];
  const wanted = all.filter(({ metadata }) => !without.includes(metadata.name));
  for (const object of wanted) {
    if (object.kind === "Namespace") adjustNamespace(object, namespace, options);
    else object.metadata.namespace = namespace;
    adjust(object, options);
  }
  return wanted;
}

function adjustNamespace(object: AppObject, name: string, { annotations }: AppOptions): void {
  object.metadata.name = name;
  object.metadata.annotations = { ...object.metadata.annotations, ...annotations };
}

function adjust(object: AppObject, options: AppOptions): void {
  const container = object.spec?.template?.spec.containers[0];
  if (!object.spec || !container) return;
  if (object.metadata.name === "podinfo") {
    object.spec.replicas = options.replicas ?? 1;
    adjustPodinfo(container, options);
  }
  if (object.metadata.name === "load") adjustLoad((container.env ??= []), options);
}

type Container = NonNullable<NonNullable<AppObject["spec"]>["template"]>["spec"]["containers"][number];

function adjustPodinfo(container: Container, { image, env = {} }: AppOptions): void {
  container.image = image ?? container.image;
  for (const [name, value] of Object.entries(env)) setVariable((container.env ??= []), name, value);
}

function adjustLoad(env: { name: string; value: string }[], { rate, deadlineMs, paths }: AppOptions): void {
  if (paths !== undefined) setVariable(env, "PATHS", paths);
  if (rate !== undefined) setVariable(env, "RATE", String(rate));
  if (deadlineMs !== undefined) setVariable(env, "DEADLINE_MS", String(deadlineMs));
}

function setVariable(env: { name: string; value: string }[], name: string, value: string): void {
  const variable = env.find((each) => each.name === name);
  if (variable) variable.value = value;
  else env.push({ name, value });
}
