// The init role: redirects a pod's TCP to its sidecar with iptables, by the rules that Linkerd's own init container sets.
import { execFileSync } from "node:child_process";
import { adminPort, inboundPort, outboundPort, proxyUid } from "../settings.ts";

/** Input of iptables-restore. Port lists as in Linkerd's annotations: "80,8000-8010". */
export function redirectionRules(skipInboundPorts: string, skipOutboundPorts: string): string {
  const skip = (chain: string, ports: string): string[] =>
    portRanges(ports).map((range) => `-A ${chain} -p tcp --dport ${range} -j RETURN`);
  return [
    "*nat",
    ":PREROUTING ACCEPT [0:0]",
    ":OUTPUT ACCEPT [0:0]",
    ":PROXY_INBOUND - [0:0]",
    ":PROXY_OUTBOUND - [0:0]",
    `-A PROXY_INBOUND -p tcp --dport ${adminPort} -j RETURN`,
    ...skip("PROXY_INBOUND", skipInboundPorts),
    `-A PROXY_INBOUND -p tcp -j REDIRECT --to-ports ${inboundPort}`,
    "-A PREROUTING -j PROXY_INBOUND",
    `-A PROXY_OUTBOUND -m owner --uid-owner ${proxyUid} -j RETURN`,
    "-A PROXY_OUTBOUND -o lo -j RETURN",
    ...skip("PROXY_OUTBOUND", skipOutboundPorts),
    `-A PROXY_OUTBOUND -p tcp -j REDIRECT --to-ports ${outboundPort}`,
    "-A OUTPUT -j PROXY_OUTBOUND",
    "COMMIT",
    "",
  ].join("\n");
}

function portRanges(ports: string): string[] {
  return ports
    .split(",")
    .map((each) => each.trim())
    .filter((each) => /^\d+(-\d+)?$/.test(each))
    .map((each) => each.replace("-", ":"));
}

export function runInit(env: NodeJS.ProcessEnv): void {
  const rules = redirectionRules(env["SKIP_INBOUND_PORTS"] ?? "", env["SKIP_OUTBOUND_PORTS"] ?? "");
  execFileSync("/usr/sbin/iptables-restore", ["--wait"], { input: rules, stdio: ["pipe", "inherit", "inherit"] });
}
