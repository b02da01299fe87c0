// What the server side of the proxy counts: linkerd-proxy's labels, one series per caller and target.
import { outcomeOf, type End } from "./classify.ts";
import type { Authorization, PolicyName } from "../policy/inbound-policy.ts";
import { Counter, labelText, type Registry } from "./metrics.ts";
import type { Address } from "../proxy/original-destination.ts";
import type { Labels, TrafficFamilies } from "./series.ts";

export interface Arrival {
  readonly target: Address;
  /** Identity of a meshed caller. */
  readonly clientId: string | undefined;
  readonly probe: boolean;
  /** The Server, or the default policy, that the port is under. */
  readonly server: PolicyName;
}

/** A request that was let in. Probes always are. */
export interface InboundRequest extends Arrival {
  readonly authorization: PolicyName;
}

export const probeAuthorization: PolicyName = { group: "", kind: "default", name: "probe" };

export const authorizationOf = (arrival: Arrival, found: Authorization | undefined): PolicyName | undefined =>
  arrival.probe ? probeAuthorization : found;

export class InboundSeries {
  readonly #families: TrafficFamilies;
  readonly #allowed: Counter;
  readonly #denied: Counter;

  constructor(registry: Registry, families: TrafficFamilies) {
    this.#families = families;
    this.#allowed = registry.add(new Counter("inbound_http_authz_allow_total", "Requests that were authorized."));
    this.#denied = registry.add(new Counter("inbound_http_authz_deny_total", "Requests that no policy authorized."));
  }

  request(request: InboundRequest): void {
    this.#families.requests.add(labelText(requestLabels(request)));
    const { target, server, authorization } = policyLabels(request);
    this.#allowed.add(labelText({ ...target, ...server, ...authorization, ...callerLabels(request) }));
  }

  /** Was refused: nothing else is counted of it. */
  denied(arrival: Arrival): void {
    const { target, server } = policyLabels({ ...arrival, authorization: probeAuthorization });
    this.#denied.add(labelText({ ...target, ...server, ...callerLabels(arrival) }));
  }

  /** A request whose client left before there was an answer has none: it counts as a request alone. */
  response(request: InboundRequest, end: End, durationMs: number): void {
    if (end.kind === "cancelled" && end.status === undefined) return;
    const { status_code, ...outcome } = outcomeOf(end.kind === "unreachable" ? { kind: "answered", status: 502 } : end);
    const labels = { ...requestLabels(request), status_code: status_code ?? "" };
    this.#families.latency.observe(labelText(labels), durationMs);
    this.#families.responses.add(labelText({ ...labels, ...outcome }));
  }

  /** Counts a connection; call what it returns when it is closed. */
  connection(target: Address): () => void {
    return this.#families.connection({ direction: "inbound", peer: "src", ...addressLabels(target) });
  }
}

const addressLabels = ({ ip, port }: Address): Labels => ({
  target_addr: `${ip}:${port}`,
  target_ip: ip,
  target_port: port,
});

const callerLabels = ({ clientId }: Arrival): Labels =>
  clientId ? { tls: "true", client_id: clientId } : { tls: "no_identity", no_tls_reason: "no_tls_from_remote" };

function policyLabels({ target, probe, server, authorization }: InboundRequest): Record<string, Labels> {
  return {
    target: addressLabels(target),
    server: {
      srv_group: server.group,
      srv_kind: server.kind,
      srv_name: server.name,
      srv_port: target.port,
      route_group: "",
      route_kind: "default",
      route_name: probe ? "probe" : "default",
    },
    authorization: {
      authz_group: authorization.group,
      authz_kind: authorization.kind,
      authz_name: authorization.name,
    },
  };
}

function requestLabels(request: InboundRequest): Labels {
  const { target, server, authorization } = policyLabels(request);
  return { direction: "inbound", ...target, ...callerLabels(request), ...server, ...authorization };
}
