/** Which proxy the environment names for an API server, by the rules of Go's HTTP client, which are kubectl's. Pure. */
import { BlockList, isIP } from "node:net";
import type { Env } from "../context.ts";

/** Undefined: straight to it. `server` is the kubeconfig's. */
export function proxyFor(server: string, env: Env): string | undefined {
  const url = URL.parse(server);
  if (!url) return undefined;
  const named = url.protocol === "https:" ? of(env, "HTTPS_PROXY") : of(env, "HTTP_PROXY");
  if (named === "" || isBypassed(url, of(env, "NO_PROXY"))) return undefined;
  return named.includes("://") ? named : `http://${named}`;
}

// --- internal ---

const of = (env: Env, name: string): string => (env[name] || env[name.toLowerCase()] || "").trim();

const defaultPort: Readonly<Record<string, string>> = { "https:": "443", "http:": "80" };

function isBypassed({ hostname, port, protocol }: URL, noProxy: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || isLoopback(host)) return true;
  const asked = { host, port: port === "" ? (defaultPort[protocol] ?? "") : port };
  return noProxy
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && covers(entry, asked));
}

function covers(entry: string, { host, port }: { host: string; port: string }): boolean {
  if (entry === "*" || entry.includes("/")) return entry === "*" || isWithin(host, entry);
  const [, wanted = entry, wantedPort = port] = /^(\[[^\]]*\]|[^:]*):([0-9]+)$/.exec(entry) ?? [];
  if (wantedPort !== port) return false;
  const name = wanted.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? isOfDomain(host, name) : name === host;
}

/** `example` covers what is below it too; `.example` and `*.example` only that. */
function isOfDomain(host: string, name: string): boolean {
  const domain = name.startsWith("*.") ? name.slice(1) : name;
  return domain.startsWith(".") ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

const family = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

function isLoopback(host: string): boolean {
  return isWithin(host, "127.0.0.0/8") || isWithin(host, "::1/128");
}

/** `range` as `10.0.0.0/8`; what is none covers nothing. */
function isWithin(host: string, range: string): boolean {
  const [network = "", bits = ""] = range.split("/", 2);
  const length = Number(bits);
  const longest = isIP(network) === 6 ? 128 : 32;
  if (isIP(host) === 0 || isIP(network) !== isIP(host) || !/^[0-9]{1,3}$/.test(bits) || length > longest) return false;
  const list = new BlockList();
  list.addSubnet(network, length, family(network));
  return list.check(host, family(host));
}
