/** Secrets of tenants, read when they are needed and kept for a moment, so that one that is rotated is taken up. */
import type { V1Secret } from "@kubernetes/client-node";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";

export interface SecretAt {
  namespace: string;
  name: string;
}

/** Rejects with a sentence on what is missing. */
export type SecretReader = (at: SecretAt) => Promise<V1Secret>;

/** `field`: where users name the Secret. `value`: the chart's value that lets the controller read them. */
export interface SecretWords {
  field: string;
  value: string;
}

/** A Secret is read again after this time. */
const keepMs = 30_000;
/** A Secret may have a megabyte, and whoever may name one may make thousands. */
const mostKept = 64;

export function createSecretReader(
  { cluster, now }: { cluster: Pick<Cluster, "get">; now: () => number },
  words: SecretWords,
): SecretReader {
  const kept = new Map<string, { secret: V1Secret; readAt: number }>();
  return async (at) => {
    const key = `${at.namespace}/${at.name}`;
    const known = kept.get(key);
    if (known && now() - known.readAt < keepMs) return known.secret;
    const secret = await read(cluster, at, words);
    kept.delete(key);
    kept.set(key, { secret, readAt: now() });
    // They stand in the order in which they were read.
    for (const [one, { readAt }] of kept)
      if (kept.size > mostKept || now() - readAt >= keepMs) kept.delete(one);
      else break;
    return secret;
  };
}

/** A key of its data as text; undefined where it has none. */
export function textIn({ data = {} }: Pick<V1Secret, "data">, key: string): string | undefined {
  const value = data[key];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8").trim();
}

// --- internal ---

async function read(cluster: Pick<Cluster, "get">, at: SecretAt, { field, value }: SecretWords): Promise<V1Secret> {
  try {
    return await cluster.get<V1Secret>(resource.secrets, at);
  } catch (error: unknown) {
    const { namespace, name } = at;
    if (hasCode(error, "NotFound"))
      throw new Error(`Secret ${name} does not exist in ${namespace}; create it, or correct ${field}`, {
        cause: error,
      });
    if (hasCode(error, "Forbidden"))
      throw new Error(
        `the controller may not read Secret ${name} in ${namespace}; add ${namespace} to its chart's ${value}`,
        { cause: error },
      );
    throw error;
  }
}
