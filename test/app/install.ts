// Installs the demo app into the local cluster the way the tutorial does: with kubectl, from manifests.
import { join } from "node:path";
import { mustKubectl } from "../cluster/client.ts";
import type { ImageSpec } from "../../build/oci-image.ts";
import { bundle, nodeEntries } from "../mesh/image.ts";
import { ensureImage } from "../mesh/install.ts";
import { nodePath } from "../mesh/settings.ts";
import { appObjects, loadImage, type AppOptions } from "./manifests.ts";
import { podinfoImage, faultyTagNames, faultyTags, podinfoImages, type FaultyTag } from "./podinfo.ts";

const ROLLOUT_SECONDS = 120;

/** Runs kubectl against the local cluster; throws with its words when it fails. */
export function kubectl(args: readonly string[], input = ""): Promise<string> {
  return mustKubectl(args, { input });
}

/** Makes podinfo's images and the load generator's known to the cluster; quick when they are. */
export async function importAppImages(): Promise<void> {
  for (const image of [...(await podinfoImages()), await loadImageSpec()]) await ensureImage(image);
}

/** Makes these faulty versions of podinfo known to the cluster; all of them unless some are named. */
export async function importFaultyImages(tags: readonly FaultyTag[] = faultyTagNames): Promise<void> {
  for (const tag of tags) {
    const spec = await podImageSpec(podinfoImage(tag), ["faulty"]);
    await ensureImage({ ...spec, env: { ...faultyTags[tag], VERSION: tag }, ports: [9898] });
  }
}

const loadImageSpec = async (): Promise<ImageSpec> => ({ ...(await podImageSpec(loadImage, [])), ports: [8080, 8081] });

async function podImageSpec(name: string, role: readonly string[]): Promise<ImageSpec> {
  const code = await bundle(join(import.meta.dirname, "pod.ts"));
  return {
    name,
    entries: [...(await nodeEntries()), { path: "/app/pod.cjs", content: code }],
    entrypoint: [nodePath, "--max-semi-space-size=1", "/app/pod.cjs", ...role],
    user: "65534:65534",
  };
}

/** Applies the app in `namespace` (made if missing, meshed) and waits until all of it is ready. */
export async function installApp(namespace = "test", options: AppOptions = {}): Promise<void> {
  const objects = await appObjects(namespace, options);
  await kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  const deployments = objects.filter(({ kind }) => kind === "Deployment").map(({ metadata }) => metadata.name);
  for (const name of deployments) {
    await kubectl(["-n", namespace, "rollout", "status", `deployment/${name}`, `--timeout=${ROLLOUT_SECONDS}s`]);
  }
}

/** Removes the namespace with all that is in it. */
export async function removeApp(namespace: string): Promise<void> {
  await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--wait"]);
}
