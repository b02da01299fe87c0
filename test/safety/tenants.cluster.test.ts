// What strangers in a namespace do to what we made there: copies, edits, finalizers, refusals. On an API server of its own; no container runs.
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { label } from "../../shared/core/objects/names.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startArena, type Arena } from "./arena.ts";
import { canaryWeight, imageOf, Stage } from "./plays.ts";
import { Passing } from "./through.ts";

const name = "podinfo";
const canaryDeployment = "podinfo-canary";
let arena: Arena;
let loop: Controller | undefined;
let stages = 0;

beforeAll(async () => {
  arena = await startArena();
});
afterEach(async () => {
  await loop?.stop();
  loop = undefined;
});
afterAll(() => arena.stop());

async function initialized(): Promise<Stage> {
  stages += 1;
  const stage = new Stage(arena.cluster, arena.node, `tenants-${stages}`);
  await stage.set();
  const { namespace } = stage;
  loop = await arena.startController({ identity: "one", leaseNamespace: namespace, namespace, gate: new Passing() });
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
  return stage;
}

async function running(): Promise<Stage> {
  const stage = await initialized();
  await stage.change("1.7.1");
  await stage.running("1.7.1");
  return stage;
}

async function find<T>(of: Resource, namespace: string, wanted: string): Promise<T | undefined> {
  try {
    return await arena.cluster.get<T>(of, { namespace, name: wanted });
  } catch (error: unknown) {
    if (hasCode(error, "NotFound")) return undefined;
    throw error;
  }
}

const gone = (of: Resource, namespace: string, wanted: string): Promise<void> =>
  waitFor(
    async () => ((await find(of, namespace, wanted)) === undefined ? undefined : unmet(`${wanted} is there`)),
    30_000,
    `${of.kind} ${wanted} to be gone`,
  );

/** As someone makes it who takes a manifest from the cluster and edits it. */
async function copy(stage: Stage, wanted: string, over: Record<string, string> = {}): Promise<void> {
  const { namespace } = stage;
  const found = await arena.cluster.get<V1Deployment>(resource.deployments, { namespace, name: canaryDeployment });
  const labels = { ...found.metadata?.labels, ...over };
  await arena.cluster.create(resource.deployments, { metadata: { name: wanted, namespace, labels }, spec: found.spec });
}

it("copies under other names outlive the Canary that made the original", async () => {
  const stage = await running();
  const { namespace } = stage;
  await copy(stage, "podinfo-debug");
  await copy(stage, "podinfo2-canary", { [label.canary]: "podinfo2" });
  await arena.cluster.delete(resource.canaries, { namespace, name });
  await gone(resource.deployments, namespace, canaryDeployment);
  for (const kept of ["podinfo-debug", "podinfo2-canary"])
    expect((await find<V1Deployment>(resource.deployments, namespace, kept))?.metadata?.name).toBe(kept);
});

it("an image called flagger keeps no run from being promoted", async () => {
  const stage = await running();
  const { namespace } = stage;
  const { spec } = await stage.target();
  const template = { ...spec!.template, metadata: { labels: { app: "x" } } };
  const containers = [{ name: "x", image: "nowhere/flagger" }];
  await arena.cluster.create(resource.deployments, {
    metadata: { name: "x", namespace },
    spec: { replicas: 1, selector: { matchLabels: { app: "x" } }, template: { ...template, spec: { containers } } },
  });
  await stage.command("promote");
  const { blocked } = await stage.until("the promotion", ({ phase }) => phase === "Succeeded");
  expect(blocked).toBeUndefined();
});

it("a canary Deployment that someone edits loses its traffic, and runs again as it was written", async () => {
  const stage = await running();
  const at = { namespace: stage.namespace, name: canaryDeployment };
  const containers = [{ name: "podinfod", image: imageOf("1.7.4") }];
  const body = { spec: { template: { spec: { containers } } } };
  await arena.cluster.patch(resource.deployments, at, { type: "strategic", body });
  const { reason } = await stage.until("the loss", ({ run }) => run?.losses === 1);
  expect(reason).toMatch(/Deployment podinfo-canary was edited by someone else at weight 50|Waiting for/);
  await stage.running("1.7.1");
  const { spec } = await arena.cluster.get<V1Deployment>(resource.deployments, at);
  expect(spec?.template.spec?.containers[0]?.image).toBe(imageOf("1.7.1"));
});

