/** One Canary as Flagger leaves it after a successful run: podinfo, with two replicas in podinfo-primary. */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { RouteObject } from "../../shared/core/routes/routes.ts";
import type { ConfigObject, MigrationSeen, Scaler } from "../../shared/core/migrate/seen.ts";
import { aSpec } from "../builders.ts";

export interface LeftOptions {
  name?: string;
  namespace?: string;
  image?: string;
  port?: number;
  /** Pods of the primary. */
  replicas?: number;
  provider?: "linkerd" | "gatewayapi:v1";
  /** The user's own Service, which Flagger only points at its primary. */
  ownApex?: boolean;
}

type Given = Required<LeftOptions>;

const uid = "canary-uid";

/** Everything that Flagger has, with a ConfigMap, a Secret, an HPA and `revertOnDeletion`. */
export function leftByFlagger(options: LeftOptions = {}): MigrationSeen {
  const given: Given = {
    name: "podinfo",
    namespace: "test",
    image: "podinfo:1.7.0",
    port: 9898,
    replicas: 2,
    provider: "linkerd",
    ownApex: false,
    ...options,
  };
  return {
    canary: leftCanary(given),
    target: leftTarget(given),
    primary: leftPrimary(given),
    workload: null,
    primaryPods: given.replicas,
    services: leftServices(given),
    routes: [given.provider === "linkerd" ? leftSplit(given) : leftHttpRoute(given)],
    scalers: leftScalers(given),
    configs: leftConfigs(given),
    flaggers: [],
    flaggerWrote: {},
    quietMs: 0,
    floorTimes: { until: "2026-01-01T00:05:00.000Z", atLeast: "2026-01-01T00:04:00.000Z" },
  };
}

/** What the pods of the target refer to; Flagger's own are in copies. */
export function podTemplate({ name, image, port }: Pick<Given, "name" | "image" | "port">, suffix = "") {
  return {
    metadata: {
      labels: { app: `${name}${suffix}`, team: "web" },
      ...(suffix ? { annotations: { "flagger-id": "0b5a" } } : {}),
    },
    spec: {
      containers: [
        {
          name: "podinfod",
          image,
          ports: [{ containerPort: port }],
          envFrom: [{ configMapRef: { name: `${name}-settings${suffix}` } }],
          env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: `${name}-token${suffix}`, key: "token" } } }],
        },
      ],
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway" as const,
          labelSelector: { matchLabels: { app: `${name}${suffix}` } },
        },
      ],
    },
  };
}

export const ownedByCanary = (name: string) => [
  { apiVersion: "flagger.app/v1beta1", kind: "Canary", name, uid, controller: true, blockOwnerDeletion: true },
];

// --- internal ---

function leftCanary({ name, namespace, port, provider }: Given): Canary {
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name, namespace, uid, resourceVersion: "1", generation: 1, finalizers: ["finalizer.flagger.app"] },
    spec: {
      ...aSpec(),
      provider,
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      service: { port },
      revertOnDeletion: true,
    },
    status: { phase: "Succeeded", canaryWeight: 0, failedChecks: 0, iterations: 0, lastAppliedSpec: "5f7d8c6b9" },
  };
}

function counts(replicas: number): V1Deployment["status"] & object {
  const ready = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  return { observedGeneration: 1, ...(replicas > 0 ? ready : {}) };
}

function leftTarget(given: Given): V1Deployment {
  const { name, namespace } = given;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, uid: "target-uid", resourceVersion: "2", generation: 1, labels: { app: name } },
    spec: { replicas: 0, selector: { matchLabels: { app: name } }, template: podTemplate(given) },
    status: counts(0),
  };
}

function leftPrimary(given: Given): V1Deployment {
  const { name, namespace, replicas } = given;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: `${name}-primary`,
      namespace,
      uid: "primary-uid",
      resourceVersion: "3",
      generation: 1,
      ownerReferences: ownedByCanary(name),
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: `${name}-primary` } },
      template: podTemplate(given, "-primary"),
    },
    status: counts(replicas),
  };
}

const flux = {
  "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
  "helm.toolkit.fluxcd.io/driftDetection": "disabled",
};

function leftServices({ name, namespace, port, ownApex }: Given): V1Service[] {
  const of = (service: string, selects: string, isOwned = true): V1Service => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: service,
      namespace,
      resourceVersion: "4",
      labels: { app: service },
      annotations: flux,
      ...(isOwned ? { ownerReferences: ownedByCanary(name) } : {}),
    },
    spec: {
      type: "ClusterIP",
      selector: { app: selects },
      ports: [{ name: "http", port, targetPort: port, protocol: "TCP" }],
    },
  });
  return [of(name, `${name}-primary`, !ownApex), of(`${name}-primary`, `${name}-primary`), of(`${name}-canary`, name)];
}

function leftSplit({ name, namespace }: Given): RouteObject {
  return {
    apiVersion: "split.smi-spec.io/v1alpha1",
    kind: "TrafficSplit",
    metadata: { name, namespace, resourceVersion: "5", ownerReferences: ownedByCanary(name) },
    spec: {
      service: name,
      backends: [
        { service: `${name}-canary`, weight: "0" },
        { service: `${name}-primary`, weight: "100" },
      ],
    },
  };
}

function leftHttpRoute({ name, namespace, port }: Given): RouteObject {
  const backend = (service: string, weight: number) => ({ group: "", kind: "Service", name: service, port, weight });
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name, namespace, resourceVersion: "5", annotations: flux, ownerReferences: ownedByCanary(name) },
    spec: {
      parentRefs: [{ group: "core", kind: "Service", name, namespace, port }],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          backendRefs: [backend(`${name}-primary`, 100), backend(`${name}-canary`, 0)],
        },
      ],
    },
  };
}

function leftScalers({ name, namespace }: Given): Scaler[] {
  const of = (suffix: string): Scaler & { apiVersion: string } => ({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: {
      name: `${name}${suffix}`,
      namespace,
      resourceVersion: "6",
      ...(suffix ? { ownerReferences: ownedByCanary(name) } : {}),
    },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: `${name}${suffix}` } as { name: string },
      minReplicas: 2,
      maxReplicas: 4,
    },
  });
  return [of(""), of("-primary")];
}

function leftConfigs({ name, namespace }: Given): ConfigObject[] {
  const of = (kind: ConfigObject["kind"], config: string, data: Record<string, string>): ConfigObject[] =>
    ["", "-primary"].map((suffix) => ({
      apiVersion: "v1",
      kind,
      metadata: {
        name: `${config}${suffix}`,
        namespace,
        resourceVersion: "7",
        ...(suffix ? { ownerReferences: ownedByCanary(name) } : {}),
      },
      data,
    }));
  return [
    ...of("ConfigMap", `${name}-settings`, { COLOUR: "blue" }),
    ...of("Secret", `${name}-token`, { token: "c2VjcmV0" }),
  ];
}
