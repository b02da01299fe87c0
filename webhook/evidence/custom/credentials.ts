/**
 * Credentials that a MetricTemplate takes from a Secret in its own namespace: a `token`, or `username` and `password`. Only from a Secret
 * that was made for this: whoever may write MetricTemplates need not be allowed to read the namespace's Secrets, and must not be able to
 * have one sent to a server of their choice.
 */
import type { V1Secret } from "@kubernetes/client-node";
import { annotation, label } from "../../../shared/core/objects/names.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";

export interface SecretAt {
  namespace: string;
  name: string;
}

/** The value of an Authorization header for this address. Rejects with a sentence on what is missing. */
export type Credentials = (at: SecretAt, address: string) => Promise<string>;

/** How long a Secret is kept before it is read again, since it may be rotated. */
const keepMs = 30_000;

export function createCredentials(deps: { cluster: Cluster; now(): number }): Credentials {
  const kept = new Map<string, { secret: V1Secret; readAt: number }>();
  return async (at, address) => {
    const key = `${at.namespace}/${at.name}`;
    const known = kept.get(key);
    if (known && deps.now() - known.readAt < keepMs) return credentialsFor(known.secret, at, address);
    kept.delete(key);
    const secret = await read(deps.cluster, at);
    kept.set(key, { secret, readAt: deps.now() });
    return credentialsFor(secret, at, address);
  };
}

/** Pure: the header, where the Secret says that it is for this server. */
export function credentialsFor(secret: V1Secret, at: SecretAt, address: string): string {
  const named = `Secret ${at.name} in ${at.namespace}`;
  if (secret.metadata?.labels?.[label.credentials] !== "true")
    throw new Error(`${named} is not marked for this; label it ${label.credentials}=true if it is meant`);
  const host = URL.parse(address)?.host;
  const hosts = (secret.metadata.annotations?.[annotation.credentialsHost] ?? "").split(",").map((one) => one.trim());
  if (host === undefined || !hosts.includes(host))
    throw new Error(`${named} is not for ${host ?? "this address"}; annotate it ${annotation.credentialsHost}=${host}`);
  return headerOf(secret, at);
}

/** Pure: of a Secret's data, as the API server gives it. */
export function headerOf({ data = {} }: Pick<V1Secret, "data">, { namespace, name }: SecretAt): string {
  const text = (key: string): string | undefined => {
    const value = data[key];
    return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8").trim();
  };
  const [token, username, password] = [text("token"), text("username"), text("password")];
  if (token) return `Bearer ${token}`;
  if (username && password !== undefined)
    return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
  throw new Error(`Secret ${name} in ${namespace} has neither a token nor username and password; add one of the two`);
}

// --- internal ---

async function read(cluster: Cluster, at: SecretAt): Promise<V1Secret> {
  try {
    return await cluster.get<V1Secret>(resource.secrets, at);
  } catch (error: unknown) {
    const { namespace, name } = at;
    if (hasCode(error, "NotFound"))
      throw new Error(`Secret ${name} does not exist in ${namespace}; create it, or correct provider.secretRef`, {
        cause: error,
      });
    if (hasCode(error, "Forbidden"))
      throw new Error(
        `the controller may not read Secret ${name} in ${namespace}; add ${namespace} to its chart's metrics.secretNamespaces`,
        { cause: error },
      );
    throw error;
  }
}