it("a Canary whose deletion somebody's finalizer holds up is over all the same", async () => {
  const stage = await running();
  const at = { namespace: stage.namespace, name };
  const finalizers = (wanted: string[] | null) =>
    arena.cluster.patch<Canary>(resource.canaries, at, { type: "merge", body: { metadata: { finalizers: wanted } } });
  await finalizers(["example.org/hold"]);
  await arena.cluster.delete(resource.canaries, at);
  await gone(resource.trafficSplits, stage.namespace, name);
  await gone(resource.deployments, stage.namespace, canaryDeployment);
  const { metadata, spec } = await stage.target();
  expect(spec?.paused).toBeUndefined();
  expect(spec?.template.spec?.containers[0]?.image).toBe(imageOf("1.7.0"));
  expect(Object.keys(metadata?.labels ?? {}).filter((key) => key.startsWith("kubectl-canary"))).toEqual([]);
  expect((await find<Canary>(resource.canaries, stage.namespace, name))?.metadata.deletionTimestamp).toBeDefined();
  await finalizers(null);
});

it("a target made anew with another selector is followed whole", async () => {
  const stage = await initialized();
  const at = { namespace: stage.namespace, name };
  const { spec } = await stage.target();
  await arena.cluster.delete(resource.deployments, at);
  await gone(resource.deployments, stage.namespace, name);
  const labels = { "app.kubernetes.io/name": name };
  const template = { ...spec!.template, metadata: { labels } };
  await arena.cluster.create(resource.deployments, {
    metadata: at,
    spec: { ...spec, paused: false, selector: { matchLabels: labels }, template },
  });
  const body = { spec: { selector: { app: null, ...labels } } };
  await arena.cluster.patch(resource.services, at, { type: "merge", body });
  await waitFor(
    async () => {
      const leaf = await find<V1Service>(resource.services, stage.namespace, "podinfo-primary");
      const selector = JSON.stringify(leaf?.spec?.selector);
      return selector === JSON.stringify(labels) ? undefined : unmet(selector ?? "no leaf");
    },
    30_000,
    "stable's leaf to select the new pods and nothing else",
  );
});

async function scale(stage: Stage, replicas: number): Promise<void> {
  const at = { namespace: stage.namespace, name };
  await arena.cluster.patch(resource.deployments, at, { type: "merge", body: { spec: { replicas } } });
}

it("a target that is scaled to 0 under way has no canary serve alone, and its change starts anew when it is back", async () => {
  const stage = await running();
  const { spec: before } = await stage.target();
  await scale(stage, 0);
  const off = await stage.until("the end of the run", ({ run, history }) => !run && history?.length === 1);
  expect(off).toMatchObject({ phase: "Initialized", reasonCode: "scaled-to-zero", rejected: [] });
  expect(off.history?.[0]).toMatchObject({ outcome: "aborted", cause: "Deployment podinfo was scaled to 0" });
  expect(canaryWeight(await stage.route())).toBe(0);
  await waitFor(
    async () => {
      const { spec } = await arena.cluster.get<V1Deployment>(resource.deployments, {
        namespace: stage.namespace,
        name: canaryDeployment,
      });
      return spec?.replicas === 0 ? undefined : unmet(`${spec?.replicas} canary pods`);
    },
    30_000,
    "no canary pod to be left",
  );
  await scale(stage, before?.replicas ?? 1);
  await stage.running("1.7.1");
});

it("a target whose only pod goes before its successor is there leaves all traffic to the canary meanwhile", async () => {
  const stage = await initialized();
  const at = { namespace: stage.namespace, name };
  const rollingUpdate = { maxSurge: 0, maxUnavailable: 1 };
  const spec = { replicas: 1, strategy: { type: "RollingUpdate", rollingUpdate } };
  await arena.cluster.patch(resource.deployments, at, { type: "merge", body: { spec } });
  await stage.rolledOut();
  await stage.change("1.7.1");
  await stage.running("1.7.1");
  stage.keepUnready("1.7.1");
  await stage.command("promote");
  await waitFor(
    async () => {
      const [weight, target] = [canaryWeight(await stage.route()), await stage.target()];
      const isReleased = target.spec?.paused !== true;
      // Never the one without the other: the release is the later write.
      if (isReleased && weight !== 100) throw new Error(`released at weight ${weight}`);
      return isReleased ? undefined : unmet(`weight ${weight}`);
    },
    30_000,
    "the release of the target",
  );
});

