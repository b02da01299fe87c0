// The sidecar: wires the two sides and the admin port together, and ends after the app.
import { readFileSync } from "node:fs";
import { createServer, get, type Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Destinations } from "../outbound/destinations.ts";
import type { Leaf } from "../policy/destination.ts";
import { defaultPolicy } from "../policy/inbound-policy.ts";
import { InboundSeries, type Arrival } from "../series/inbound-series.ts";
import { inboundSide, localAddress, plainIp } from "./inbound.ts";
import { listen } from "./listener.ts";
import { Registry } from "../series/metrics.ts";
import { OutboundSeries } from "../series/outbound-series.ts";
import { outboundSide } from "../outbound/outbound.ts";
import { Policies } from "./policies.ts";
import { TrafficFamilies } from "../series/series.ts";
import { adminPort, identityOf, inboundPort, outboundPort, proxyClock, type ProbePath } from "../settings.ts";

// The kubelet ends this container after the app's; what the app had begun to answer is through by then.
const DRAIN_MS = 500;

export async function runProxy(env: NodeJS.ProcessEnv): Promise<void> {
  // Only this role loads the native library: the others start faster without it.
  const { originalDestinations } = await import("./original-destination.ts");
  const registry = new Registry();
  const families = new TrafficFamilies(registry);
  const inboundSeries = new InboundSeries(registry, families);
  const { DESTINATIONS: control = "", POD_NAMESPACE: namespace = "", POD_NAME: pod = "" } = env;
  const destinations = new Destinations(control, proxyClock(Number(env["DISCOVERY_CLOCK"] ?? 0)));
  const policies = new Policies(control, namespace, pod);
  const outboundSeries = new OutboundSeries(registry, families, () => balancersOf(destinations));
  const destinationOf = originalDestinations();
  const probes = JSON.parse(env["PROBES"] ?? "[]") as ProbePath[];
  const identity = identityOf(env["SERVICE_ACCOUNT"] ?? "default", namespace);
  const inbound = inboundSide({
    series: inboundSeries,
    policyFor: (port) => policies.forPort(port),
    probes,
    nodeIp: gatewayIn(readFileSync("/proc/net/route", "utf8")),
  });
  listen(inboundPort, destinationOf, inbound);
  listen(outboundPort, destinationOf, outboundSide({ series: outboundSeries, destinations, identity }));
  adminServer(registry, inboundSeries).listen(adminPort);
  process.on("SIGTERM", () => setTimeout(() => process.exit(0), DRAIN_MS));
}

function* balancersOf(destinations: Destinations): Generator<{ apex: Leaf; leaf: Leaf }> {
  for (const entry of destinations.entries) {
    const { document } = entry;
    const apex = document?.kind === "service" ? document.leaves[document.apex] : undefined;
    if (!apex) continue;
    for (const leaf of entry.balanced()) if (leaf.exists) yield { apex, leaf };
  }
}

const open = defaultPolicy("all-unauthenticated").server;

/** Scrapes are requests too: linkerd-proxy counts them with target_port 4191. They are let in whatever the policy says. */
function adminServer(registry: Registry, series: InboundSeries): Server {
  return createServer((request, response) => {
    const startedMs = performance.now();
    const known = ["/metrics", "/ready", "/live"].includes(request.url ?? "");
    const local = plainIp(request.socket.remoteAddress) === "127.0.0.1";
    const arrival: Arrival = { target: localAddress(request.socket), clientId: undefined, probe: false, server: open };
    const counted = { ...arrival, authorization: open };
    if (!local) series.request(counted);
    response.on("finish", () => {
      const end = { kind: "answered", status: response.statusCode } as const;
      if (!local) series.response(counted, end, performance.now() - startedMs);
    });
    response.writeHead(known ? 200 : 404, { "content-type": "text/plain; version=0.0.4" });
    response.end(request.url === "/metrics" ? registry.text() : "ok\n");
  });
}

/** The gateway of the default route in /proc/net/route: the node, as the pod sees it. */
export function gatewayIn(routes: string): string | undefined {
  const row = routes
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => fields[1] === "00000000");
  const hex = row?.[2];
  return hex && [6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(".");
}

const AWAIT_MS = 30_000;
const AWAIT_EVERY_MS = 10;

/** The await role: returns when this pod's proxy listens. */
export async function awaitProxy(): Promise<void> {
  const deadline = performance.now() + AWAIT_MS;
  while (performance.now() < deadline) {
    if (await isUp()) return;
    await delay(AWAIT_EVERY_MS);
  }
  throw new Error(`The proxy did not listen on port ${adminPort} within ${AWAIT_MS / 1000} s.`);
}

const isUp = (): Promise<boolean> =>
  new Promise((done) => {
    get({ host: "127.0.0.1", port: adminPort, path: "/ready", agent: false }, (response) => {
      response.resume();
      done(response.statusCode === 200);
    }).on("error", () => done(false));
  });
