// The server side of the proxy: passes what comes for the pod and may come in to the app, and counts it.
// There is no real TLS between the pods of this stand-in mesh: a meshed caller's identity travels in a header, which the
// client side sets and this side takes away. It serves the metrics and the policies; it proves nothing.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { forward, requestHeaders } from "./forward.ts";
import { authorize, type PortPolicy } from "../policy/inbound-policy.ts";
import { authorizationOf, type Arrival, type InboundRequest, type InboundSeries } from "../series/inbound-series.ts";
import { newAgent, type Side } from "./listener.ts";
import type { Address } from "./original-destination.ts";
import { backendHeader, type ProbePath } from "../settings.ts";
import { tunnel } from "./tunnel.ts";
import { passUpgrade } from "./upgrade.ts";

/** Lower case, as Node gives header names. */
export const identityHeader = "stand-in-mesh-client-id";

export interface InboundSettings {
  readonly series: InboundSeries;
  readonly policyFor: (port: number) => Promise<PortPolicy>;
  readonly probes: readonly ProbePath[];
  /** The node as the pod sees it: where the kubelet's probes come from. */
  readonly nodeIp: string | undefined;
}

/** The request as it is counted, or `undefined` for one that is refused (and was counted as such). */
type Admit = (target: Address, request: IncomingMessage) => Promise<InboundRequest | undefined>;

export function inboundSide(settings: InboundSettings): Side<Address> {
  const { series } = settings;
  const agent = newAgent();
  const admit = admission(settings);
  return {
    accept: (target, socket) => {
      socket.once("close", series.connection(target));
      return target;
    },
    request(target, request, response) {
      void admit(target, request).then((admitted) => {
        if (!admitted) return answerFor(response, 403, { reason: "unauthorized request on route" });
        const startedMs = performance.now();
        series.request(admitted);
        forward({
          request,
          response,
          agent,
          headers: requestHeaders(request, identityHeader),
          upstream: () => target,
          done: (end) => {
            series.response(admitted, end, performance.now() - startedMs);
            if (end.kind === "unreachable") answerFor(response, 502);
          },
        });
      });
    },
    upgrade: (target, request, socket, rest) => {
      void admit(target, request).then((admitted) => {
        if (!admitted) return void socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        series.request(admitted);
        passUpgrade(request, socket, { target, headers: request.rawHeaders, rest });
      });
    },
    other: (target, socket) => {
      socket.once("close", series.connection(target));
      tunnel(socket, target);
    },
  };
}

function admission({ series, policyFor, probes, nodeIp }: InboundSettings): Admit {
  return async (target, request) => {
    const header = request.headers[identityHeader];
    const clientId = typeof header === "string" ? header : undefined;
    const ip = plainIp(request.socket.remoteAddress);
    const fromNode = clientId === undefined && ip === nodeIp;
    const probe = fromNode && probes.some(({ port, path }) => port === target.port && path === request.url);
    const policy = await policyFor(target.port);
    const arrival: Arrival = { target, clientId, probe, server: policy.server };
    const authorization = authorizationOf(arrival, authorize(policy, { clientId, ip }));
    if (authorization) return { ...arrival, authorization };
    series.denied(arrival);
    return undefined;
  };
}

/** An answer of the proxy's own, for an app or endpoint that gave none. */
export function answerFor(
  response: ServerResponse,
  status: number,
  { reason = "", backend = "" }: { readonly reason?: string; readonly backend?: string } = {},
): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const headers = { ...(reason && { "l5d-proxy-error": reason }), ...(backend && { [backendHeader]: backend }) };
  response.writeHead(status, { "content-length": 0, ...headers }).end();
}

/** Dual-stack sockets show IPv4 addresses as ::ffff:1.2.3.4. */
export const plainIp = (address: string | undefined): string => (address ?? "").replace(/^::ffff:/, "");

/** For connections that never pass the redirection, such as scrapes. */
export const localAddress = (socket: Socket): Address => ({
  ip: plainIp(socket.localAddress),
  port: socket.localPort ?? 0,
});
