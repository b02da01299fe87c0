/** `doctor` on a real API server: one fault at a time is put into it, and named; and what it says to who may not look. */
import type { V1ContainerStatus } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import type { CheckCode } from "../../shared/core/objects/check-codes.ts";
import { label } from "../../shared/core/objects/names.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { httpRoute } from "../../shared/core/routes/routes.ts";
import { type DoctorView, faults } from "../../plugin/commands/doctor/facts.ts";
import { issueAuthority, issueServing, type Issued } from "../../webhook/certificates/issue.ts";
import { aMeshedPod } from "./fixtures/doctor-facts.ts";
import {
  configuration,
  controllerNamespace,
  defineServiceProfiles,
  placeInstallation,
  placePod,
  placeRun,
  serve,
  setPodStatus,
} from "./fixtures/installed.ts";
import { defineMonitors, selectingRows } from "./fixtures/selecting.ts";
import { ensureNamespace } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "./fixtures/plane.ts";
import { aCanary, aCheck, aDeployment, ago, aRun, silentTracks } from "./fixtures/seen.ts";

let plane: Plane;
let authority: Issued;
let count = 0;

type Damage = (cluster: Cluster, namespace: string) => Promise<unknown>;

async function faultsIn(
  namespace: string,
  ...args: string[]
): Promise<{ faults: string[]; code: number; view: DoctorView }> {
  const { code, out, err } = await plane.run(["doctor", "deploy/podinfo", "-n", namespace, "-o", "json", ...args], {
    now: () => Date.now(),
  });
  expect(err).toBe("");
  const view = JSON.parse(out) as DoctorView;
  return { code, view, faults: view.findings.map(({ fault }) => fault) };
}

/** A sound run in a namespace of its own, and what differs in its status. */
async function aRunWith(status: Partial<CanaryStatus> = {}): Promise<string> {
  const namespace = `run-${(count += 1)}`;
  await placeRun(plane.cluster, namespace, status);
  return namespace;
}

beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane.stop());

it("says that the CRD is missing, before anything is installed", async () => {
  await ensureNamespace(plane.cluster, "bare");
  const { out, code } = await plane.run(["doctor", "-n", "bare"]);
  expect(code).toBe(1);
  expect(out).toContain("This cluster does not know Canaries.");
  expect(out).toContain("cure: helm upgrade --install kubectl-canary");
});

