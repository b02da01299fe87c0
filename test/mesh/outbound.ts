// The client side of the proxy: for each request to a Service, picks a leaf by the weights that hold for this client and
// a ready endpoint of it, sends it there and counts it.
import type { IncomingMessage, ServerResponse } from "node:http";
import { choose, sharesFor, type Shares } from "./choice.ts";
import { unknownPod, type Endpoint, type Leaf, type ServiceDestination } from "./destination.ts";
import { discovered, type Destinations, type Entry } from "./destinations.ts";
import { forward, requestHeaders } from "./forward.ts";
import { answerFor, identityHeader } from "./inbound.ts";
import { newAgent, type Side } from "./listener.ts";
import type { Hop, OutboundSeries, RouteHop } from "./outbound-series.ts";
import { tunnel } from "./tunnel.ts";
import { passUpgrade } from "./upgrade.ts";

export interface OutboundSettings {
  readonly series: OutboundSeries;
  readonly destinations: Destinations;
  /** Identity of this pod, for the receiving side's metrics. */
  readonly identity: string;
}

/** Where a request goes: `hopAt` is the n-th attempt's endpoint. */
interface Going {
  readonly kind: "to";
  readonly hopAt: (attempt: number) => Hop;
  readonly route: RouteHop | undefined;
}

interface Refused {
  readonly kind: "refused";
  readonly status: number;
  readonly error: string;
  readonly route: RouteHop | undefined;
}

export function outboundSide({ series, destinations, identity }: OutboundSettings): Side<Entry> {
  const send = sender(series, identity);
  return {
    accept: (target, socket) => {
      const entry = destinations.open(target);
      const closed = series.connection(`${target.ip}:${target.port}`);
      socket.once("close", () => {
        closed();
        destinations.close(entry);
      });
      return entry;
    },
    request: (entry, request, response) => void send(entry, request, response),
    upgrade: (entry, request, socket, rest) => {
      void direct(entry, request).then((way) => {
        if (way.kind === "refused") return void socket.end(`HTTP/1.1 ${way.status} \r\ncontent-length: 0\r\n\r\n`);
        passUpgrade(request, socket, { target: way.hopAt(0).endpoint, headers: request.rawHeaders, rest });
      });
    },
    other: (target, socket) => {
      socket.once("close", series.connection(`${target.ip}:${target.port}`));
      tunnel(socket, target);
    },
  };
}

type Send = (entry: Entry, request: IncomingMessage, response: ServerResponse) => Promise<void>;

function sender(series: OutboundSeries, identity: string): Send {
  const agent = newAgent();
  return async (entry, request, response) => {
    const startedMs = performance.now();
    const way = await direct(entry, request);
    if (way.kind === "refused") {
      series.failed(way.route, way.status, way.error);
      return answerFor(response, way.status, way.error);
    }
    const hops: Hop[] = [];
    const hopAt = (attempt: number): Hop => (hops[attempt] ??= way.hopAt(attempt));
    series.request(hopAt(0), way.route);
    forward({
      request,
      response,
      agent,
      headers: [...requestHeaders(request, identityHeader), identityHeader, identity],
      upstream: (attempt) => hopAt(attempt).endpoint,
      done: (status, attempt) => series.response(hopAt(attempt), way.route, status, performance.now() - startedMs),
      failed: (error) => {
        series.failed(way.route, 502, "unexpected");
        answerFor(response, 502, error.message);
      },
    });
  };
}

/** Finds the way for one request; waits for discovery and, within the proxy's patience, for an endpoint. */
async function direct(entry: Entry, request: IncomingMessage): Promise<Going | Refused> {
  for (;;) {
    // Awaited only where there is something to wait for: this runs for every request.
    const document = entry.document ?? (await discovered(entry));
    if (!document) return refuse(504, "discovery timed out", undefined);
    if (document.kind !== "service") {
      const endpoint = document.kind === "pod" ? document.endpoint : bareEndpoint(entry);
      const authority = request.headers.host ?? `${entry.address.ip}:${entry.address.port}`;
      return { kind: "to", route: undefined, hopAt: () => ({ endpoint, authority }) };
    }
    const way = serviceWay(entry, document, request);
    if (typeof way !== "string") return way;
    // Those who waited in vain fail; only later ones go elsewhere at once.
    if (!(await entry.gotEndpoint(way))) return refuse(503, "fail fast", undefined);
  }
}

const refuse = (status: number, error: string, route: RouteHop | undefined): Refused => ({
  kind: "refused",
  status,
  error,
  route,
});

/** The way, or the key of the leaf whose endpoints are to be waited for. */
function serviceWay(entry: Entry, document: ServiceDestination, request: IncomingMessage): Going | Refused | string {
  const { method = "GET", url: path = "/", headers } = request;
  const binding = entry.binding ?? "policy";
  const shares = sharesFor(document, binding, { method, path, headers });
  if (!shares) return refuse(404, "no route matches", undefined);
  const routeTo = (key: string): RouteHop | undefined =>
    binding === "policy" ? routeHop(document, shares, key) : undefined;
  const choice = choose(shares.backends, document.leaves, (leaf) => entry.patienceMs(leaf) <= 0, Math.random);
  if (choice.kind === "wait") return choice.key;
  if (choice.kind === "none") return refuse(503, "fail fast", routeTo(document.apex));
  const leaf = document.leaves[choice.key];
  if (choice.kind === "missing" || !leaf) return refuse(500, "backend not found", routeTo(choice.key));
  const apex = document.leaves[document.apex] ?? leaf;
  const turn = entry.turn(choice.key);
  const hopAt = (attempt: number): Hop => ({
    apex,
    leaf,
    endpoint: endpointAt(leaf, turn + attempt),
    authority: `${apex.name}.${apex.namespace}.svc.cluster.local:${apex.port}`,
  });
  return { kind: "to", hopAt, route: routeTo(choice.key) };
}

function routeHop(document: ServiceDestination, shares: Shares, key: string): RouteHop | undefined {
  const apex = document.leaves[document.apex];
  const leaf = document.leaves[key];
  return apex && leaf && { apex, leaf, rule: shares.rule };
}

function endpointAt(leaf: Leaf, turn: number): Endpoint {
  const endpoint = leaf.endpoints[turn % leaf.endpoints.length];
  if (!endpoint) throw new Error(`${leaf.name} was picked without an endpoint`);
  return endpoint;
}

/** An address outside the cluster's Services and pods. */
const bareEndpoint = ({ address }: Entry): Endpoint => ({
  ...address,
  ...unknownPod,
  zone: "",
});
