// What is read of a template's ConfigMaps and Secrets, and what is kept of it.
import { describe, expect, it } from "vitest";
import { start } from "../../../test/builders.ts";
import { givenCanary, givenTarget } from "../../../test/given-objects.ts";
import { CanaryError } from "../../../shared/kube/errors.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { annotation } from "../../../shared/core/objects/names.ts";
import type { CanaryObjects } from "../cache/canary-objects.ts";
import { ConfigReads, mostConfigs, type ConfigDeps } from "./configs.ts";
import { createHashKey } from "./hash-key.ts";

const refusal = (code: "NotFound" | "Forbidden" | "Unreachable"): CanaryError =>
  new CanaryError(code, `${code} it is.`);

function objects(envFrom: object[], annotations = { [annotation.configTracking]: "enabled" }): CanaryObjects {
  const canary = givenCanary();
  const target = givenTarget();
  const template = { metadata: { annotations: { [annotation.config]: "m" } }, spec: { containers: [{ envFrom }] } };
  return {
    ...{ namespace: "test", targetName: "podinfo", apexName: "podinfo", port: 80, ports: [], routeWhy: "" },
    canary: { ...canary, metadata: { ...canary.metadata, annotations } },
    target: { ...target, spec: { ...target.spec!, template: template as never } },
  };
}

const app = { configMapRef: { name: "app" } };
const secret = { secretRef: { name: "key" } };

/** Answers with what `data` says of a name, and counts. */
function reading(data: Record<string, object | Error>, more: Partial<ConfigDeps> = {}) {
  const seen = { asked: [] as string[], most: 0, woken: [] as string[] };
  let open = 0;
  const get: Cluster["get"] = async <T>(_of: unknown, { name }: { name: string }): Promise<T> => {
    seen.asked.push(name);
    seen.most = Math.max(seen.most, (open += 1));
    await Promise.resolve();
    open -= 1;
    const found = data[name] ?? refusal("NotFound");
    if (found instanceof Error) throw found;
    return found as T;
  };
  const reads = new ConfigReads({
    cluster: { get },
    now: () => start,
    namespaces: ["test"],
    freshMs: 15_000,
    hashKey: () => Promise.resolve("secret key"),
    wake: (key) => seen.woken.push(key),
    ...more,
  });
  return { reads, seen, data };
}

