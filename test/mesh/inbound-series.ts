// What the server side of the proxy counts: linkerd-proxy's labels, one series per caller and target.
import { labelText } from "./metrics.ts";
import type { Address } from "./original-destination.ts";
import { classify, type Labels, type TrafficFamilies } from "./series.ts";

export interface InboundRequest {
  readonly target: Address;
  /** Identity of a meshed caller. */
  readonly clientId: string | undefined;
  readonly probe: boolean;
}

export class InboundSeries {
  readonly #families: TrafficFamilies;

  constructor(families: TrafficFamilies) {
    this.#families = families;
  }

  request(request: InboundRequest): void {
    this.#families.requests.add(labelText(requestLabels(request)));
  }

  response(request: InboundRequest, status: number, durationMs: number): void {
    const labels = { ...requestLabels(request), status_code: status };
    this.#families.latency.observe(labelText(labels), durationMs);
    const outcome = { classification: classify(status), grpc_status: "", error: "" };
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

function requestLabels({ target, clientId, probe }: InboundRequest): Labels {
  const caller = clientId
    ? { tls: "true", client_id: clientId }
    : { tls: "no_identity", no_tls_reason: "no_tls_from_remote" };
  return {
    direction: "inbound",
    ...addressLabels(target),
    ...caller,
    srv_group: "",
    srv_kind: "default",
    srv_name: "all-unauthenticated",
    srv_port: target.port,
    route_group: "",
    route_kind: "default",
    route_name: probe ? "probe" : "default",
    authz_group: "",
    authz_kind: "default",
    authz_name: probe ? "probe" : "all-unauthenticated",
  };
}
