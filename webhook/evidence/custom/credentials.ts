/**
 * Credentials that a MetricTemplate takes from a Secret in its own namespace: a `token`, or `username` and `password`. Only from a Secret
 * that was made for this: whoever may write MetricTemplates need not be allowed to read the namespace's Secrets, and must not be able to
 * have one sent to a server of their choice.
 */
import type { V1Secret } from "@kubernetes/client-node";
import { annotation, label } from "../../../shared/core/objects/names.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { createSecretReader, textIn, type SecretAt } from "../../outbound/secret-reader.ts";

/** The value of an Authorization header for this address. Rejects with a sentence on what is missing. */
export type Credentials = (at: SecretAt, address: string) => Promise<string>;

export function createCredentials(deps: { cluster: Cluster; now(): number }): Credentials {
  const read = createSecretReader(deps, { field: "provider.secretRef", value: "metrics.secretNamespaces" });
  return async (at, address) => credentialsFor(await read(at), at, address);
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
export function headerOf(secret: Pick<V1Secret, "data">, { namespace, name }: SecretAt): string {
  const [token, username, password] = ["token", "username", "password"].map((key) => textIn(secret, key));
  if (token) return `Bearer ${token}`;
  if (username && password !== undefined)
    return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
  throw new Error(`Secret ${name} in ${namespace} has neither a token nor username and password; add one of the two`);
}
