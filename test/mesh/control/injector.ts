// What the injector does to a pod: one init container that redirects, one sidecar, Linkerd's labels. Pure.
// The sidecar is a restartable init container (a native sidecar): it is up before the app and outlives it, so that
// neither a pod's start nor its end breaks a request.
import type { V1Container, V1EnvVar, V1Pod } from "@kubernetes/client-node";
import { defaultPolicyAnnotation } from "../policy/inbound-policy.ts";
import { adminPort, bundlePath, clockAnnotation, nodePath, proxyUid, type ProbePath } from "../settings.ts";

export const injectAnnotation = "linkerd.io/inject";
const skipInbound = "config.linkerd.io/skip-inbound-ports";
const skipOutbound = "config.linkerd.io/skip-outbound-ports";

export interface InjectorSettings {
  /** Image of the sidecar and of the init container. */
  readonly image: string;
  /** host:port of the control plane's stream. */
  readonly destinations: string;
  readonly controlNamespace: string;
}

export interface NamespaceOfPod {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PatchOperation {
  readonly op: "add";
  readonly path: string;
  readonly value: unknown;
}

/** The JSON patch for a pod that is being created; empty when it is not to be meshed. */
export function inject(pod: V1Pod, namespace: NamespaceOfPod, settings: InjectorSettings): PatchOperation[] {
  if (!wanted(pod, namespace)) return [];
  const annotations = { ...namespace.annotations, ...pod.metadata?.annotations };
  const init = initContainer(settings, annotations);
  const clock = annotations[clockAnnotation] ?? "1";
  const sidecar = sidecarContainer(pod, { namespace: namespace.name, clock }, settings);
  return [
    { op: "add", path: "/metadata/labels", value: { ...pod.metadata?.labels, ...labelsFor(pod, namespace, settings) } },
    {
      op: "add",
      path: "/metadata/annotations",
      value: {
        ...pod.metadata?.annotations,
        ...defaultPolicyOf(annotations),
        "linkerd.io/created-by": "kubectl-canary/stand-in-mesh",
      },
    },
    { op: "add", path: "/spec/initContainers", value: [init, sidecar, ...(pod.spec?.initContainers ?? [])] },
  ];
}

/** The policy is read from the pod, so its namespace's is written there, and holds for the pod's life. */
function defaultPolicyOf(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const policy = annotations[defaultPolicyAnnotation];
  return policy === undefined ? {} : { [defaultPolicyAnnotation]: policy };
}

function wanted(pod: V1Pod, namespace: NamespaceOfPod): boolean {
  const says = pod.metadata?.annotations?.[injectAnnotation] ?? namespace.annotations[injectAnnotation];
  // In the node's network namespace the redirection would take the node's own traffic.
  if (says !== "enabled" || pod.spec?.hostNetwork) return false;
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  return ![...initContainers, ...containers].some((container) => container.name === "linkerd-proxy");
}

const ownerLabels: Record<string, string> = {
  ReplicaSet: "linkerd.io/proxy-deployment",
  StatefulSet: "linkerd.io/proxy-statefulset",
  DaemonSet: "linkerd.io/proxy-daemonset",
  Job: "linkerd.io/proxy-job",
};

function labelsFor(pod: V1Pod, namespace: NamespaceOfPod, settings: InjectorSettings): Record<string, string> {
  const owner = pod.metadata?.ownerReferences?.find((each) => each.controller) ?? { kind: "", name: "" };
  const ownerLabel = ownerLabels[owner.kind];
  const hash = pod.metadata?.labels?.["pod-template-hash"];
  const ownerName = hash && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : owner.name;
  return {
    "linkerd.io/control-plane-ns": settings.controlNamespace,
    "linkerd.io/workload-ns": namespace.name,
    ...(ownerLabel ? { [ownerLabel]: ownerName } : {}),
  };
}

function initContainer(settings: InjectorSettings, annotations: Readonly<Record<string, string>>): V1Container {
  return {
    name: "linkerd-init",
    image: settings.image,
    imagePullPolicy: "IfNotPresent",
    args: ["init"],
    env: [
      { name: "SKIP_INBOUND_PORTS", value: annotations[skipInbound] ?? "" },
      { name: "SKIP_OUTBOUND_PORTS", value: annotations[skipOutbound] ?? "" },
    ],
    securityContext: { runAsUser: 0, runAsNonRoot: false, capabilities: { add: ["NET_ADMIN", "NET_RAW"] } },
  };
}

function sidecarContainer(
  pod: V1Pod,
  { namespace, clock }: { readonly namespace: string; readonly clock: string },
  settings: InjectorSettings,
): V1Container {
  const fromField = (name: string, fieldPath: string): V1EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return {
    name: "linkerd-proxy",
    image: settings.image,
    imagePullPolicy: "IfNotPresent",
    args: ["proxy"],
    restartPolicy: "Always",
    ports: [{ name: "linkerd-admin", containerPort: adminPort }],
    env: [
      { name: "DESTINATIONS", value: settings.destinations },
      { name: "POD_NAMESPACE", value: namespace },
      { name: "DISCOVERY_CLOCK", value: clock },
      { name: "PROBES", value: JSON.stringify(probesOf(pod)) },
      fromField("POD_NAME", "metadata.name"),
      fromField("SERVICE_ACCOUNT", "spec.serviceAccountName"),
    ],
    resources: { requests: { cpu: "10m", memory: "48Mi" } },
    securityContext: {
      runAsUser: proxyUid,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
    },
    // The app's container starts when this hook is done: its first connection already finds the proxy.
    lifecycle: { postStart: { exec: { command: [nodePath, bundlePath, "await"] } } },
  };
}

/** Path and port of every HTTP probe of the pod: requests for them by the kubelet are counted as probes. */
export function probesOf(pod: V1Pod): ProbePath[] {
  return (pod.spec?.containers ?? []).flatMap((container) =>
    [container.startupProbe, container.readinessProbe, container.livenessProbe].flatMap((probe) => {
      if (!probe?.httpGet) return [];
      const { port, path } = probe.httpGet;
      const number =
        typeof port === "number" ? port : container.ports?.find((each) => each.name === port)?.containerPort;
      return [{ port: number ?? Number(port), path: path ?? "/" }];
    }),
  );
}
