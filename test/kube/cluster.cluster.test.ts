import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resource } from "../../shared/kube/resources.ts";
import type { CanaryError } from "../../shared/kube/errors.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";
import { Proxy } from "./proxy.ts";

interface ConfigMap {
  metadata: {
    name: string;
    namespace: string;
    resourceVersion?: string;
    uid?: string;
    labels?: Record<string, string>;
  };
  data?: Record<string, string>;
}

const namespace = "default";
const aConfigMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { name, namespace },
  data,
});

let plane: ControlPlane;
beforeAll(async () => (plane = await startControlPlane()));
afterAll(() => plane.stop());

const failure = (promise: Promise<unknown>): Promise<CanaryError> =>
  promise.then(
    () => Promise.reject(new Error("It succeeded.")),
    (error: unknown) => error as CanaryError,
  );

describe("a connection to a real API server", () => {
  it("creates, reads, replaces, patches and deletes", async () => {
    const cluster = plane.cluster();
    const at = { name: "verbs", namespace };
    const created = await cluster.create(resource.configMaps, aConfigMap("verbs", { a: "1" }));
    const replaced = await cluster.replace(resource.configMaps, { ...created, data: { a: "2" } });
    const stale = await failure(cluster.replace(resource.configMaps, created));
    expect([stale.code, stale.retry]).toEqual(["Conflict", true]);
    expect(replaced.data).toEqual({ a: "2" });
    const merged = await cluster.patch<ConfigMap>(resource.configMaps, at, {
      type: "merge",
      body: { data: { b: "1" } },
    });
    expect(merged.data).toEqual({ a: "2", b: "1" });
    const body = { apiVersion: "v1", kind: "ConfigMap", data: { b: "9" } };
    const refused = await failure(
      cluster.patch(resource.configMaps, at, { type: "apply", body, fieldManager: "other" }),
    );
    expect(refused.code).toBe("Conflict");
    await cluster.patch(resource.configMaps, at, { type: "apply", body, fieldManager: "other", force: true });
    const wrongUid = await failure(cluster.delete(resource.configMaps, at, { uid: "another" }));
    expect(wrongUid.code).toBe("Conflict");
    await cluster.delete(resource.configMaps, at);
    expect((await failure(cluster.get(resource.configMaps, at))).code).toBe("NotFound");
  });

  it("writes nothing on a dry run", async () => {
    const cluster = plane.cluster();
    await cluster.create(resource.configMaps, aConfigMap("dry"), { dryRun: true });
    expect((await failure(cluster.get(resource.configMaps, { name: "dry", namespace }))).code).toBe("NotFound");
  });

  it("reads a list in pages and ends with all of it, each object with its kind", async () => {
    const cluster = plane.cluster();
    for (let i = 0; i < 7; i++) await cluster.create(resource.configMaps, aConfigMap(`page-${i}`));
    const pages: number[] = [];
    const names: string[] = [];
    for await (const page of cluster.pages<ConfigMap & { kind: string }>(resource.configMaps, {
      namespace,
      limit: 3,
    })) {
      pages.push(page.items.length);
      for (const item of page.items) names.push(`${item.kind} ${item.metadata.name}`);
    }
    expect(Math.max(...pages)).toBe(3);
    expect(names.filter((name) => name.startsWith("ConfigMap page-"))).toHaveLength(7);
    expect((await cluster.list(resource.configMaps, { namespace })).items).toHaveLength(names.length);
  });

  it("keeps its connection between requests", async () => {
    const proxy = await Proxy.start(plane.port);
    const cluster = plane.cluster({ port: proxy.port });
    for (let i = 0; i < 10; i++) await cluster.raw("GET", "/version");
    expect(proxy.accepted).toBe(1);
    await proxy.stop();
  });

  it("asks again where a kept connection broke while it lay idle", async () => {
    const proxy = await Proxy.start(plane.port);
    const cluster = plane.cluster({ port: proxy.port });
    for (let i = 0; i < 20; i++) {
      await cluster.raw("GET", "/version");
      proxy.cut();
    }
    expect(proxy.accepted).toBe(20);
    await proxy.stop();
  });

  it("gives up on a server that says nothing, at its deadline, and says so", async () => {
    const proxy = await Proxy.start(plane.port);
    const cluster = plane.cluster({ port: proxy.port, timeoutMs: 3_000 });
    await cluster.raw("GET", "/version");
    proxy.swallow();
    const error = await failure(cluster.get(resource.configMaps, { name: "any", namespace }));
    expect([error.code, error.retry]).toEqual(["Timeout", true]);
    expect(error.message).toMatch(/did not answer GET \/api\/v1\/namespaces\/default\/configmaps\/any within 3000 ms/);
    await proxy.stop();
  });

  it("names what a user may not do, in the API server's words", async () => {
    const cluster = plane.cluster();
    await cluster.create(resource.serviceAccounts, { metadata: { name: "nobody", namespace } });
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const path = "/api/v1/namespaces/default/serviceaccounts/nobody/token";
    const { status } = (await cluster.raw("POST", path, request)) as { status: { token: string } };
    const error = await failure(
      plane.cluster({ token: status.token }).list(resource.deployments, { namespace: "shop" }),
    );
    expect([error.code, error.retry, error.status]).toEqual(["Forbidden", false, 403]);
    expect(error.message).toMatch(
      /^deployments\.apps is forbidden: User "system:serviceaccount:default:nobody" cannot list resource "deployments" in API group "apps" in the namespace "shop"\. Ask who/,
    );
  });

  it("says that a login has expired, and never shows the token", async () => {
    const error = await failure(plane.cluster({ token: "sesame-open" }).list(resource.pods));
    expect(error.code).toBe("Unauthorized");
    expect(error.message).toMatch(/does not accept the credentials of user "admin" .*log in again/);
    expect(JSON.stringify(error) + error.message + String(error.stack)).not.toContain("sesame-open");
  });

  it("tells a missing CRD from a missing object", async () => {
    const error = await failure(plane.cluster().list(resource.trafficSplits));
    expect(error.code).toBe("NoSuchKind");
    expect(error.message).toMatch(/does not serve \/apis\/split.smi-spec.io\/v1alpha2\/trafficsplits/);
  });
});
