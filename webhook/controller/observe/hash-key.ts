/** The key that hashes of configuration are made with: in a Secret that the chart makes empty, filled once for all replicas. */
import { randomBytes } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { manager } from "../../../shared/core/objects/names.ts";
import { resource } from "../../../shared/kube/resources.ts";

/** Read when it is first asked for; asked again where that failed. */
export function createHashKey(
  cluster: Pick<Cluster, "get" | "replace">,
  at: { namespace: string; name: string },
): () => Promise<string> {
  let known: string | undefined;
  return async () => (known ??= await readOrMake(cluster, at));
}

// --- internal ---

const entry = "key";

async function readOrMake(
  cluster: Pick<Cluster, "get" | "replace">,
  at: { namespace: string; name: string },
): Promise<string> {
  const secret = await cluster.get<V1Secret>(resource.secrets, at);
  const found = secret.data?.[entry];
  if (found) return found;
  const key = randomBytes(32).toString("base64");
  try {
    await cluster.replace<V1Secret>(
      resource.secrets,
      { ...secret, data: { ...secret.data, [entry]: key } },
      { fieldManager: manager },
    );
    return key;
  } catch (error: unknown) {
    // Another replica was first.
    if (!hasCode(error, "Conflict")) throw error;
    return readOrMake(cluster, at);
  }
}
