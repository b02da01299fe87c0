// The server side of the proxy: passes what comes for the pod to the app, and counts it.
// There is no real TLS between the pods of this stand-in mesh: a meshed caller's identity travels in a header, which the
// client side sets and this side takes away. It serves the metrics; it proves nothing.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { forward, requestHeaders } from "./forward.ts";
import type { InboundRequest, InboundSeries } from "./inbound-series.ts";
import { newAgent, type Side } from "./listener.ts";
import type { Address } from "./original-destination.ts";
import type { ProbePath } from "./settings.ts";
import { tunnel } from "./tunnel.ts";
import { passUpgrade } from "./upgrade.ts";

/** Lower case, as Node gives header names. */
export const identityHeader = "stand-in-mesh-client-id";

export interface InboundSettings {
  readonly series: InboundSeries;
  readonly probes: readonly ProbePath[];
  /** The node as the pod sees it: where the kubelet's probes come from. */
  readonly nodeIp: string | undefined;
}

export function inboundSide({ series, probes, nodeIp }: InboundSettings): Side<Address> {
  const agent = newAgent();
  const describe = (target: Address, request: IncomingMessage): InboundRequest => {
    const header = request.headers[identityHeader];
    const clientId = typeof header === "string" ? header : undefined;
    const fromNode = clientId === undefined && sameIp(request.socket.remoteAddress, nodeIp);
    const probe = fromNode && probes.some(({ port, path }) => port === target.port && path === request.url);
    return { target, clientId, probe };
  };
  return {
    accept: (target, socket) => {
      socket.once("close", series.connection(target));
      return target;
    },
    request(target, request, response) {
      const counted = describe(target, request);
      const startedMs = performance.now();
      const count = (status: number): void => series.response(counted, status, performance.now() - startedMs);
      series.request(counted);
      forward({
        request,
        response,
        agent,
        headers: requestHeaders(request, identityHeader),
        upstream: () => target,
        done: count,
        failed: () => {
          count(502);
          answerFor(response, 502);
        },
      });
    },
    upgrade: (target, request, socket, rest) => {
      series.request(describe(target, request));
      passUpgrade(request, socket, { target, headers: request.rawHeaders, rest });
    },
    other: (target, socket) => {
      socket.once("close", series.connection(target));
      tunnel(socket, target);
    },
  };
}

/** An answer of the proxy's own, for an app or endpoint that gave none. */
export function answerFor(response: ServerResponse, status: number, reason = ""): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  response.writeHead(status, { "content-length": 0, ...(reason ? { "l5d-proxy-error": reason } : {}) }).end();
}

/** Dual-stack sockets show IPv4 addresses as ::ffff:1.2.3.4. */
export const plainIp = (address: string | undefined): string => (address ?? "").replace(/^::ffff:/, "");

const sameIp = (a: string | undefined, b: string | undefined): boolean => b !== undefined && plainIp(a) === b;

/** For connections that never pass the redirection, such as scrapes. */
export const localAddress = (socket: Socket): Address => ({
  ip: plainIp(socket.localAddress),
  port: socket.localPort ?? 0,
});