it("a selector of one expression, and an apex that selects by the second label, are followed; a choice is refused", async () => {
  const stage = await initialized();
  const { namespace } = stage;
  const at = { namespace, name };
  const remake = async (selector: object, labels: Record<string, string>): Promise<void> => {
    const { spec } = await stage.target();
    await arena.cluster.delete(resource.deployments, at);
    await gone(resource.deployments, namespace, name);
    const template = { ...spec!.template, metadata: { labels } };
    const made = { metadata: at, spec: { ...spec, paused: false, selector, template } };
    await arena.cluster.create(resource.deployments, made);
  };
  const leaf = (wanted: string, selector: Record<string, string>): Promise<void> =>
    waitFor(
      async () => {
        const found = (await find<V1Service>(resource.services, namespace, wanted))?.spec?.selector ?? {};
        return JSON.stringify(found) === JSON.stringify(selector) ? undefined : unmet(JSON.stringify(found));
      },
      30_000,
      `${wanted} to select ${JSON.stringify(selector)}`,
    );
  await remake({ matchExpressions: [{ key: "app", operator: "In", values: [name] }] }, { app: name });
  await leaf("podinfo-canary", { app: "podinfo-canary" });
  await stage.until("a sound target", ({ blocked }) => blocked === undefined);
  await remake({ matchLabels: { app: name, name: "shop" } }, { app: name, name: "shop" });
  const body = { spec: { selector: { app: null, name: "shop" } } };
  await arena.cluster.patch(resource.services, at, { type: "merge", body });
  await leaf("podinfo-canary", { app: name, name: "shop-canary" });
  await remake({ matchExpressions: [{ key: "app", operator: "In", values: [name, "x"] }] }, { app: name });
  const { blocked } = await stage.until("the refusal", (status) => status.blocked?.code === "target-unfit");
  expect(blocked?.what).toContain("selects its pods by app In (podinfo, x)");
  await stage.change("1.7.1");
  await stage.until("the change that went out", ({ unvetted }) => unvetted !== undefined);
});

const policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

async function forbid(namespace: string): Promise<void> {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const metadata = { name: "no-canaries" };
  const rule = { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] };
  const expression = `object.metadata.namespace != '${namespace}' || object.metadata.name != '${canaryDeployment}'`;
  await arena.cluster.raw("POST", policies, {
    ...{ apiVersion, kind: "ValidatingAdmissionPolicy", metadata },
    spec: {
      matchConstraints: { resourceRules: [rule] },
      validations: [{ expression, message: "no canaries on Fridays" }],
    },
  });
  await arena.cluster.raw("POST", bindings, {
    ...{ apiVersion, kind: "ValidatingAdmissionPolicyBinding", metadata },
    spec: { policyName: metadata.name, validationActions: ["Deny"] },
  });
}

it("what another policy refuses is in the status within seconds, and is tried again", async () => {
  const stage = await initialized();
  await forbid(stage.namespace);
  const { spec } = await stage.target();
  const wanted = { metadata: { name: canaryDeployment, namespace: stage.namespace }, spec };
  await waitFor(
    async () => {
      const tried = await arena.cluster.create(resource.deployments, wanted, { dryRun: true }).then(() => "", String);
      return tried.includes("Fridays") ? undefined : unmet("not enforced yet");
    },
    30_000,
    "the policy to be enforced",
  );
  await stage.change("1.7.1");
  const { blocked } = await stage.until("the refusal", (status) => status.blocked?.code === "write-refused");
  expect(blocked?.what).toMatch(/Deployment podinfo-canary \(runCanary, 422|403\).*no canaries on Fridays/);
  for (const path of [bindings, policies]) await arena.cluster.raw("DELETE", `${path}/no-canaries`);
  await stage.running("1.7.1");
  expect(canaryWeight(await stage.route())).toBe(50);
  expect((await stage.status()).blocked).toBeUndefined();
});

it("a target that is large is kept whole once a Canary names it, and one that is too large is named", async () => {
  stages += 1;
  const stage = new Stage(arena.cluster, arena.node, `tenants-${stages}`);
  const { namespace } = stage;
  loop = await arena.startController({ identity: "one", leaseNamespace: namespace, namespace, gate: new Passing() });
  const sized = (length: number): object => ({
    containers: [{ name: "podinfod", env: [{ name: "TEXT", value: "x".repeat(length) }] }],
  });
  // Before its Canary is there, an outline of it is kept.
  await stage.set(sized(40_000));
  const own = { labels: { team: "shop" }, annotations: { "meta.helm.sh/release-name": "shop" } };
  await arena.cluster.patch(resource.canaries, { namespace, name }, { type: "merge", body: { metadata: own } });
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
  await stage.change("1.7.1");
  await stage.running("1.7.1");
  const workload = await find<V1Deployment>(resource.deployments, namespace, canaryDeployment);
  expect(workload?.spec?.template.spec?.containers[0]?.env?.[0]?.value).toHaveLength(40_000);
  const resize = (length: number): Promise<unknown> =>
    arena.cluster.patch(
      resource.deployments,
      { namespace, name },
      { type: "strategic", body: { spec: { template: { spec: sized(length) } } } },
    );
  await resize(300_000);
  await stage.until("what is too large", ({ blocked }) => blocked?.code === "object-too-large");
  await resize(1);
  await stage.until("another run", ({ blocked, phase }) => blocked === undefined && phase === "Progressing");
  await stage.running("1.7.1");
  // Nobody asks for them, so they are not kept; the Canary's user has them all the same.
  expect((await find<Canary>(resource.canaries, namespace, name))?.metadata).toMatchObject(own);
});
