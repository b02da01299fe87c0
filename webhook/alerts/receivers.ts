/**
 * Who an alert goes to, and how: the AlertProvider that a Canary names, with the address and the token of its Secret, or the chart's own.
 * A Secret is used where it carries our label: whoever may write AlertProviders must not be able to have another one posted to.
 */
import type { V1Secret } from "@kubernetes/client-node";
import type { AlertProvider, AlertProviderSpec } from "../../shared/core/objects/alerts/alert-provider.ts";
import { chartProvider } from "../../shared/core/alerts/pending.ts";
import { reachOf, type Reach } from "../../shared/core/spec/receiver-address.ts";
import { label } from "../../shared/core/objects/names.ts";
import { createAddressGuard, type AddressGuard } from "../../shared/guarded-lookup.ts";
import { textIn, type SecretAt, type SecretReader } from "../outbound/secret-reader.ts";
import { SendError } from "../outbound/send-error.ts";

/** Everything that a post needs but the message. */
export interface Receiver {
  spec: Pick<AlertProviderSpec, "type" | "channel" | "username">;
  address: string;
  /** Of Slack's own API. */
  token?: string;
  guard?: AddressGuard;
  proxy?: { url: URL; guard?: AddressGuard };
}

/** The chart's own provider: its Secret is the controller's namespace's, and its address was chosen by whoever installed it. */
export type ChartProvider = Omit<AlertProviderSpec, "secretRef"> & { secretName?: string };

export interface ReceiverDeps {
  provider(namespace: string, name: string): AlertProvider | undefined;
  secret: SecretReader;
  chart?: ChartProvider;
  /** Of the controller. */
  namespace: string;
  /** Namespaces whose AlertProviders every Canary may name. */
  providerNamespaces: readonly string[];
  /** Hosts that may be posted to though they are not public, or not asked by https. */
  allowedAddresses: readonly string[];
  /** IP addresses that a tenant's name must not lead to. */
  apiServers: readonly string[];
}

/** `to` as an alert has it; `namespace`: of the Canary. Rejects with a SendError, in a clause on what is wrong. */
export async function receiverFor(deps: ReceiverDeps, to: string, namespace: string): Promise<Receiver> {
  return to === chartProvider ? ofChart(deps) : ofTenant(deps, to, namespace);
}

/** What people call it. */
export function receiverName(to: string): string {
  const [namespace = "", name = ""] = to.split("/");
  return to === chartProvider ? "the chart's alert provider" : `AlertProvider ${name} in ${namespace}`;
}

// --- internal ---

async function ofChart({ chart, secret, namespace }: ReceiverDeps): Promise<Receiver> {
  if (!chart) throw new SendError("bad-address", "the chart has no alerts.default any more");
  const { secretName, proxy, ...spec } = chart;
  const found = secretName === undefined ? undefined : await secretOf(secret, { namespace, name: secretName });
  const address = chart.address ?? addressIn(found, { namespace, name: secretName ?? "" });
  return { spec, address, ...tokenIn(found), ...(proxy ? { proxy: { url: proxyUrl(proxy) } } : {}) };
}

async function ofTenant(deps: ReceiverDeps, to: string, canaryNamespace: string): Promise<Receiver> {
  const [namespace = "", name = ""] = to.split("/");
  if (namespace !== canaryNamespace && !deps.providerNamespaces.includes(namespace))
    throw new SendError("bad-address", `the chart's alerts.providerNamespaces does not have ${namespace}`);
  const spec = deps.provider(namespace, name)?.spec;
  if (!spec) throw new SendError("unreachable", "it does not exist; create it, or correct spec.analysis.alerts");
  const named = await addressOf(deps, spec, namespace);
  return { spec, ...named, ...guardFor(deps, named.address), ...proxyOf(deps, spec) };
}

async function addressOf(
  { secret }: ReceiverDeps,
  { address, secretRef }: AlertProviderSpec,
  namespace: string,
): Promise<Pick<Receiver, "address" | "token">> {
  const at = { namespace, name: secretRef?.name ?? "" };
  if (secretRef === undefined) return { address: address ?? addressIn(undefined, at) };
  // Never the provider's own address: whoever may write one would have the Secret's token sent there.
  const found = marked(await secretOf(secret, at), at);
  return { address: addressIn(found, at), ...tokenIn(found) };
}

function proxyOf(deps: ReceiverDeps, { proxy }: AlertProviderSpec): Pick<Receiver, "proxy"> {
  return proxy ? { proxy: { url: proxyUrl(proxy), ...guardFor(deps, proxy, "its proxy") } } : {};
}

/** A proxy that is not listed may be asked by http all the same: to a public one nothing but a tunnel is sent. */
function guardFor(
  { allowedAddresses, apiServers }: ReceiverDeps,
  address: string,
  what?: string,
): { guard?: AddressGuard } {
  const asked = what === undefined ? address : address.replace(/^http:/i, "https:");
  const found = reachOf(URL.parse(asked)?.href ?? asked, allowedAddresses);
  if ("refusal" in found)
    throw new SendError("refused-address", what === undefined ? found.refusal : `${what}: ${found.refusal}`);
  return guards[found.reach](apiServers);
}

const guards: Record<Reach, (apiServers: readonly string[]) => { guard?: AddressGuard }> = {
  public: (apiServers) => ({ guard: createAddressGuard(apiServers, true) }),
  cluster: (apiServers) => ({ guard: createAddressGuard(apiServers) }),
  anywhere: () => ({}),
};

async function secretOf(read: SecretReader, at: SecretAt): Promise<V1Secret> {
  try {
    return await read(at);
  } catch (error: unknown) {
    const words = error instanceof Error ? error.message : String(error);
    throw new SendError("unreachable", words, { cause: error });
  }
}

function marked(secret: V1Secret, { namespace, name }: SecretAt): V1Secret {
  if (secret.metadata?.labels?.[label.alertCredentials] === "true") return secret;
  const words = `Secret ${name} in ${namespace} is not marked for this; label it ${label.alertCredentials}=true if it is meant`;
  throw new SendError("bad-address", words);
}

function addressIn(secret: V1Secret | undefined, { namespace, name }: SecretAt): string {
  const address = secret && textIn(secret, "address");
  if (address) return address;
  throw new SendError(
    "bad-address",
    secret ? `Secret ${name} in ${namespace} has no key address` : "it has no address",
  );
}

function tokenIn(secret: V1Secret | undefined): { token?: string } {
  const token = secret && textIn(secret, "token");
  return token ? { token } : {};
}

function proxyUrl(proxy: string): URL {
  const url = URL.parse(proxy);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new SendError("bad-address", "its proxy is no http or https address; correct spec.proxy");
}
