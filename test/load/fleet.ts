// The Deployments, Services, Canaries and callers of the load test: the tutorial's, two hundred times.
import type { Canary } from "../../shared/core/objects/canary.ts";
import { onKwok } from "./kwok.ts";

export const port = 9898;
/** No such image is there: nobody pulls it. */
export const imageOf = (version: string): string => `load.local/app:${version}`;
/** Of the apps and callers, so that they are found together. */
export const fleetLabel = "load-fleet";

export interface App {
  namespace: string;
  name: string;
  replicas: number;
}

/** In four namespaces; every fifth has four replicas, so that its canary has to grow between steps. */
export function fleetOf(size: number): App[] {
  return Array.from({ length: size }, (_, index) => ({
    namespace: `load-${index % 4}`,
    name: `app-${String(index).padStart(3, "0")}`,
    replicas: index % 5 === 0 ? 4 : 1,
  }));
}

export const namespacesOf = (apps: readonly App[]): string[] => [...new Set(apps.map(({ namespace }) => namespace))];

export function namespaceManifest(name: string): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, annotations: { "linkerd.io/inject": "enabled" } } };
}

export function appManifests({ namespace, name, replicas }: App): object[] {
  const ports = [{ name: "http", port, targetPort: port }];
  return [
    deployment({ namespace, name, replicas }),
    { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { selector: { app: name }, ports } },
  ];
}

/** A Deployment that nobody runs: its containers are only on paper. */
export function deployment({ namespace, name, replicas }: App): object {
  const labels = { app: name, [fleetLabel]: "yes" };
  const containers = [{ name: "app", image: imageOf("v1"), ports: [{ containerPort: port }] }];
  const spec = { ...onKwok, terminationGracePeriodSeconds: 1, containers };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels }, spec } },
  };
}

/** The tutorial's, as it stands in the demo, for another target. */
export function canary({ namespace, name }: App): Canary {
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name, namespace },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      service: { port },
      analysis: {
        interval: "10s",
        threshold: 5,
        stepWeight: 10,
        maxWeight: 100,
        metrics: [
          { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
          { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" },
        ],
      },
    },
  };
}
