// Series written for a test, in the exposition format, as functions of the number of scrapes so far: the same at every run, whatever
// the machine's speed. Label names are those that Linkerd's proxies and Linkerd-Viz's scrape job give.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Value at the n-th scrape; undefined where the series is not there. */
export type Value = (scrape: number) => number | undefined;

export interface Pods {
  namespace: string;
  deployment: string;
  hash: string;
  pod?: string;
}

/** Who calls: `service` is what its proxy chose, by default the pods' leaf. */
export interface Call {
  pods: Pods;
  /** The calling pod's name and namespace. */
  caller?: string;
  callerNamespace?: string;
  service?: string;
  port?: string;
}

/** Upper bounds of Linkerd's latency buckets, in ms. */
export const bounds = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000, 10000, 20000, 30000, 40000,
  50000,
];

export class Feed {
  scrapes = 0;
  /** While true, scrapes fail, and Prometheus marks every series as gone. */
  broken = false;
  /** While true, scrapes get no answer in time. */
  stalled = false;
  readonly #series: { name: string; labels: Record<string, string>; value: Value }[] = [];
  #server: Server | undefined;

  add(name: string, labels: Record<string, string>, value: Value): void {
    this.#series.push({ name, labels, value });
  }

  /** Users' requests; `more` overrides labels. */
  requests(pods: Pods, classification: "success" | "failure", value: Value, more: Record<string, string> = {}): void {
    this.add("response_total", { ...inbound(pods), classification, ...more }, value);
  }

  /** The same requests as a meshed caller's proxy counts them; `more` overrides labels. */
  sent(call: Call, value: Value, more: Record<string, string> = {}): void {
    this.add("response_total", { ...outbound(call), classification: "success", ...more }, value);
  }

  /** What no caller got an answer to, and every caller's proxy knows of. */
  lost(call: Call, value: Value): void {
    const { status_code: _none, ...labels } = outbound(call);
    this.add("response_total", { ...labels, classification: "failure", error: "unclassified" }, value);
  }

  /** Users' requests, answered or not. */
  asked(pods: Pods, value: Value, more: Record<string, string> = {}): void {
    const { status_code: _none, ...labels } = inbound(pods);
    this.add("request_total", { ...labels, ...more }, value);
  }

  /** Attempts that a caller's proxy made after another one failed, at the apex `podinfo`. */
  retried(namespace: string, value: Value): void {
    const caller = { namespace: "clients", deployment: "load", pod: "load-1" };
    const parent = { parent_namespace: namespace, parent_name: "podinfo", parent_port: "9898" };
    this.add("outbound_http_route_retry_requests_total", { ...caller, ...parent }, value);
  }

  /** A number of users' requests of one latency. */
  latency(pods: Pods, ms: number, value: Value): void {
    this.#buckets(inbound(pods), ms, value);
  }

  /** How long callers waited for that number of answers. */
  waited(call: Call, ms: number, value: Value): void {
    this.#buckets(outbound(call), ms, value);
  }

  #buckets(labels: Record<string, string>, ms: number, value: Value): void {
    for (const bound of [...bounds, Infinity]) {
      const le = bound === Infinity ? "+Inf" : String(bound);
      this.add("response_latency_ms_bucket", { ...labels, le }, (n) => {
        const count = value(n);
        return count === undefined || ms <= bound ? count : 0;
      });
    }
  }

  /** Users' traffic of ten requests a scrape, `failing` of them failed, with this latency. */
  traffic(pods: Pods, failing: number, ms: number): void {
    this.requests(pods, "success", (n) => (10 - failing) * n);
    if (failing > 0) this.requests(pods, "failure", (n) => failing * n, { status_code: "500" });
    this.latency(pods, ms, (n) => 10 * n);
  }

  render(): string {
    const n = this.scrapes;
    this.scrapes += 1;
    const lines = this.#series.flatMap(({ name, labels, value }) => {
      const now = value(n);
      const text = Object.entries(labels).map(([key, of]) => `${key}=${JSON.stringify(of)}`);
      return now === undefined ? [] : [`${name}{${text.join(",")}} ${now}`];
    });
    return `${lines.join("\n")}\n`;
  }

  /** Serves the series on loopback; returns `host:port`. */
  async listen(): Promise<string> {
    const server = createServer((_request, response) => {
      if (this.stalled) return;
      if (this.broken) return void response.writeHead(503).end();
      response.setHeader("content-type", "text/plain; version=0.0.4");
      response.end(this.render());
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

function outbound({ pods, caller = "load-1", ...more }: Call): Record<string, string> {
  const { callerNamespace = "clients", service, port = "9898" } = more;
  const { namespace, deployment, hash, pod } = pods;
  const leaf = service ?? (deployment.endsWith("-canary") ? deployment : `${deployment}-primary`);
  return {
    namespace: callerNamespace,
    deployment: "load",
    pod: caller,
    direction: "outbound",
    authority: `${leaf}.${namespace}.svc.cluster.local:${port}`,
    target_port: port,
    dst_namespace: namespace,
    dst_deployment: deployment,
    dst_pod: pod ?? `${deployment}-${hash}-x7k2p`,
    dst_pod_template_hash: hash,
    dst_service: leaf,
    status_code: "200",
  };
}

function inbound({ namespace, deployment, hash, pod }: Pods): Record<string, string> {
  return {
    namespace,
    deployment,
    pod: pod ?? `${deployment}-${hash}-x7k2p`,
    pod_template_hash: hash,
    direction: "inbound",
    target_port: "9898",
    tls: "true",
    client_id: "default.clients.serviceaccount.identity.linkerd.cluster.local",
    route_name: "default",
    status_code: "200",
  };
}
