/** Asks the controller's Prometheus from a person's machine: straight, or by port-forward where it is a cluster's Service. */
import type { V1Deployment, V1Pod, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { parseDuration } from "../../shared/core/format/duration.ts";
import { manager } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { isListedByItself, refusalOf, shown } from "../../shared/core/queries/allowed-addresses.ts";
import { createAddressGuard } from "../../shared/guarded-lookup.ts";
import { asRequested, createPrometheus, type Prometheus, type PrometheusOptions } from "../../shared/prometheus.ts";
import { messageOf } from "../../shared/kube/errors.ts";
import type { Deps, Scope } from "../context.ts";
import { Refusal } from "../errors.ts";
import type { PodPort } from "./port-forward.ts";
import type { Session } from "./session.ts";

export interface OpenPrometheus {
  query: Prometheus["query"];
  close(): void;
}

/** The chart's default, where the controller's Deployment may not be read. */
const defaultServer = "http://prometheus.linkerd-viz:9090";

export async function openPrometheus(canary: Canary, session: Session): Promise<OpenPrometheus> {
  const controllers = await controllersSettings(session);
  const address = canary.spec.metricsServer || controllers.server;
  const isForeign = asRequested(address) !== asRequested(controllers.server);
  if (isForeign) refuseForeign(address, controllers, canary.metadata.namespace ?? session.scope.namespace);
  const at = await locate(address, session);
  const { timers } = session.deps;
  if (!at)
    return { ...createPrometheus({ address, timers, ...(isForeign ? asForeign(address, controllers) : {}) }), close };
  const forward = await session.forward(at);
  const { pathname } = new URL(address);
  const prometheus = createPrometheus({
    address: forward.url + pathname.replace(/\/$/, ""),
    timers,
    timeoutMs: patienceMs,
  });
  return {
    close: () => forward.close(),
    query: async (promql, atMs) => {
      try {
        return await prometheus.query(promql, atMs);
      } catch (error) {
        const problem = forward.problem();
        if (problem) throw new Refusal(`Prometheus ${address}: ${problem}.`);
        // Nobody knows this machine's end of the port-forward.
        throw new Refusal(messageOf(error).replace(forward.url, `${new URL(address).origin}, by port-forward,`));
      }
    },
  };
}

/** How often that Prometheus looks at pods, ms, as the controller was told; undefined where that may not be read. */
export async function controllersScrapeInterval(session: Session): Promise<number | undefined> {
  return (await controllersSettings(session)).scrapeIntervalMs;
}

// --- internal ---

const close = (): void => undefined;

/** Whoever wrote the Canary does not choose where another's machine connects to: what the controller may not ask is not asked from here. */
function refuseForeign(address: string, { allowed, isRead }: Settings, namespace: string): void {
  const why = refusalOf(address, allowed, namespace);
  if (why === undefined) return;
  const doubt = isRead
    ? `is not asked from this machine either: ${why}`
    : `${shown(address)} is not asked: whether the chart's metrics.allowedAddresses allows it is not known, for the controller's Deployment may not be read (--controller-namespace)`;
  throw new Refusal(`The Canary's spec.metricsServer ${doubt}.`);
}

/** Wherever its name leads; no word of what it answers is shown. */
function asForeign(address: string, { allowed }: Settings): Pick<PrometheusOptions, "guard" | "isForeign"> {
  return { isForeign: true, ...(isListedByItself(address, allowed) ? {} : { guard: createAddressGuard([]) }) };
}

/** A person may wait longer for an answer than the controller's loop. */
const patienceMs = 15_000;

interface Settings {
  server: string;
  /** Of `metrics.allowedAddresses`. */
  allowed: readonly string[];
  /** Undefined where it cannot be read. */
  scrapeIntervalMs: number | undefined;
  /** Whether they are the controller's own. */
  isRead: boolean;
}

/** The chart's defaults where they cannot be read. */
async function controllersSettings({ deps, scope }: Session): Promise<Settings> {
  const labelSelector = `app.kubernetes.io/name=${manager}`;
  const selection = { namespace: scope.controllerNamespace, labelSelector };
  const { items } = await deps.cluster.list<V1Deployment>(resource.deployments, selection).catch(() => ({ items: [] }));
  const env = items[0]?.spec?.template.spec?.containers[0]?.env ?? [];
  const of = (setting: string): string | undefined =>
    env.find(({ name }) => name === `KUBECTL_CANARY_${setting}`)?.value;
  const allowed = of("ALLOWED_ADDRESSES") ?? "none";
  return {
    server: of("METRICS_SERVER") ?? defaultServer,
    allowed: allowed === "none" ? [] : allowed.split(","),
    scrapeIntervalMs: parseDuration(of("SCRAPE_INTERVAL") ?? ""),
    isRead: items.length > 0,
  };
}

/** The pod behind `service.namespace[.svc...]`; undefined for an address outside of the cluster. */
async function locate(address: string, { deps, scope }: Session): Promise<PodPort | undefined> {
  const url = URL.parse(address);
  if (!url) throw new Refusal(`"${address}" is no address of a Prometheus.`);
  if (!isOfCluster(url.hostname)) return undefined;
  const [name = "", namespace = scope.namespace] = url.hostname.split(".");
  const service = await deps.cluster.get<V1Service>(resource.services, { name, namespace });
  const pod = await readyPod(service, deps);
  if (!pod) throw new Refusal(notReady(address, namespace, scope));
  return { namespace, pod: pod.metadata?.name ?? "", port: targetPort(service, pod, Number(url.port) || 80) };
}

/** A Service's name, with or without its namespace and `svc`. */
const isOfCluster = (host: string): boolean => /^[a-z][-a-z0-9]*(\.[-a-z0-9]+(\.svc(\..*)?)?)?$/.test(host);

async function readyPod(service: V1Service, { cluster }: Deps): Promise<V1Pod | undefined> {
  const labelSelector = Object.entries(service.spec?.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const namespace = service.metadata?.namespace ?? "";
  const { items } = await cluster.list<V1Pod>(resource.pods, { namespace, labelSelector });
  return items.find(isReady);
}

const isReady = ({ status }: V1Pod): boolean =>
  status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false;

const notReady = (address: string, namespace: string, { clusterFlags }: Scope): string =>
  `No pod behind Prometheus ${address} is ready. See:\n  kubectl get pods -n ${namespace}${clusterFlags}`;

function targetPort(service: V1Service, pod: V1Pod, wanted: number): number {
  const served = service.spec?.ports?.find(({ port }) => port === wanted);
  const target = served?.targetPort ?? wanted;
  if (typeof target === "number") return target;
  const declared = (pod.spec?.containers ?? []).flatMap(({ ports = [] }) => ports);
  return declared.find(({ name }) => name === target)?.containerPort ?? wanted;
}
