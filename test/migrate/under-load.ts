/** podinfo on the local cluster as Flagger leaves it, over either kind of route, while users send requests. */
import type { V1Deployment } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { installApp } from "../app/install.ts";
import { apply, waitForRollout } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { canaryFor, Scenario, type Provider } from "../e2e/scenario.ts";

const clone = "podinfo-primary";

const service = (namespace: string, name: string, app: string, owner: object): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace, labels: { app: name }, ownerReferences: [owner] },
  spec: { selector: { app }, ports: [{ name: "http", port: 9898, targetPort: 9898 }] },
});

const backend = (name: string, weight: number): object => ({ group: "", kind: "Service", name, port: 9898, weight });

const httpRoute = (namespace: string, owner: object): object => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "podinfo", namespace, ownerReferences: [owner] },
  spec: {
    parentRefs: [{ group: "core", kind: "Service", name: "podinfo", namespace, port: 9898 }],
    rules: [{ backendRefs: [backend(clone, 100), backend("podinfo-canary", 0)] }],
  },
});

const trafficSplit = (namespace: string, owner: object): object => ({
  apiVersion: "split.smi-spec.io/v1alpha1",
  kind: "TrafficSplit",
  metadata: { name: "podinfo", namespace, ownerReferences: [owner] },
  spec: {
    service: "podinfo",
    backends: [
      { service: "podinfo-canary", weight: "0" },
      { service: clone, weight: "100" },
    ],
  },
});

/** The clone is there first: without it our controller would take the Canary at once. */
export async function leaveUnderLoad(namespace: string, provider: Provider): Promise<Scenario> {
  const scenario = Scenario.of(namespace, provider);
  await installApp(namespace, { replicas: 2, without: ["frontend"] });
  const { spec } = await getJson<V1Deployment>(["deploy", "podinfo", "-n", namespace]);
  const template = { ...spec!.template, metadata: { ...spec!.template.metadata, labels: { app: clone } } };
  const identity = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: clone, namespace } };
  const cloned = { ...identity, spec: { replicas: 2, selector: { matchLabels: { app: clone } }, template } };
  await apply([cloned]);
  await waitForRollout(namespace, clone);
  await apply([canaryFor(namespace, { provider })]);
  const { metadata } = await getJson<Canary>(["canary", "podinfo", "-n", namespace]);
  const of = { apiVersion: "flagger.app/v1beta1", kind: "Canary", name: "podinfo", uid: metadata.uid };
  const owner = { ...of, controller: true };
  const owned = { ...cloned, metadata: { ...identity.metadata, ownerReferences: [owner] } };
  const route = provider === "linkerd" ? trafficSplit : httpRoute;
  const leaves = [service(namespace, clone, clone, owner), service(namespace, "podinfo-canary", "podinfo", owner)];
  await apply([owned, ...leaves, route(namespace, owner)]);
  const apex = JSON.stringify({ spec: { selector: { app: clone } } });
  await scenario.kubectl("patch", "svc", "podinfo", "--type=merge", "-p", apex);
  await scenario.kubectl("scale", "deploy", "podinfo", "--replicas=0");
  const isGone = async (): Promise<true | ReturnType<typeof unmet>> =>
    (await scenario.podUids()).length === 0 || unmet("not yet");
  await waitFor(isGone, 60_000, "the target's pods to be gone");
  if (provider === "linkerd") await scenario.restartCallers(["frontend"]);
  await scenario.until("the clone to be in the way", ({ blocked }) => blocked?.code === "flagger-primary");
  return scenario;
}

/** `kubectl canary migrate` to its good end; how many requests failed until there were 50 more, and how. */
export async function migrateUnderLoad(scenario: Scenario, ...args: string[]): Promise<object> {
  const load = await scenario.load();
  await load.gather(50);
  const { code, stderr } = await scenario.plugin("migrate", ...args);
  if (code !== 0) throw new Error(`migrate ended with code ${code}: ${stderr}`);
  const { rate, requests } = await load.counts();
  await load.until(requests + 50);
  const { failed, failures } = await load.rest();
  await load.setRate(rate);
  return { failed, failures };
}
