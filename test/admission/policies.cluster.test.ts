// What the chart's policies let whom do, on an API server of the test's own without a controller: they hold while we are away.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAll } from "js-yaml";
import { label } from "../../shared/core/objects/names.ts";
import { helm, kubectl } from "../cluster/client.ts";
import { release } from "../chart/install.ts";
import type { Output } from "../cluster/run.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { defineResources, startPlane, type Plane } from "../plugin/fixtures/plane.ts";

const namespace = "default";
const ourselves = "system:serviceaccount:canary:kubectl-canary";
let plane: Plane;

const run = (args: readonly string[], input?: object): Promise<Output> =>
  kubectl(
    ["--kubeconfig", plane.kubeconfig, "-n", namespace, ...args],
    input === undefined ? {} : { input: JSON.stringify(input) },
  );
const as = (user: string, ...args: string[]): Promise<Output> => run(["--as", user, ...args]);
const send = (user: string, verb: string, object: object): Promise<Output> =>
  run(["--as", user, verb, "-f", "-"], object);
const patch = (user: string, object: string, body: object): Promise<Output> =>
  as(user, "patch", object, "--type=merge", "-p", JSON.stringify(body));

async function must(done: Promise<Output>): Promise<void> {
  const { code, stderr } = await done;
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
}

const refused = async (done: Promise<Output>, said: RegExp): Promise<void> => {
  const { code, stderr } = await done;
  expect([code, stderr]).toEqual([1, expect.stringMatching(said)]);
};

function deployment(name: string, labels: Record<string, string> = {}, image = "podinfo:1"): object {
  const app = { app: name };
  const template = { metadata: { labels: app }, spec: { containers: [{ name: "app", image }] } };
  const spec = { replicas: 0, selector: { matchLabels: app }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, labels }, spec };
}

const canary = {
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "podinfo" },
  spec: {
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    service: { port: 9898 },
    analysis: { interval: "10s", threshold: 5, stepWeight: 10 },
  },
};

const ours = { [label.canary]: "podinfo", [label.managedBy]: "kubectl-canary" };

/** A user with these verbs on Canaries, and all that `edit` has on Deployments. */
async function grant(user: string, ...verbs: string[]): Promise<void> {
  const rules = [
    { apiGroups: ["flagger.app"], resources: ["canaries"], verbs: ["get", "list", "watch", ...verbs] },
    { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "patch", "update"] },
  ];
  const api = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: user } };
  await must(run(["apply", "-f", "-"], { ...api, kind: "Role", rules }));
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: user };
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }];
  await must(run(["apply", "-f", "-"], { ...api, kind: "RoleBinding", roleRef, subjects }));
}

async function installPolicies(): Promise<void> {
  const { stdout } = await helm([
    ...["template", release.name, release.chart, "-n", "canary", "--set", "image.repository=registry.example/canary"],
    ...["-s", "templates/policies.yaml"],
  ]);
  const items = (loadAll(stdout) as (object | null)[]).flatMap((one) => one ?? []);
  await must(run(["apply", "-f", "-"], { apiVersion: "v1", kind: "List", items }));
}

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  const admin = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" };
  // As if its token could do anything: what the policy still refuses is the policy's own doing.
  const subjects = [{ kind: "ServiceAccount", name: "kubectl-canary", namespace: "canary" }];
  const metadata = { name: "ourselves" };
  const binding = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata };
  await must(run(["apply", "-f", "-"], { ...binding, roleRef: admin, subjects }));
  await grant("operator", "create", "update", "patch", "delete", "promote", "rollback", "bypass");
  await grant("editor", "update", "patch");
  await grant("rollbacker", "patch", "rollback");
  await must(run(["create", "-f", "-"], canary));
  await must(run(["create", "-f", "-"], deployment("foreign")));
  await installPolicies();
  await waitFor(
    async () => {
      const { code } = await send(ourselves, "create", deployment(`probe-${Math.random().toString(36).slice(2)}`));
      return code === 1 || unmet("not enforced yet");
    },
    30_000,
    "the policies to be enforced",
  );
});

afterAll(() => plane.stop());

