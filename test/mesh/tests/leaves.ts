// What the mesh's cluster tests work on: podinfo 1.7.0 and 1.7.1 side by side behind leaf Services, and the objects
// that split traffic between them.
import { kubectl } from "../../app/install.ts";
import { getJson } from "../../cluster/get.ts";
import { podinfoImage } from "../../app/podinfo.ts";

interface DeploymentCopy {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  spec: {
    selector: { matchLabels: Record<string, string> };
    template: { metadata: { labels: Record<string, string> }; spec: { containers: { image: string }[] } };
  };
}

const CANARY = "podinfo-canary";

/** Adds Deployment podinfo-canary (1.7.1) and the Services podinfo-primary and podinfo-canary to an installed app. */
export async function addLeaves(namespace: string): Promise<void> {
  const { apiVersion, kind, spec } = await getJson<DeploymentCopy>(["deployment", "podinfo", "-n", namespace]);
  const labels = { app: CANARY };
  const [container] = spec.template.spec.containers;
  const copy = {
    apiVersion,
    kind,
    metadata: { name: CANARY, namespace },
    spec: {
      ...spec,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { ...spec.template.spec, containers: [{ ...container, image: podinfoImage("1.7.1") }] },
      },
    },
  };
  await apply([copy, leafService(namespace, "podinfo-primary", "podinfo"), leafService(namespace, CANARY, CANARY)]);
  await kubectl(["-n", namespace, "rollout", "status", `deployment/${CANARY}`, "--timeout=120s"]);
}

export const leafService = (namespace: string, name: string, app: string): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { selector: { app }, ports: [{ name: "http", port: 9898, targetPort: "http" }] },
});

/** Weights as they are written into the object. */
export type Weights = readonly [primary: number | string, canary: number | string];

export const trafficSplit = (namespace: string, [primary, canary]: Weights): object => ({
  apiVersion: "split.smi-spec.io/v1alpha1",
  kind: "TrafficSplit",
  metadata: { name: "podinfo", namespace },
  spec: {
    service: "podinfo",
    backends: [
      { service: "podinfo-primary", weight: primary },
      { service: CANARY, weight: canary },
    ],
  },
});

export const httpRoute = (namespace: string, [primary, canary]: Weights): object => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "podinfo", namespace },
  spec: {
    parentRefs: [{ group: "core", kind: "Service", name: "podinfo", port: 9898 }],
    rules: [
      {
        backendRefs: [
          { name: "podinfo-primary", port: 9898, weight: primary },
          { name: CANARY, port: 9898, weight: canary },
        ],
      },
    ],
  },
});

export async function apply(objects: readonly object[]): Promise<void> {
  await kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
}
