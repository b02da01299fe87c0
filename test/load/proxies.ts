// The sidecars of pods that nobody runs, as Prometheus sees them: each pod's address is this machine's, and one server answers for
// all of them with the counters that a linkerd-proxy there would have. NOT real: the requests. Real: which pods there are, what
// the route says, and everything that Prometheus makes of a scrape (discovery, labels, relabelling, storage).
import { createServer, type Server } from "node:http";
import type { V1Pod } from "@kubernetes/client-node";
import { trafficSplit, type RouteObject } from "../../shared/core/routes/routes.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { Reflector } from "../../shared/kube/reflector.ts";
import { resource } from "../../shared/kube/resources.ts";
import { discoverRoutes } from "../../webhook/controller/objects/route-choice.ts";
import { latencyBoundsMs } from "../mesh/series/series.ts";
import { adminPort } from "../mesh/settings.ts";
import { type App, fleetLabel, port } from "./fleet.ts";

/** Requests that each app gets in a second. */
const ratePerSecond = 20;
const tickMs = 1_000;
const latencyMs = 7;

interface Sent {
  primary: number;
  canary: number;
}

export class Proxies {
  /** Users' requests by pod, `namespace/name`. */
  private readonly received = new Map<string, number>();
  /** What the callers of each app's namespace sent to its leaves, by app. */
  private readonly sent = new Map<string, Sent>();
  private readonly apps: readonly App[];
  private readonly pods: Reflector<V1Pod>;
  private readonly splits: Reflector<RouteObject>;
  private readonly server: Server;
  private readonly timer: NodeJS.Timeout;
  /** Requests for which there was no ready pod. */
  unserved = 0;

  private constructor(apps: readonly App[], pods: Reflector<V1Pod>, splits: Reflector<RouteObject>) {
    this.apps = apps;
    this.pods = pods;
    this.splits = splits;
    this.server = createServer((request, response) => {
      const pod = this.podAt(request.socket.localAddress ?? "");
      response.writeHead(pod ? 200 : 404, { "content-type": "text/plain; version=0.0.4" });
      response.end(pod && this.exported(pod));
    });
    let last = performance.now();
    this.timer = setInterval(() => {
      const now = performance.now();
      for (const app of apps) this.send(app, (ratePerSecond * (now - last)) / 1_000);
      last = now;
    }, tickMs);
  }

  static async start(cluster: Cluster, apps: readonly App[]): Promise<Proxies> {
    const deps = { cluster, clock: systemClock, random: () => Math.random() };
    const byApp = (pod: V1Pod): string[] => [`${pod.metadata?.namespace}/${pod.metadata?.labels?.["app"]}`];
    const byIp = (pod: V1Pod): string[] => (pod.status?.podIP ? [pod.status.podIP] : []);
    const pods = new Reflector<V1Pod>(deps, {
      resource: resource.pods,
      labelSelector: fleetLabel,
      indexes: { app: byApp, ip: byIp },
    });
    const splits = new Reflector<RouteObject>(deps, {
      resource: (await discoverRoutes(cluster)).trafficSplit.resource,
    });
    const proxies = new Proxies(apps, pods, splits);
    pods.start();
    splits.start();
    await Promise.all([pods.whenSynced(), splits.whenSynced()]);
    await new Promise<void>((done, failed) => {
      proxies.server.once("error", failed).listen(adminPort, "0.0.0.0", done);
    });
    return proxies;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.server.closeAllConnections();
    this.server.close();
    await Promise.all([this.pods.stop(), this.splits.stop()]);
  }

  private podAt(ip: string): V1Pod | undefined {
    return this.pods.byIndex("ip", ip)[0];
  }

  /** As a client that obeys the route divides its requests, evenly over each leaf's ready pods. */
  private send({ namespace, name }: App, requests: number): void {
    const split = this.splits.get(namespace, name);
    const weight = (split && trafficSplit.read(split, name)?.weight) ?? 0;
    const canary = (requests * weight) / 100;
    this.give(this.ready(namespace, name), requests - canary);
    this.give(this.ready(namespace, `${name}-canary`), canary);
    const { primary: before, canary: canaryBefore } = this.sent.get(`${namespace}/${name}`) ?? {
      primary: 0,
      canary: 0,
    };
    this.sent.set(`${namespace}/${name}`, { primary: before + requests - canary, canary: canaryBefore + canary });
  }

  private ready(namespace: string, app: string): V1Pod[] {
    return this.pods
      .byIndex("app", `${namespace}/${app}`)
      .filter(({ metadata, status }) => !metadata?.deletionTimestamp && isReady(status));
  }

  private give(pods: readonly V1Pod[], requests: number): void {
    if (pods.length === 0) this.unserved += requests;
    for (const pod of pods) {
      const key = keyOf(pod);
      this.received.set(key, (this.received.get(key) ?? 0) + requests / pods.length);
    }
  }

  private exported(pod: V1Pod): string {
    const namespace = pod.metadata?.namespace ?? "";
    const isCaller = pod.metadata?.labels?.["app"] === "caller";
    const lines = isCaller ? this.outbound(namespace) : inbound(Math.floor(this.received.get(keyOf(pod)) ?? 0));
    return `${lines.join("\n")}\n`;
  }

  private outbound(namespace: string): string[] {
    return this.apps
      .filter((app) => app.namespace === namespace)
      .flatMap(({ name }) => {
        const { primary, canary } = this.sent.get(`${namespace}/${name}`) ?? { primary: 0, canary: 0 };
        const row = (leaf: string, deployment: string, count: number): string =>
          `response_total{direction="outbound",authority="${leaf}.${namespace}.svc.cluster.local:${port}",tls="true",dst_namespace="${namespace}",dst_deployment="${deployment}",dst_service="${leaf}",status_code="200",classification="success"} ${Math.floor(count)}`;
        return [
          row(`${name}-primary`, name, primary),
          ...(canary > 0 ? [row(`${name}-canary`, `${name}-canary`, canary)] : []),
        ];
      });
  }
}

// --- internal ---

function keyOf({ metadata }: V1Pod): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

function isReady(status: V1Pod["status"]): boolean {
  return (status?.conditions ?? []).some(({ type, status: is }) => type === "Ready" && is === "True");
}

/** A proxy's server side: users' requests, all of them answered well, and the kubelet's probes, which are not theirs. */
function inbound(requests: number): string[] {
  const common = `direction="inbound",target_port="${port}",srv_kind="default"`;
  const user = `${common},tls="true",route_name="default",status_code="200"`;
  const bound = (le: number | "+Inf"): string => {
    const count = le === "+Inf" || le >= latencyMs ? requests : 0;
    return `response_latency_ms_bucket{${user},le="${le}"} ${count}`;
  };
  const probes = `response_total{${common},route_name="probe",status_code="200",classification="success"} ${Math.floor(Date.now() / 10_000) % 1_000_000}`;
  if (requests === 0) return [probes];
  const all = [...latencyBoundsMs.map(bound), bound("+Inf")];
  return [probes, `response_total{${user},classification="success"} ${requests}`, ...all];
}