describe("the spec of a Canary", () => {
  const skip = { spec: { skipAnalysis: true } };
  const status = { phase: "Progressing", canaryWeight: 10, run: { id: "abc-1" } };

  it("is changed by whoever may update it while no run is under way, and not with the right to roll back alone", async () => {
    expect.hasAssertions();
    await refused(patch("rollbacker", "canary/podinfo", skip), /needs permission to update canaries/);
    await must(patch("editor", "canary/podinfo", { spec: { progressDeadlineSeconds: 60 } }));
    await must(as("rollbacker", "label", "canary", "podinfo", "team=a"));
  });

  it("is judged anew under a run by those alone who may promote", async () => {
    expect.hasAssertions();
    await must(
      run(["patch", "canary/podinfo", "--type=merge", "--subresource=status", "-p", JSON.stringify({ status })]),
    );
    for (const spec of [
      { skipAnalysis: true },
      { suspend: true },
      { metricsServer: "http://lying.default.svc" },
      { analysis: { threshold: 500 } },
      { analysis: { metrics: [{ name: "request-success-rate", thresholdRange: { min: 1 } }] } },
    ])
      await refused(patch("editor", "canary/podinfo", { spec }), /run abc-1 is under way: .* permission to promote/);
    await must(patch("editor", "canary/podinfo", { spec: { progressDeadlineSeconds: 90 } }));
    await must(patch("operator", "canary/podinfo", { spec: { analysis: { threshold: 6 } } }));
  });
});

describe("a gated Deployment", () => {
  beforeAll(async () => {
    await must(run(["create", "-f", "-"], deployment("podinfo")));
    const { stdout } = await run(["get", "deploy", "podinfo", "-o", "jsonpath={.metadata.uid}"]);
    const labels = { [label.target]: stdout.trim(), [label.held]: "running" };
    await must(patch(ourselves, "deploy/podinfo", { metadata: { labels }, spec: { paused: true } }));
  });

  it("gets the break-glass label from those alone who may bypass or promote", async () => {
    expect.hasAssertions();
    await refused(as("editor", "label", "deploy", "podinfo", `${label.bypass}=1`), /permission to bypass/);
    await must(as("operator", "label", "deploy", "podinfo", `${label.bypass}=1`));
    await refused(as("editor", "rollout", "resume", "deploy/podinfo"), /permission to bypass/);
    await refused(as("editor", "set", "image", "deploy/podinfo", "app=podinfo:2"), /permission to bypass/);
    await must(as("editor", "annotate", "deploy", "podinfo", "team=a"));
    await must(as("operator", "label", "deploy", "podinfo", `${label.bypass}-`));
  });

  it("is not resumed past the hold by anyone else while our webhook is away", async () => {
    expect.hasAssertions();
    await refused(as("editor", "rollout", "resume", "deploy/podinfo"), /permission to bypass/);
    await must(as("operator", "rollout", "resume", "deploy/podinfo"));
  });

  it("and one without a Canary is its owner's alone", async () => {
    expect.hasAssertions();
    await must(as("editor", "label", "deploy", "foreign", `${label.bypass}=1`));
    await must(as("editor", "set", "image", "deploy/foreign", "app=podinfo:2"));
  });
});

describe("the controller's own account, whatever its RBAC", () => {
  it("creates and deletes what carries its label, and no Deployment but <name>-canary", async () => {
    expect.hasAssertions();
    await must(send(ourselves, "create", deployment("podinfo-canary", ours)));
    await refused(send(ourselves, "create", deployment("other")), /only what carries its label/);
    await refused(send(ourselves, "create", deployment("other", ours)), /no Deployment but its own/);
    await refused(as(ourselves, "delete", "deploy", "foreign"), /only what carries its label/);
    await must(as(ourselves, "delete", "deploy", "podinfo-canary"));
    await must(as(ourselves, "patch", "deploy/foreign", "--type=merge", "-p", '{"metadata":{"labels":{"a":"b"}}}'));
  });

  it("changes the template of what has a Canary, and of nothing else", async () => {
    expect.hasAssertions();
    const body = { spec: { template: { spec: { serviceAccountName: "admin" } } } };
    await refused(patch(ourselves, "deploy/foreign", body), /template of no Deployment that has no Canary/);
    await must(
      patch(ourselves, "deploy/podinfo", { spec: { template: { metadata: { labels: { app: "podinfo", b: "c" } } } } }),
    );
  });

  it("makes no Service without its label, and nothing in kube-system", async () => {
    expect.hasAssertions();
    const service = (labels: object): object => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "podinfo-primary", labels },
      spec: { selector: { app: "podinfo" }, ports: [{ port: 1 }] },
    });
    await refused(send(ourselves, "create", service({})), /only what carries its label/);
    await must(send(ourselves, "create", service(ours)));
    await refused(
      run(["-n", "kube-system", "--as", ourselves, "create", "-f", "-"], service(ours)),
      /nothing in kube-system/,
    );
  });
});