describe("configuration", () => {
  it("is a keyed hash of data, and of nothing else", async () => {
    const { reads } = reading({
      app: { data: { a: "1" }, metadata: { labels: { x: "y" } } },
      key: { data: { p: "czNjcmV0" } },
    });
    const { seen, missing, warnings } = await reads.look(objects([app, secret]), false);
    expect(seen).toMatchObject({
      mark: "m",
      hashes: { "configmap/app": expect.stringMatching(/^[0-9a-f]{16}$/) as string },
    });
    expect(JSON.stringify(seen)).not.toContain("czNjcmV0");
    expect({ missing, warnings }).toEqual({ missing: [], warnings: [] });
    const again = await reading({ app: { data: { a: "1" } } }).reads.look(objects([app]), false);
    expect(again.seen?.hashes["configmap/app"]).toBe(seen?.hashes["configmap/app"]);
    const other = reading({ app: { data: { a: "1" } } }, { hashKey: () => Promise.resolve("another") });
    expect((await other.reads.look(objects([app]), false)).seen?.hashes["configmap/app"]).not.toBe(
      seen?.hashes["configmap/app"],
    );
  });

  it.each<[string, CanaryObjects, string[]]>([
    ["the Canary does not ask for it", objects([app], {} as never), ["test"]],
    ["the chart does not let it", objects([app]), []],
  ])("is not read where %s", async (_where, of, namespaces) => {
    const { reads, seen } = reading({ app: { data: {} } }, { namespaces });
    expect(await reads.look(of, false)).toEqual({ seen: null, missing: [], warnings: [] });
    expect(seen.asked).toEqual([]);
  });

  it.each<[string, object]>([
    ["its object says so", { metadata: { annotations: { [annotation.flaggerTracking]: "disabled" } }, data: {} }],
    ["it is a Secret of Kubernetes' own", { type: "kubernetes.io/service-account-token", data: {} }],
  ])("is not compared where %s", async (_where, object) =>
    expect((await reading({ key: object }).reads.look(objects([secret]), false)).seen?.hashes).toEqual({}),
  );

  it("is missing where it is gone, and absent where it is optional", async () => {
    const optional = { configMapRef: { name: "more", optional: true } };
    const { seen, missing } = await reading({}).reads.look(objects([app, optional]), false);
    expect(missing).toEqual(["configmap/app"]);
    expect(seen?.hashes).toEqual({ "configmap/more": "absent" });
  });

  it("is left out where it cannot be read, and that is said", async () => {
    const { reads } = reading({ app: refusal("Forbidden"), key: { data: {} } });
    const { seen, missing, warnings } = await reads.look(objects([app, secret]), false);
    expect(Object.keys(seen?.hashes ?? {})).toEqual(["secret/key"]);
    expect(missing).toEqual([]);
    expect(warnings).toEqual(["ConfigMap app cannot be read, and a change is not seen: Forbidden it is."]);
  });

  it("is not looked at without a key", async () => {
    const { reads, seen } = reading({ app: { data: {} } }, { hashKey: () => Promise.reject(refusal("Unreachable")) });
    const look = await reads.look(objects([app]), false);
    expect(look.seen).toBeUndefined();
    expect(look.warnings).toEqual(["ConfigMap app cannot be read, and a change is not seen: Unreachable it is."]);
    expect(seen.asked).toEqual([]);
  });

  it("is read 8 at once, 200 of one template, and no more than 256", async () => {
    const envFrom = Array.from({ length: 300 }, (_, index) => ({
      configMapRef: { name: `app-${index}`, optional: true },
    }));
    const few = reading({});
    expect(Object.keys((await few.reads.look(objects(envFrom.slice(0, 200)), false)).seen?.hashes ?? {})).toHaveLength(
      200,
    );
    expect(few.seen.most).toBe(8);
    const many = await reading({}).reads.look(objects(envFrom), false);
    expect(Object.keys(many.seen?.hashes ?? {})).toHaveLength(mostConfigs);
    expect(many.warnings).toEqual([
      "The template refers to 300 ConfigMaps and Secrets: the first 256 are tracked, the other 44 are not.",
    ]);
  });

  it("is read beside a look once it is known, which is woken by what is new", async () => {
    let now = start;
    const { reads, seen, data } = reading({ app: { data: { a: "1" } } }, { now: () => now });
    const first = await reads.look(objects([app]), false);
    data["app"] = { data: { a: "2" } };
    expect(await reads.look(objects([app]), false)).toEqual(first);
    expect(seen.asked).toHaveLength(1);
    now += 15_000;
    expect((await reads.look(objects([app]), false)).seen).toEqual(first.seen);
    await expect.poll(() => seen.woken).toEqual(["test/podinfo"]);
    expect((await reads.look(objects([app]), false)).seen).not.toEqual(first.seen);
  });

  it("keeps no command waiting", async () => {
    const { reads } = reading({ app: { data: {} } });
    expect((await reads.look(objects([app]), true)).seen).toBeUndefined();
  });
});

describe("the key of hashes", () => {
  const at = { namespace: "kubectl-canary", name: "hash-key" };

  it("is made once, and read by whoever comes second", async () => {
    let stored: { data?: Record<string, string> } = {};
    let replaces = 0;
    const cluster = {
      get: <T>() => Promise.resolve(structuredClone(stored) as T),
      replace: <T>(_of: unknown, object: T) => {
        replaces += 1;
        if (replaces === 2) {
          stored = { data: { key: "of another" } };
          return Promise.reject(new CanaryError("Conflict", "Another was first."));
        }
        stored = object as never;
        return Promise.resolve(object);
      },
    } as Pick<Cluster, "get" | "replace">;
    const first = createHashKey(cluster, at);
    const key = await first();
    expect(Buffer.from(key, "base64")).toHaveLength(32);
    expect([await first(), await createHashKey(cluster, at)()]).toEqual([key, key]);
    stored = {};
    expect(await createHashKey(cluster, at)()).toBe("of another");
  });
});