describe("with everything installed", () => {
  beforeAll(async () => {
    await defineResources(plane.cluster);
    authority = await placeInstallation(plane.cluster);
  });

  it("finds nothing in a sound run, and exits with 0", async () => {
    const namespace = await aRunWith();
    expect(await faultsIn(namespace)).toMatchObject({ faults: [], code: 0, view: { sound: true, unread: [] } });
    const { out, err } = await plane.run(["doctor", "podinfo", "-n", namespace], { now: () => Date.now() });
    expect({ out, err }).toEqual({
      out: `✔ nothing is broken; ${faults.length} kinds of fault looked for in deployment/podinfo.\n`,
      err: "",
    });
  });

  const checkSaying = (code: CheckCode, why: string): Partial<CanaryStatus> => ({
    checks: [aCheck({ outcome: "cannot-ask", value: null, code, why })],
  });
  const asked = "Prometheus at http://prometheus:9090";

  it.each<[string, string, Partial<CanaryStatus>]>([
    ["nobody calls", "no-traffic", { tracks: { ...silentTracks, primary: { ...silentTracks.primary, requests: 0 } } }],
    ["a caller is older than the split", "caller-older-than-split", { staleCallers: ["test/load-6d4f8b9c5-x2x4k"] }],
    ["Prometheus forbids", "prometheus-forbidden", checkSaying("unauthorized", `${asked} answered 403 "no"`)],
    [
      "Prometheus is away",
      "prometheus-unreachable",
      checkSaying("unreachable", `${asked} cannot be reached (ECONNREFUSED)`),
    ],
    [
      "a metric is NaN",
      "metric-not-a-number",
      {
        checks: [
          aCheck({
            outcome: "no-evidence",
            value: null,
            code: "not-a-number",
            why: "the query returned NaN, which is no measurement",
          }),
        ],
      },
    ],
    [
      "a change went past the webhook",
      "webhook-bypassed",
      { unvetted: { hash: "v1-x", images: { podinfod: "x" }, by: "bob", how: "break-glass", at: ago(9) } },
    ],
    [
      "someone lowered the weight",
      "weight-lowered",
      { run: { ...aRun, hold: "lowered-by-hand", ceiling: 5 }, reason: "set to 5" },
    ],
  ])("%s: %s, from the status", async (_when, fault, status) => {
    expect((await faultsIn(await aRunWith(status))).faults).toEqual([fault]);
  });

  const container =
    (more: Partial<V1ContainerStatus>): Damage =>
    (cluster, namespace) =>
      setPodStatus(cluster, namespace, "podinfo-canary-7c9d-bcdfg", {
        containerStatuses: [{ name: "podinfod", image: "x", imageID: "", ready: false, restartCount: 5, ...more }],
      });
  const patchTarget =
    (body: object): Damage =>
    (cluster, namespace) =>
      cluster.patch(resource.deployments, { name: "podinfo", namespace }, { type: "merge", body });

  it.each<[string, string, Damage]>([
    ["an image is not there", "image-pull", container({ state: { waiting: { reason: "ErrImagePull" } } })],
    ["a container crashes", "crash-loop", container({ state: { waiting: { reason: "CrashLoopBackOff" } } })],
    [
      "the quota is used up",
      "quota",
      async (cluster, namespace) => {
        const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo-canary", uid: "1", controller: true };
        const labels = { app: "podinfo-canary" };
        const spec = {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: "a", image: "a" }] } },
        };
        await cluster.create(resource.replicaSets, {
          metadata: { name: "podinfo-canary-7c9d", namespace, ownerReferences: [owner] },
          spec,
        });
        const conditions = [
          { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota: few" },
        ];
        const at = { name: "podinfo-canary-7c9d", namespace, subresource: "status" };
        await cluster.patch(resource.replicaSets, at, { type: "merge", body: { status: { replicas: 0, conditions } } });
      },
    ],
    [
      "a caller is not meshed",
      "caller-unmeshed",
      (cluster, namespace) =>
        placePod(cluster, namespace, {
          metadata: { name: "load" },
          spec: { containers: [{ name: "load", args: ["http://podinfo:9898"] }] },
        }),
    ],
    [
      "the target is not meshed",
      "target-unmeshed",
      (cluster, namespace) =>
        placePod(cluster, namespace, {
          ...aMeshedPod("podinfo-6d4f8b9c5-bcdfg", "podinfo"),
          spec: { containers: [{ name: "podinfod" }] },
        }),
    ],
    [
      "a Service selects the canary too",
      "service-leak",
      async (cluster, namespace) => {
        await patchTarget({ spec: { template: { metadata: { labels: { tier: "web" } } } } })(cluster, namespace);
        await cluster.create(resource.services, {
          metadata: { name: "all", namespace },
          spec: { selector: { tier: "web" }, ports: [{ port: 80 }] },
        });
      },
    ],
    [
      "the port is another",
      "port-mismatch",
      (cluster, namespace) =>
        cluster.patch(
          resource.canaries,
          { name: "podinfo", namespace },
          { type: "merge", body: { spec: { service: { port: 80 } } } },
        ),
    ],
    [
      "an HPA scales the canary",
      "autoscaler-fight",
      (cluster, namespace) =>
        cluster.create(resource.horizontalPodAutoscalers, {
          metadata: { name: "hpa", namespace },
          spec: {
            maxReplicas: 3,
            scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo-canary" },
          },
        }),
    ],
    ["a user paused the target", "target-paused", patchTarget({ spec: { paused: true } })],
    ["the target has no pods", "target-unfit", patchTarget({ spec: { replicas: 0 } })],
    [
      "the bypass label is there",
      "webhook-bypassed",
      patchTarget({ metadata: { labels: { [label.bypass]: "true" } } }),
    ],
    [
      "a second Canary has the target",
      "rival-canary",
      async (cluster, namespace) => {
        const { spec } = aCanary(undefined);
        await cluster.create(resource.canaries, { metadata: { name: "second", namespace }, spec });
      },
    ],
    [
      "a MetricTemplate is missing",
      "template-missing",
      (cluster, namespace) =>
        cluster.patch(
          resource.canaries,
          { name: "podinfo", namespace },
          { type: "merge", body: { spec: { analysis: { metrics: [{ name: "a", templateRef: { name: "none" } }] } } } },
        ),
    ],
    [
      "Flagger runs",
      "other-controller",
      async (cluster, namespace) => {
        const flagger = aDeployment("flagger", 1, "ghcr.io/fluxcd/flagger:1.40.0");
        await cluster.create(resource.deployments, { ...flagger, metadata: { name: "flagger", namespace } });
      },
    ],
  ])("%s: %s, from the objects", async (_when, fault, damage) => {
    const namespace = await aRunWith();
    await damage(plane.cluster, namespace);
    const { faults, code, view } = await faultsIn(namespace);
    expect(faults).toEqual([fault]);
    expect(code).toBe(view.findings[0]?.level === "broken" ? 1 : 0);
    expect(view.findings[0]?.cure).toMatch(/kubectl|helm/);
    if (fault === "other-controller") await plane.cluster.delete(resource.deployments, { name: "flagger", namespace });
  });

  it.each(Object.keys(selectingRows("")))("says what misses the canary's pods: %s", async (name) => {
    if (name === "a PodMonitor") await defineMonitors(plane.cluster);
    const namespace = await aRunWith();
    const { code: fault, says, objects } = selectingRows(namespace)[name]!;
    const at = { name: "podinfo", namespace };
    const body = { metadata: { labels: { monitored: "yes" } } };
    await plane.cluster.patch(resource.services, at, { type: "merge", body });
    for (const { of, object } of objects) await plane.cluster.create(of, object);
    const { view } = await faultsIn(namespace);
    expect(view.findings).toMatchObject([{ fault, what: expect.stringContaining(says) as string }]);
  });

  it("names what is wrong with the webhook and its certificate, and nothing once it is mended", async () => {
    const namespace = await aRunWith();
    const host = `kubectl-canary.${controllerNamespace}.svc`;
    const year = { now: Date.now(), lifetimeMs: 31_536_000_000 };
    const good = await issueServing(authority, [host], year);
    await serve(
      plane.cluster,
      await issueServing(authority, [host], { now: Date.now() - 7_200_000, lifetimeMs: 1_000 }),
    );
    expect((await faultsIn(namespace)).faults).toEqual(["certificate-expired"]);
    await serve(plane.cluster, await issueServing(await issueAuthority("another", year), [host], year));
    expect((await faultsIn(namespace)).faults).toEqual(["certificate-mismatch"]);
    await serve(plane.cluster, good);
    const slice = { name: "webhook", namespace: controllerNamespace };
    const ready = (is: boolean): object => ({ endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: is } }] });
    await plane.cluster.patch(resource.endpointSlices, slice, { type: "merge", body: ready(false) });
    expect((await faultsIn(namespace)).faults).toEqual(["webhook-down"]);
    await plane.cluster.patch(resource.endpointSlices, slice, { type: "merge", body: ready(true) });
    const { webhooks } = await plane.cluster.get<{ webhooks: object[] }>(resource.mutatingWebhookConfigurations, {
      name: configuration,
    });
    const setWebhooks = (all: object[]): Promise<unknown> =>
      plane.cluster.patch(
        resource.mutatingWebhookConfigurations,
        { name: configuration },
        { type: "merge", body: { webhooks: all } },
      );
    await setWebhooks([]);
    expect((await faultsIn(namespace)).faults).toEqual(["webhook-missing"]);
    await setWebhooks(webhooks);
    expect((await faultsIn(namespace)).faults).toEqual([]);
  });

  it("finds a ServiceProfile over an HTTPRoute", async () => {
    const route = {
      kind: "HTTPRoute",
      apiVersion: "gateway.networking.k8s.io/v1",
      name: "podinfo",
      why: "asked",
    } as const;
    const namespace = "over-route";
    await ensureNamespace(plane.cluster, namespace);
    const made = httpRoute.build({
      canary: "podinfo",
      namespace,
      uid: "1",
      apex: "podinfo",
      port: 9898,
      gatewayRefs: [],
      hosts: [],
      apiVersion: route.apiVersion,
    });
    await plane.cluster.create(resource.httpRoutes, { ...made, metadata: { name: "podinfo", namespace } });
    await placeRun(plane.cluster, namespace, { route });
    expect((await faultsIn(namespace)).faults).not.toContain("service-profile-over-route");
    await defineServiceProfiles(plane.cluster);
    await plane.cluster.create(resource.serviceProfiles, {
      metadata: { name: `podinfo.${namespace}.svc.cluster.local`, namespace },
      spec: { routes: [] },
    });
    expect((await faultsIn(namespace)).faults).toContain("service-profile-over-route");
  });

  it("says what it may not look at, and finds no fault in what it does not know", async () => {
    const namespace = await aRunWith();
    const { view, faults } = await faultsIn(namespace, "--as", "nobody");
    expect(faults).toEqual(Array(5).fill("permission-missing"));
    expect(view.sound).toBe(true);
    expect(view.unread).toContain("To look at pods this needs permission to list pods in namespace " + namespace + ".");
  });

  it("refuses a name that is not there, with one that is near", async () => {
    const namespace = await aRunWith();
    expect(await plane.run(["doctor", "podinof", "-n", namespace])).toEqual({
      code: 7,
      out: "",
      err: `error: Neither a Canary nor a Deployment "podinof" is in namespace "${namespace}". Did you mean podinfo?\n`,
    });
  });
});
