/**
 * Which addresses a tenant's MetricTemplate or Canary may make the controller ask: Services of its own namespace, and what the chart's
 * `metrics.allowedAddresses` allows. This is about names; where they lead is checked when the connection is made.
 */

/** In characters; as the definitions of Canary and MetricTemplate have it. */
export const longestAddress = 2048;

/** Never asked unless they are listed by themselves: where clouds hand out credentials, and the controller's own pod. */
const guarded =
  /^(169\.254\.|127\.|0\.0\.0\.0$|\[::|\[fe80:|\[fd00:ec2:|localhost\.?$|metadata\.google\.internal\.?$|\d+(\.\d+){0,2}$|0[x\d])/i;

/** What is asked there, and the chart's value that allows more of them. */
export interface AddressKind {
  what: string;
  value: string;
}

const prometheusAddress: AddressKind = { what: "Prometheus", value: "metrics.allowedAddresses" };
export const webhookAddress: AddressKind = { what: "webhook", value: "gates.allowedAddresses" };

/**
 * Undefined where the address may be asked, else a sentence on why it may not. A pattern is a host with or without a port, in which
 * `*` stands for any text: `*.monitoring:9090`, `prometheus.*`. `namespace`: of the object that names the address.
 */
export function refusalOf(
  address: string,
  allowed: readonly string[],
  namespace?: string,
  of: AddressKind = prometheusAddress,
): string | undefined {
  const url = address.length > longestAddress ? undefined : parsed(address);
  if (!url) return `${shown(address)} is no http or https address of a ${of.what}; correct it`;
  if (namespace !== undefined && isServiceOf(namespace, url.host)) return undefined;
  const patterns = allowed.length === 0 ? "none" : allowed.join(", ");
  const beside = namespace === undefined ? "" : `, beside Services of namespace ${namespace} (NAME.${namespace}.svc)`;
  return listing(url, allowed)
    ? undefined
    : `the controller may not ask ${url.host}:${url.port}: its chart's ${of.value} allows ${patterns}${beside}`;
}

/** Whether the chart lists the address itself, without a `*`: then it may lead anywhere. */
export function isListedByItself(address: string, allowed: readonly string[]): boolean {
  const url = parsed(address);
  return url !== undefined && allowed.some((pattern) => !pattern.includes("*") && matches(pattern, url));
}

/** Whether the chart lists the address; what is guarded only by itself. */
export function isListed(address: string, allowed: readonly string[]): boolean {
  const url = address.length > longestAddress ? undefined : parsed(address);
  return url !== undefined && listing(url, allowed);
}

/** `host:port` of an http or https address, and nothing that may be a secret; undefined where it is none. */
export function hostOf(address: string): string | undefined {
  const url = address.length > longestAddress ? undefined : parsed(address);
  return url && `${url.host}:${url.port}`;
}

/** In quotes: what may be shown of an address, whether or not it can be read. No password, and not without end. */
export function shown(address: string): string {
  const [start, end] = [address.indexOf("//"), address.lastIndexOf("@")];
  const bare = start >= 0 && end > start ? `${address.slice(0, start)}//***${address.slice(end)}` : address;
  return `"${bare.length > 200 ? `${bare.slice(0, 200)}...` : bare}"`;
}

// --- internal ---

function listing(url: Host, allowed: readonly string[]): boolean {
  return allowed.some((pattern) => matches(pattern, url) && (!pattern.includes("*") || !guarded.test(url.host)));
}

function isServiceOf(namespace: string, host: string): boolean {
  const [name = "", ...rest] = host.split(".");
  const domain = rest.join(".");
  return name !== "" && [namespace, `${namespace}.svc`, `${namespace}.svc.cluster.local`].includes(domain);
}

interface Host {
  host: string;
  port: string;
}

/** By hand, because the core knows no URL class; the scheme's port where none is given. */
function parsed(address: string): Host | undefined {
  const parts = /^(https?):\/\/(?:[^/@?#]*@)?(\[[0-9a-f:.]+\]|[^:/?#\s]+)(?::(\d{1,5}))?(?:[/?#]|$)/i.exec(address);
  if (!parts) return undefined;
  const [, scheme = "", host = "", port] = parts;
  return { host: host.toLowerCase(), port: port ?? (scheme.toLowerCase() === "https" ? "443" : "80") };
}

function matches(pattern: string, { host, port }: Host): boolean {
  const named = pattern.toLowerCase();
  return glob(named, /:\d+$/.test(named) ? `${host}:${port}` : host);
}

/** `*` stands for any text. Each part is taken where it is found first, so that nothing is ever tried twice. */
function glob(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
