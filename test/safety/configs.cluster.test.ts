// ConfigMaps and Secrets that a template refers to, changed in place, on a real API server and with the chart's own Roles.
import type { V1ConfigMap, V1Deployment, V1Secret } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { annotation, label } from "../../shared/core/objects/names.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { release } from "../chart/install.ts";
import { startArena, type Arena } from "./arena.ts";
import { Stage } from "./plays.ts";
import { Passing } from "./through.ts";

const [tracked, untracked] = ["shop", "pay"];
let arena: Arena;
const loops: Controller[] = [];

beforeAll(async () => {
  arena = await startArena({ watchNamespaces: [tracked, untracked], configNamespaces: [tracked] });
  const at = { identity: "one", leaseNamespace: release.namespace, namespace: "" };
  loops.push(await arena.startController({ ...at, gate: new Passing() }));
});
afterAll(async () => {
  await Promise.all(loops.map((loop) => loop.stop()));
  await arena.stop();
});

const put = async (of: Resource, namespace: string, name: string, data: Record<string, string>): Promise<void> => {
  const object = of === resource.secrets ? { stringData: data } : { data };
  await arena.cluster
    .patch(of, { name, namespace }, { type: "merge", body: object })
    .catch(() => arena.cluster.create(of, { metadata: { name, namespace }, ...object }));
};

/** A Deployment of this name that refers to ConfigMap and Secret `<name>` by env, and to `<name>-volume` by volumes. */
async function staged(namespace: string, name: string): Promise<Stage> {
  await put(resource.configMaps, namespace, name, { a: "1" });
  await put(resource.secrets, namespace, name, { a: "1" });
  await put(resource.configMaps, namespace, `${name}-volume`, { a: "1" });
  const pod = {
    containers: [
      {
        name: "podinfod",
        envFrom: [{ configMapRef: { name } }, { secretRef: { name } }],
        volumeMounts: [{ name: "c", mountPath: "/c" }],
      },
    ],
    volumes: [{ name: "c", projected: { sources: [{ configMap: { name: `${name}-volume` } }] } }],
  };
  const stage = new Stage(arena.cluster, arena.node, namespace, name);
  await stage.set(pod);
  const at = { name, namespace };
  const body = { metadata: { annotations: { [annotation.configTracking]: "enabled" } } };
  await arena.cluster.patch(resource.canaries, at, { type: "merge", body });
  return stage;
}

const markOf = ({ spec }: V1Deployment): string | undefined =>
  spec?.template.metadata?.annotations?.[annotation.config];

const isTracking = ({ phase, trackedConfigs = {} }: CanaryStatus): boolean =>
  phase === "Initialized" && Object.keys(trackedConfigs).length === 3;

