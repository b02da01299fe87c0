// The installed controller leaves and comes back, as by a mishap: its webhook configurations stay.
import { mustKubectl, waitForRollout } from "../cluster/client.ts";
import { release } from "./install.ts";

const inNamespace = ["-n", release.namespace];

export async function leave(): Promise<void> {
  await mustKubectl([...inNamespace, "scale", "deploy", release.name, "--replicas=0"]);
  const selector = "app.kubernetes.io/name=kubectl-canary,app.kubernetes.io/component!=uninstall";
  await mustKubectl([...inNamespace, "wait", "pod", "-l", selector, "--for=delete", "--timeout=60s"]);
}

export async function arrive(): Promise<void> {
  await mustKubectl([...inNamespace, "scale", "deploy", release.name, "--replicas=2"]);
  await waitForRollout(release.namespace, release.name, 90_000);
}
