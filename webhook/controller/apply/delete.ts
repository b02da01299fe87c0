/** Deletions that come too late: nothing goes but what was seen. */
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode, isAbsent } from "../../../shared/kube/errors.ts";
import type { Resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { optional } from "../../../shared/core/format/compact.ts";

/** Deletes exactly the object that was seen; one that is gone, or has changed since, is left to the next look. */
export async function deleteSeen(cluster: Cluster, of: Resource, { metadata }: Stored): Promise<boolean> {
  const { name = "", namespace = "", uid, resourceVersion } = metadata ?? {};
  try {
    await cluster.delete(
      of,
      { name, namespace },
      { ...optional("uid", uid), ...optional("resourceVersion", resourceVersion) },
    );
    return true;
  } catch (error: unknown) {
    // Garbage collection may have been quicker; a namespace that is going takes everything along.
    if (isAbsent(error) || hasCode(error, "Conflict")) return false;
    throw error;
  }
}