describe("where they are tracked", () => {
  let stage: Stage;

  it("begins with what is there, and starts nothing", async () => {
    stage = await staged(tracked, "web");
    const status = await stage.until("a baseline", isTracking);
    expect(Object.keys(status.trackedConfigs ?? {})).toEqual(["configmap/web", "configmap/web-volume", "secret/web"]);
    expect(status.runs ?? 0).toBe(0);
    expect(JSON.stringify(status)).not.toContain(Buffer.from("1").toString("base64"));
    expect(markOf(await stage.target())).toBeUndefined();
  });

  it.each<[string, Resource, string]>([
    ["a ConfigMap in env", resource.configMaps, "web"],
    ["a Secret in env", resource.secrets, "web"],
    ["a ConfigMap in a projected volume", resource.configMaps, "web-volume"],
  ])("starts a run when %s changes, and ends it as a revert when it is changed back", async (_what, of, name) => {
    const before = (await stage.status()).runs ?? 0;
    await put(of, tracked, name, { a: "2" });
    const { run } = await stage.until("a run", ({ phase, runs }) => phase === "Progressing" && (runs ?? 0) > before);
    expect(run?.requestedBy).toBe(`a change of ${of.kind} ${name}`);
    const target = await stage.target();
    expect({ paused: target.spec?.paused, held: target.metadata?.labels?.[label.held] }).toEqual({
      paused: true,
      held: "running",
    });
    await put(of, tracked, name, { a: "1" });
    const { history } = await stage.until("the revert", ({ phase, run: now }) => phase === "Initialized" && !now);
    expect(history?.[0]?.outcome).toBe("reverted");
    await waitFor(
      async () => {
        const { mark, paused } = { ...(await stage.target()).spec, mark: markOf(await stage.target()) };
        return mark === undefined && paused === undefined ? true : unmet(`mark ${mark}, paused ${paused}`);
      },
      30_000,
      "the target to be as its user had it",
    );
  });

  it("follows what is rotated during a run, and promotes what was judged last", async () => {
    await put(resource.secrets, tracked, "web", { a: "3" });
    const first = (await stage.until("a run", ({ phase }) => phase === "Progressing")).run?.intent;
    await put(resource.secrets, tracked, "web", { a: "4" });
    await stage.until("the next intent", ({ phase, run }) => phase === "Progressing" && run?.intent !== first);
    const mark = markOf(await stage.target());
    await stage.running("1.7.0");
    await stage.command("promote");
    const status = await stage.until("the promotion", ({ phase }) => phase === "Succeeded");
    expect(status.configs).toMatchObject({ mark });
    expect(status.configs?.pending).toBeUndefined();
    expect(markOf(await stage.target())).toBe(mark);
  });

  it("keeps its mark whatever a user's manifest leaves out", async () => {
    const mark = markOf(await stage.target());
    expect(mark).toBeDefined();
    const template = { metadata: { annotations: { [annotation.config]: null } } };
    const at = { name: "web", namespace: tracked };
    await arena.cluster.patch(resource.deployments, at, { type: "merge", body: { spec: { template } } });
    const after = await stage.target();
    expect({ mark: markOf(after), paused: after.spec?.paused }).toEqual({ mark, paused: undefined });
  });

  it("waits, and says for what, while one that the template needs is gone", async () => {
    await arena.cluster.delete(resource.configMaps, { name: "web", namespace: tracked });
    const { blocked, run } = await stage.until("the cause", (status) => status.blocked?.code === "config-missing");
    expect(run).toBeUndefined();
    expect(blocked?.what).toBe(
      "ConfigMap web, to which the template of Deployment web refers, cannot be found: its pods could not start. No run starts.",
    );
    await put(resource.configMaps, tracked, "web", { a: "1" });
    await stage.until("its return", (status) => !status.blocked && !status.run);
  });

  it("takes for no change what it may not read", async () => {
    const role = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/kubectl-canary-config";
    const { rules } = (await arena.cluster.raw("GET", role)) as { rules: object[] };
    const set = (all: object[]): Promise<unknown> =>
      arena.cluster.patch(
        resource.roles,
        { name: "kubectl-canary-config", namespace: tracked },
        {
          type: "merge",
          body: { rules: all },
        },
      );
    await set([]);
    const { runs } = await stage.until("a warning", ({ warnings = [] }) =>
      warnings.some((one) => one.includes("cannot be read, and a change is not seen")),
    );
    await set(rules);
    const after = await stage.until("no warning", ({ warnings = [] }) => warnings.length === 0);
    expect({ runs: after.runs, run: after.run }).toEqual({ runs, run: undefined });
  });
});

describe("where they are not", () => {
  it("may read no ConfigMap and no Secret, and lists none anywhere", async () => {
    const namespace = untracked;
    for (const of of [resource.configMaps, resource.secrets]) {
      await put(of, namespace, "x", { a: "1" });
      const one = { namespace, name: "x" };
      await expect(arena.own.get<V1ConfigMap | V1Secret>(of, one)).rejects.toMatchObject({ code: "Forbidden" });
      await expect(arena.own.list(of, { namespace: tracked })).rejects.toMatchObject({ code: "Forbidden" });
      await expect(arena.own.list(of, { namespace: release.namespace })).rejects.toMatchObject({ code: "Forbidden" });
      await expect(arena.own.list(of)).rejects.toThrow(/forbidden|not allowed/i);
    }
  });

  it("tracks nothing, and says that it cannot", async () => {
    const stage = await staged(untracked, "till");
    const { trackedConfigs } = await stage.until(
      "a warning",
      ({ phase, warnings = [] }) =>
        phase === "Initialized" && warnings.some((one) => one.includes("asks to track configuration")),
    );
    expect(trackedConfigs).toBeUndefined();
  });
});
