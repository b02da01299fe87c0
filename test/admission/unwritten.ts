/** What of a Deployment stays the same for as long as nobody but Kubernetes writes it. */
import type { V1Deployment } from "@kubernetes/client-node";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";

/**
 * All of it but the status, which its own controller may write again at any time, and with that the resourceVersion; once that controller
 * has seen its last change. Who wrote which field, and when, is among it.
 */
export function unwritten(
  namespace: string,
  isReady: (status: V1Deployment["status"]) => boolean = () => true,
): Promise<object> {
  return waitFor(
    async () => {
      const found = await getJson<V1Deployment>(["-n", namespace, "deploy", "podinfo", "--show-managed-fields"]);
      const { metadata, status, ...rest } = found;
      const seen = status?.observedGeneration;
      if (seen !== metadata?.generation || !isReady(status))
        return unmet(`generation ${seen} of ${metadata?.generation}, ${JSON.stringify(status?.conditions)}`);
      const { resourceVersion: _version, managedFields = [], ...described } = { ...metadata };
      const writers = managedFields.filter(({ subresource }) => subresource !== "status");
      return { ...rest, metadata: { ...described, managedFields: writers } };
    },
    60_000,
    "the Deployment's last change to be observed",
  );
}
