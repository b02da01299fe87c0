// From Flagger to us and back while users send requests: none fails.
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { label } from "../../shared/core/objects/names.ts";
import { installApp } from "../app/install.ts";
import { apply, getJson, waitForRollout } from "../cluster/client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { canaryFor, Scenario } from "./scenario.ts";

const namespace = "e2e-migrate";
const scenario = Scenario.of(namespace, "gatewayapi:v1");

const service = (name: string, app: string, owner: object): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace, labels: { app: name }, ownerReferences: [owner] },
  spec: { selector: { app }, ports: [{ name: "http", port: 9898, targetPort: 9898 }] },
});

const backend = (name: string, weight: number): object => ({ group: "", kind: "Service", name, port: 9898, weight });

const route = (owner: object): object => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "podinfo", namespace, ownerReferences: [owner] },
  spec: {
    parentRefs: [{ group: "core", kind: "Service", name: "podinfo", namespace, port: 9898 }],
    rules: [{ backendRefs: [backend("podinfo-primary", 100), backend("podinfo-canary", 0)] }],
  },
});

/** The clone is there first: without it our controller would take the Canary at once. */
async function leaveAsFlagger(): Promise<void> {
  const { spec } = await getJson<V1Deployment>(["deploy", "podinfo", "-n", namespace]);
  const app = "podinfo-primary";
  const template = { ...spec!.template, metadata: { ...spec!.template.metadata, labels: { app } } };
  const clone = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: app, namespace } };
  const cloned = { ...clone, spec: { replicas: 2, selector: { matchLabels: { app } }, template } };
  await apply([cloned]);
  await waitForRollout(namespace, app);
  await apply([canaryFor(namespace, { provider: "gatewayapi:v1" })]);
  const { metadata } = await getJson<Canary>(["canary", "podinfo", "-n", namespace]);
  const owner = {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    name: "podinfo",
    uid: metadata.uid,
    controller: true,
  };
  const owned = { ...cloned, metadata: { ...clone.metadata, ownerReferences: [owner] } };
  await apply([owned, service(app, app, owner), service("podinfo-canary", "podinfo", owner), route(owner)]);
  await scenario.kubectl(
    "patch",
    "svc",
    "podinfo",
    "--type=merge",
    "-p",
    JSON.stringify({ spec: { selector: { app } } }),
  );
  await scenario.kubectl("scale", "deploy", "podinfo", "--replicas=0");
  await until("the target's pods to be gone", async () => (await scenario.podUids()).length === 0);
}

const until = (what: string, met: () => Promise<boolean>): Promise<true> =>
  waitFor(async () => (await met()) || unmet("not yet"), 60_000, what);

beforeAll(async () => {
  await installApp(namespace, { replicas: 2, without: ["frontend"] });
  await leaveAsFlagger();
  await scenario.until("the clone to be in the way", ({ blocked }) => blocked?.code === "flagger-primary");
});
afterAll(() => scenario.end());

it("takes the Canary over without a failed request", async () => {
  const load = await scenario.load();
  await load.gather(50);
  const { code, stderr } = await scenario.plugin("migrate");
  expect(code, stderr).toBe(0);
  expect((await scenario.podUids("podinfo-primary")).length).toBe(0);
  await scenario.phase("Initialized");
  const { failed, failures } = await load.until((await load.counts()).requests + 50);
  expect(failed, JSON.stringify(failures)).toBe(0);
});

it("gives it back without a failed request, as Flagger takes it for new", async () => {
  const load = await scenario.load();
  await load.reset();
  const { code, stderr } = await scenario.plugin("migrate", "--back");
  expect(code, stderr).toBe(0);
  const { failed, failures } = await load.until((await load.counts()).requests + 50);
  expect(failed, JSON.stringify(failures)).toBe(0);
  expect(await scenario.status()).toEqual({});
  const { items } = await getJson<{ items: V1Service[] }>(["svc", "-n", namespace]);
  expect(items.map(({ metadata, spec }) => [metadata?.name, spec?.selector])).toEqual([
    ["podinfo", { app: "podinfo" }],
  ]);
  const target = await getJson<V1Deployment>(["deploy", "podinfo", "-n", namespace]);
  expect(Object.keys(target.metadata?.labels ?? {})).not.toContain(label.target);
});
