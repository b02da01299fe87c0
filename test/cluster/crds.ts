// The custom resource definitions of traffic routing: SMI TrafficSplit and the Gateway API, from their Go modules.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { applyObject, deleteObject, getObject, type Manifest } from "./api.ts";
import { mustRun } from "./run.ts";
import { requireState, type ClusterState } from "./state.ts";
import { crdModules } from "./versions.ts";
import { unmet, waitFor, type Unmet } from "./wait.ts";

/** A served version of TrafficSplit. Linkerd-SMI installs v1alpha1 (stored) and v1alpha2; the SMI SDK v1alpha4 alone. */
export type SplitVersion = "v1alpha1" | "v1alpha2" | "v1alpha4";

export const linkerdSmiVersions: readonly SplitVersion[] = ["v1alpha1", "v1alpha2"];

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly [field: string]: unknown;
}

/** The SDK's definition as far as it is read: `apiextensions.k8s.io/v1beta1`, which no API server takes any more. */
interface OldDefinition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: Readonly<Record<string, unknown>>;
    readonly validation: { readonly openAPIV3Schema: Schema };
  };
}

/** Folder of a Go module in the module cache; downloads it when it is not there. */
export async function moduleDir(module: string): Promise<string> {
  const answer = JSON.parse(await mustRun("go", ["mod", "download", "-json", module])) as { Dir: string };
  return answer.Dir;
}

/** The TrafficSplit definition for today's API servers. The first of `versions` is the stored one. */
export function splitDefinition(old: OldDefinition, versions: readonly SplitVersion[]): Manifest {
  const { group, scope, names, validation } = old.spec;
  const spec = validation.openAPIV3Schema.properties?.["spec"];
  if (!spec) throw new Error("The SMI module's TrafficSplit has no schema for spec.");
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: old.metadata.name },
    spec: {
      group,
      scope,
      names,
      conversion: { strategy: "None" },
      versions: versions.map((name, at) => ({
        name,
        served: true,
        storage: at === 0,
        schema: { openAPIV3Schema: { type: "object", properties: { spec: schemaFor(name, spec) } } },
        additionalPrinterColumns: [{ name: "Service", type: "string", jsonPath: ".spec.service" }],
      })),
    },
  };
}

// v1alpha1 allowed quantities such as 900m as weights; only v1alpha4 has matches.
function schemaFor(version: SplitVersion, spec: Schema): Schema {
  const { matches, backends, ...rest } = spec.properties ?? {};
  const items = backends?.items;
  const weight = version === "v1alpha1" ? { "x-kubernetes-int-or-string": true } : items?.properties?.["weight"];
  return {
    ...spec,
    properties: {
      ...rest,
      ...(version === "v1alpha4" && matches && { matches }),
      backends: { ...backends, items: { ...items, properties: { ...items?.properties, weight: weight ?? {} } } },
    },
  };
}

async function smiDefinition(versions: readonly SplitVersion[]): Promise<Manifest> {
  const file = join(await moduleDir(crdModules.smi), "crds", "split.yaml");
  const [definition] = loadAll(await readFile(file, "utf8"));
  return splitDefinition(definition as OldDefinition, versions);
}

/** The Gateway API's standard definitions. */
async function gatewayDefinitions(): Promise<Manifest[]> {
  const dir = join(await moduleDir(crdModules.gatewayApi), "config", "crd", "standard");
  const files = (await readdir(dir)).filter((file) => file.endsWith(".yaml"));
  const texts = await Promise.all(files.map((file) => readFile(join(dir, file), "utf8")));
  return texts
    .flatMap((text) => loadAll(text) as (Manifest | null)[])
    .filter((object) => object?.kind === "CustomResourceDefinition")
    .map((object) => object as Manifest);
}

/** Installs TrafficSplit with these served versions, and waits until they are served. Replaces what is there. */
export async function applySmi(versions: readonly SplitVersion[] = linkerdSmiVersions): Promise<void> {
  const definition = await smiDefinition(versions);
  // A stored version cannot be taken away from a definition, so another set of versions means a new definition.
  await removeSmi();
  await applyDefinitions(await requireState(), [definition]);
}

/** Removes TrafficSplit and with it every split, and waits until it is gone. */
export async function removeSmi(): Promise<void> {
  const state = await requireState();
  const definition = await smiDefinition(linkerdSmiVersions);
  await deleteObject(state, definition);
  await waitFor(
    async () => (await getObject(state, definitionPath(definition))) === undefined || unmet("it still exists"),
    30_000,
    "the definition of TrafficSplit to be deleted",
  );
}

/** Both sets of definitions, as `up` installs them. */
export async function routingDefinitions(): Promise<Manifest[]> {
  return [await smiDefinition(linkerdSmiVersions), ...(await gatewayDefinitions())];
}

const definitionPath = (definition: Manifest): string =>
  `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;

/** Applies definitions and waits until each is served. */
export async function applyDefinitions(state: ClusterState, definitions: readonly Manifest[]): Promise<void> {
  await Promise.all(
    definitions.map(async (definition) => {
      await applyObject(state, definition);
      await waitFor(() => established(state, definition), 30_000, `${definition.metadata.name} to be served`);
    }),
  );
}

interface Conditions {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function established(state: ClusterState, definition: Manifest): Promise<true | Unmet> {
  const conditions = (await getObject<Conditions>(state, definitionPath(definition)))?.status?.conditions ?? [];
  const met = conditions.some((condition) => condition.type === "Established" && condition.status === "True");
  return met || unmet(`conditions ${conditions.map(({ type, status }) => `${type}=${status}`).join(", ") || "none"}`);
}
