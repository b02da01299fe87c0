/** Asks the controller's Prometheus from a person's machine: straight, or by port-forward where it is a cluster's Service. */
import type { V1Deployment, V1Pod, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { manager } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { createPrometheus, type Prometheus } from "../../shared/prometheus.ts";
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
  const address = canary.spec.metricsServer ?? (await controllersServer(session)) ?? defaultServer;
  const at = await locate(address, session);
  if (!at) return { ...createPrometheus({ address, timers: session.deps.timers }), close: () => undefined };
  const forward = await session.forward(at);
  const { pathname } = new URL(address);
  const prometheus = createPrometheus({
    address: forward.url + pathname.replace(/\/$/, ""),
    timers: session.deps.timers,
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

// --- internal ---

/** A person may wait longer for an answer than the controller's loop. */
const patienceMs = 15_000;

async function controllersServer({ deps, scope }: Session): Promise<string | undefined> {
  const labelSelector = `app.kubernetes.io/name=${manager}`;
  const selection = { namespace: scope.controllerNamespace, labelSelector };
  const { items } = await deps.cluster.list<V1Deployment>(resource.deployments, selection).catch(() => ({ items: [] }));
  const env = items[0]?.spec?.template.spec?.containers[0]?.env ?? [];
  return env.find(({ name }) => name === "KUBECTL_CANARY_METRICS_SERVER")?.value;
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
