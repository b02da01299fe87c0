// Installs the demo app into the local cluster the way the tutorial does: with kubectl, from manifests.
import { join } from "node:path";
import { mustKubectl } from "../cluster/client.ts";
import type { ImageSpec } from "../../build/oci-image.ts";
import { bundle, nodeEntries } from "../mesh/image.ts";
import { ensureImage } from "../mesh/install.ts";
import { nodePath } from "../mesh/settings.ts";
import { appObjects, loadImage, type AppOptions } from "./manifests.ts";
import { podinfoImages } from "./podinfo.ts";

const ROLLOUT_SECONDS = 120;

/** Runs kubectl against the local cluster; throws with its words when it fails. */
export function kubectl(args: readonly string[], input = ""): Promise<string> {
  return mustKubectl(args, { input });
}

/** Makes podinfo's images and the load generator's known to the cluster; quick when they are. */
export async function importAppImages(): Promise<void> {
  for (const image of [...(await podinfoImages()), await loadImageSpec()]) await ensureImage(image);
}

async function loadImageSpec(): Promise<ImageSpec> {
  const code = await bundle(join(import.meta.dirname, "pod.ts"));
  return {
    name: loadImage,
    entries: [...(await nodeEntries()), { path: "/app/pod.cjs", content: code }],
    entrypoint: [nodePath, "--max-semi-space-size=1", "/app/pod.cjs"],
    user: "65534:65534",
    ports: [8080, 8081],
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
