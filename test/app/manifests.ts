// The demo's manifests for any namespace, from the YAML that the tutorial applies.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

export const manifestsPath = join(import.meta.dirname, "manifests.yaml");
export const loadImage = "kubectl-canary/load:local";

export interface AppOptions {
  /** Replicas of podinfo. */
  readonly replicas?: number;
  /** Image of podinfo. */
  readonly image?: string;
  /** Requests per second of `load`. */
  readonly rate?: number;
  /** After how long a request of `load` without an answer has failed; 5 s by default. */
  readonly deadlineMs?: number;
  /** Deployments to leave out. */
  readonly without?: readonly ("load" | "frontend")[];
}

export interface AppObject {
  readonly kind: string;
  metadata: { name: string; namespace?: string };
  spec?: {
    replicas?: number;
    template?: { spec: { containers: { image: string; env?: { name: string; value: string }[] }[] } };
  };
}

/** The objects of the app for `namespace`, changed by `options`. */
export async function appObjects(namespace: string, options: AppOptions = {}): Promise<AppObject[]> {
  const text = await readFile(manifestsPath, "utf8");
  const all = parseAllDocuments(text).map((document) => document.toJS() as AppObject);
  const without: readonly string[] = options.without ?? [];
  const wanted = all.filter(({ metadata }) => !without.includes(metadata.name));
  for (const object of wanted) {
    if (object.kind === "Namespace") object.metadata.name = namespace;
    else object.metadata.namespace = namespace;
    adjust(object, options);
  }
  return wanted;
}

function adjust(object: AppObject, options: AppOptions): void {
  const container = object.spec?.template?.spec.containers[0];
  if (!object.spec || !container) return;
  if (object.metadata.name === "podinfo") {
    object.spec.replicas = options.replicas ?? 1;
    container.image = options.image ?? container.image;
  }
  if (object.metadata.name === "load") adjustLoad((container.env ??= []), options);
}

function adjustLoad(env: { name: string; value: string }[], { rate, deadlineMs }: AppOptions): void {
  if (rate !== undefined) setVariable(env, "RATE", String(rate));
  if (deadlineMs !== undefined) setVariable(env, "DEADLINE_MS", String(deadlineMs));
}

function setVariable(env: { name: string; value: string }[], name: string, value: string): void {
  const variable = env.find((each) => each.name === name);
  if (variable) variable.value = value;
  else env.push({ name, value });
}
