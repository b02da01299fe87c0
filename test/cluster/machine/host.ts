// What the cluster changes on the machine outside its state directory, and how each change is taken back:
// kernel settings, the bridge with its route, packet filter rules, a few folders whose paths are fixed in Kubernetes.
import { access, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { network, portsAt, type Ports } from "../layout.ts";
import { mustRun, run } from "../run.ts";

/** The kernel settings that Kubernetes' processes change. */
const sysctls = [
  "net/ipv4/ip_forward",
  "net/ipv4/conf/all/route_localnet",
  "vm/overcommit_memory",
  "vm/panic_on_oom",
  "kernel/panic",
  "kernel/panic_on_oops",
  "kernel/keys/root_maxkeys",
  "kernel/keys/root_maxbytes",
];

// The kubelet and containerd make these whatever their settings say.
const fixedFolders = [
  "/var/lib/kubelet/device-plugins",
  "/var/lib/kubelet",
  "/var/log/containers",
  "/var/lib/cni/results",
  "/var/lib/cni",
  "/run/containerd/s",
  "/run/containerd",
  "/opt/cni/bin",
  "/opt/cni",
  "/etc/cni/net.d",
  "/etc/cni",
];

const COMMENT = "kubectl-canary-cluster";
const forwardRules = [
  ["-s", network.podRange],
  ["-d", network.podRange],
].map((match) => [...match, "-m", "comment", "--comment", COMMENT, "-j", "ACCEPT"]);

/** The kernel settings as they are now. */
export async function readSysctls(): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of sysctls) values[name] = (await readFile(`/proc/sys/${name}`, "utf8")).trim();
  return values;
}

export async function restoreSysctls(values: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(values)) await writeFile(`/proc/sys/${name}`, value);
}

/** Those folders with fixed paths that do not exist yet, innermost first. */
export async function missingFolders(): Promise<string[]> {
  const missing: string[] = [];
  for (const folder of fixedFolders) await access(folder).catch(() => missing.push(folder));
  return missing;
}

/** Makes the bridge with the node's address and a route that gives Services a source address. */
export async function setUpNetwork(): Promise<void> {
  await mustRun("ip", ["link", "add", network.bridge, "type", "bridge"]);
  await mustRun("ip", ["address", "add", `${network.nodeAddress}/32`, "dev", network.bridge]);
  await mustRun("ip", ["link", "set", network.bridge, "up"]);
  await mustRun("ip", ["route", "add", network.serviceRange, "dev", network.bridge, "src", network.nodeAddress]);
  await writeFile("/proc/sys/net/ipv4/ip_forward", "1");
  // Another program's DROP policy (Docker sets one) must not cut the pods off from each other.
  for (const rule of forwardRules) await mustRun("iptables", ["-w", "-I", "FORWARD", ...rule]);
}

export async function hasBridge(): Promise<boolean> {
  return (await run("ip", ["link", "show", network.bridge])).code === 0;
}

export async function removeNetwork(): Promise<void> {
  const { stdout } = await run("ip", ["-brief", "-4", "address"]);
  // The kernel takes a dead pod's link away in its own time.
  for (const link of [...podLinks(stdout), network.bridge]) await run("ip", ["link", "delete", link]);
  for (const iptables of ["iptables", "ip6tables"]) await removeRules(iptables);
}

/** Names of the host's ends of pods' links, from the output of `ip -brief address`: each has the gateway of the pods' range. */
export function podLinks(addresses: string): string[] {
  const lines = addresses.split("\n").map((line) => line.split(/\s+/));
  return lines
    .filter((fields) => fields.includes(`${network.podGateway}/32`))
    .map(([link = ""]) => link.split("@")[0]!);
}

async function removeRules(iptables: string): Promise<void> {
  const saved = await run(`${iptables}-save`, []);
  const script = renderRuleRemoval(saved.stdout);
  if (script) await mustRun(`${iptables}-restore`, ["-w", "--noflush"], { input: script });
}

/** True when another Kubernetes node keeps its rules on this machine. */
export async function hasKubernetesRules(): Promise<boolean> {
  return /^:KUBE-SERVICES /m.test((await run("iptables-save", ["-t", "nat"])).stdout);
}

/**
 * From the output of `iptables-save`, the input for `iptables-restore --noflush` that removes the chains of kube-proxy
 * and the kubelet, every rule that leads into them, and our own rules. Empty when there is nothing to remove.
 */
export function renderRuleRemoval(saved: string): string {
  const tables = saved.split(/^(?=\*)/m).filter((part) => part.startsWith("*"));
  return tables.map(renderTableRemoval).join("");
}

function renderTableRemoval(table: string): string {
  const lines = table.split("\n");
  const chains = lines.map((line) => /^:(KUBE-\S+)/.exec(line)?.[1]).filter((chain) => chain !== undefined);
  const leadingIn = lines.filter(
    (line) => /^-A (?!KUBE-)/.test(line) && (/ -j KUBE-/.test(line) || line.includes(COMMENT)),
  );
  if (chains.length + leadingIn.length === 0) return "";
  return [
    lines[0],
    ...leadingIn.map((line) => line.replace(/^-A/, "-D")),
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...chains.map((chain) => `-X ${chain}`),
    "COMMIT",
    "",
  ].join("\n");
}

/** The first set of ports of which every one is free on loopback and on all addresses. */
export async function freePorts(): Promise<Ports> {
  for (let offset = 0; offset < 1000; offset += 50) {
    const ports = portsAt(offset);
    const free = await Promise.all(Object.values(ports).map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new Error("No free set of ports was found between 16248 and 17400. Stop what listens there and try again.");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen({ port, host: "0.0.0.0", exclusive: true }, () => server.close(() => done(true)));
  });
}
