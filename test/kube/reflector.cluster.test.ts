import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { type CanaryError, hasCode } from "../../shared/kube/errors.ts";
import { Reflector, type ReflectorOptions } from "../../shared/kube/reflector.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";
import { Mirror, type Item } from "./mirror.ts";
import { Proxy } from "./proxy.ts";

const widgets: Resource = { group: "example.test", version: "v1", plural: "widgets", kind: "Widget" };
const namespace = "default";
const labelSelector = "watched=yes";

let plane: ControlPlane;
let proxy: Proxy;
let direct: Cluster;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  plane = await startControlPlane();
  proxy = await Proxy.start(plane.port);
  direct = plane.cluster();
});
afterEach(async () => {
  proxy.forward();
  for (const end of ends.splice(0)) await end();
});
afterAll(async () => {
  await proxy.stop();
  await plane.stop();
});

function reflect(
  options: Partial<ReflectorOptions<Item>> = {},
  random = () => 0.5,
  // Longer than a busy machine takes to answer: no error here is to be the machine's.
  cluster = plane.cluster({ port: proxy.port, timeoutMs: 30_000 }),
): {
  reflector: Reflector<Item>;
  mirror: Mirror;
  errors: CanaryError[];
} {
  const mirror = new Mirror();
  const errors: CanaryError[] = [];
  const reflector = new Reflector<Item>(
    { cluster, clock: systemClock, random },
    {
      resource: resource.configMaps,
      namespace,
      labelSelector,
      backoff: { firstMs: 20, capMs: 200 },
      onChange: (old, now) => mirror.take(old, now),
      onError: (error) => errors.push(error),
      ...options,
    },
  );
  reflector.start();
  ends.push(() => reflector.stop());
  return { reflector, mirror, errors };
}

/** Waits until the store equals a fresh list, and holds the mirror to the same. */
async function expectCaughtUp(
  { reflector, mirror }: { reflector: Reflector<Item>; mirror: Mirror },
  r = resource.configMaps as Resource,
): Promise<void> {
  const versionsOf = (items: Iterable<Item>): string[] =>
    [...items].map((item) => `${item.metadata.name} ${item.metadata.uid} ${item.metadata.resourceVersion}`).sort();
  const fresh = versionsOf((await direct.list<Item>(r, { namespace, labelSelector })).items);
  const same = (): true | ReturnType<typeof unmet> => {
    const held = versionsOf(reflector.list());
    return (
      JSON.stringify(held) === JSON.stringify(fresh) ||
      unmet(`${held.length} of ${fresh.length} objects, or older ones`)
    );
  };
  await waitFor(same, 60_000, "the store to equal a fresh list", 10);
  expect(versionsOf(mirror.objects.values())).toEqual(fresh);
  expect(mirror.faults).toEqual([]);
}

const anItem = (name: string, r: Resource = resource.configMaps): object => ({
  kind: r.kind,
  metadata: { name, namespace, labels: { watched: "yes" } },
});

/** Creates, changes and deletes until told to stop; every write waits out an API server that is away. */
class Writer {
  /** resourceVersions that the writes got. */
  readonly versions: string[] = [];
  deletions = 0;
  private stopped = false;
  private readonly prefix: string;
  private readonly done: Promise<void>;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.done = this.run();
    ends.push(() => this.stop());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      const at = { name: `${this.prefix}-${i % 20}`, namespace };
      const body = { data: { i: String(i) } };
      await this.write(() => direct.create<Item>(resource.configMaps, anItem(at.name) as Item));
      await this.write(() => direct.patch<Item>(resource.configMaps, at, { type: "merge", body }));
      if (i % 3 === 0) await this.remove(at);
    }
  }

  private async write(send: () => Promise<Item>): Promise<void> {
    const written = await this.insist(send);
    if (written) this.versions.push(written.metadata.resourceVersion ?? "");
  }

  private async remove(at: { name: string; namespace: string }): Promise<void> {
    const gone = await this.insist(() => direct.delete(resource.configMaps, at).then(() => true));
    if (gone) this.deletions += 1;
  }

  private insist<T>(send: () => Promise<T>): Promise<T | undefined> {
    const attempt = (): Promise<T | undefined> =>
      send().catch((error: unknown) => {
        // Already done by an attempt whose answer was lost, or by the round before.
        if (hasCode(error, "AlreadyExists", "NotFound")) return undefined;
        throw error;
      });
    return waitFor(attempt, 60_000, "the API server to take a write", 20);
  }
}

async function written(writer: Writer, count: number): Promise<void> {
  const goal = writer.versions.length + count;
  const enough = (): true | ReturnType<typeof unmet> =>
    writer.versions.length >= goal || unmet(`${writer.versions.length}`);
  await waitFor(enough, 60_000, `${goal} writes`, 5);
}

describe("a reflector", () => {
  it("tells every write of an undisturbed watch, each once and in order", async () => {
    const reflected = reflect();
    await reflected.reflector.whenSynced();
    const before = reflected.mirror.versions.length;
    const writer = new Writer("calm");
    await written(writer, 200);
    await writer.stop();
    await expectCaughtUp(reflected);
    expect(reflected.mirror.versions.slice(before)).toEqual(writer.versions);
    expect(reflected.mirror.deletions).toBe(writer.deletions);
    expect(reflected.errors).toEqual([]);
  });

  it("goes on where a cut connection broke: still every write, each once and in order", async () => {
    const reflected = reflect();
    await reflected.reflector.whenSynced();
    const before = reflected.mirror.versions.length;
    const writer = new Writer("cut");
    for (let i = 0; i < 10; i++) {
      await written(writer, 20);
      const { accepted } = proxy;
      proxy.cut();
      // Cut again before it is there again, it would not have noticed.
      const isBack = (): true | ReturnType<typeof unmet> =>
        (reflected.errors.length > i && proxy.accepted > accepted) || unmet(`${reflected.errors.length} errors`);
      await waitFor(isBack, 60_000, "the reflector to be back", 5);
    }
    await written(writer, 20);
    await writer.stop();
    await expectCaughtUp(reflected);
    expect(reflected.mirror.versions.slice(before)).toEqual(writer.versions);
    expect(reflected.mirror.deletions).toBe(writer.deletions);
    expect(reflected.errors.map((error) => error.code)).toEqual(Array.from({ length: 10 }, () => "Unreachable"));
  });

  it("is not fooled by a connection that stays open and says nothing", async () => {
    const hasty = plane.cluster({ port: proxy.port, timeoutMs: 2_000 });
    const reflected = reflect({ idleTimeoutMs: 500 }, () => 0.5, hasty);
    await direct.create(resource.configMaps, anItem("heard") as Item);
    await expectCaughtUp(reflected);
    await direct.create(resource.configMaps, anItem("heard-by-watch") as Item);
    await expectCaughtUp(reflected);
    proxy.swallow();
    await direct.create(resource.configMaps, anItem("unheard") as Item);
    const before = reflected.errors.length;
    const noticed = (): true | ReturnType<typeof unmet> => reflected.errors.length > before || unmet("no error");
    await waitFor(noticed, 60_000, "the dead connection to be noticed");
    expect(reflected.errors[before]?.message).toMatch(/did not answer GET .*configmaps within 2000 ms/);
    proxy.forward();
    await expectCaughtUp(reflected);
  });

  it("asks anew where a watch is merely quiet, and calls that no error", async () => {
    let watches = 0;
    const quiet = { labelSelector: "nothing=matches", idleTimeoutMs: 100 };
    const { reflector, errors } = reflect(quiet, () => (watches++, 0));
    await reflector.whenSynced();
    await waitFor(() => watches >= 5 || unmet(`${watches} watches`), 60_000, "five watches");
    expect(errors).toEqual([]);
  });

  it("outlives an API server that is killed twice amid writes", async () => {
    const reflected = reflect();
    await reflected.reflector.whenSynced();
    const writer = new Writer("restart");
    for (let i = 0; i < 2; i++) {
      await written(writer, 100);
      await plane.killApi();
      await plane.startApi();
    }
    await written(writer, 50);
    await writer.stop();
    await expectCaughtUp(reflected);
  });

  it("lists again when its place in history was compacted away, and tells only what differs", async () => {
    await direct.create(resource.configMaps, anItem("kept") as Item);
    await direct.create(resource.configMaps, anItem("renewed") as Item);
    await direct.create(resource.configMaps, anItem("removed") as Item);
    const reflected = reflect();
    await reflected.reflector.whenSynced();
    const before = reflected.mirror.versions.length;
    proxy.refuse();
    await direct.delete(resource.configMaps, { name: "removed", namespace });
    await direct.delete(resource.configMaps, { name: "renewed", namespace });
    const renewed = await direct.create<Item>(resource.configMaps, anItem("renewed") as Item);
    const late = await direct.create<Item>(resource.configMaps, anItem("late") as Item);
    await plane.killApi();
    await plane.compact();
    await plane.startApi();
    proxy.forward();
    await expectCaughtUp(reflected);
    expect(reflected.errors.some((error) => error.code === "Gone")).toBe(true);
    const told = reflected.mirror.versions.slice(before).sort();
    expect(told).toEqual([renewed.metadata.resourceVersion, late.metadata.resourceVersion].sort());
    expect(reflected.mirror.deletions).toBe(2);
  });

  it("reads everything at once where compaction overtakes it between the pages of a list", async () => {
    for (let i = 0; i < 5; i++) await direct.create(resource.configMaps, anItem(`paged-${i}`) as Item);
    const asked: (number | undefined)[] = [];
    const cluster = plane.cluster();
    const overtaken: Cluster = Object.create(cluster, { pages: { value: pagesOvertaken(cluster, asked) } }) as Cluster;
    const reflected = reflect({}, () => 0.5, overtaken);
    await reflected.reflector.whenSynced();
    await expectCaughtUp(reflected);
    expect(asked).toEqual([2, 0]);
    expect(reflected.errors).toEqual([]);
  });

  it("takes a resource without a CRD for empty where it may, fills when the CRD comes, and empties when it goes", async () => {
    const reflected = reflect({ resource: widgets, missingIsEmpty: true });
    await reflected.reflector.whenSynced();
    expect(reflected.reflector.list()).toEqual([]);
    await installWidgets();
    await waitFor(() => direct.create(widgets, anItem("one", widgets)), 30_000, "the new resource to be served");
    await waitFor(() => reflected.reflector.list().length === 1 || unmet("empty"), 30_000, "the widget");
    await plane.killApi();
    await plane.startApi();
    await direct.create(widgets, anItem("two", widgets));
    await expectCaughtUp(reflected, widgets);
    expect(reflected.mirror.deletions).toBe(0);
    await direct.delete(resource.customResourceDefinitions, { name: "widgets.example.test" });
    await waitFor(() => reflected.reflector.list().length === 0 || unmet("still there"), 30_000, "the store to empty");
    expect(reflected.mirror.faults).toEqual([]);
  });

  it("renews its watch in time, keeps only what the transform leaves, and finds by index", async () => {
    let watches = 0;
    const options = {
      rotationSeconds: 1,
      transform: (item: Item): Item => ({ metadata: { ...item.metadata, labels: {} }, data: item.data ?? {} }),
      indexes: { byParity: (item: Item) => (item.data?.["i"] ? [String(Number(item.data["i"]) % 2)] : []) },
    };
    // Without failures, chance is asked for once per watch: how long it may last.
    const reflected = reflect(options, () => (watches++, 0));
    await reflected.reflector.whenSynced();
    const writer = new Writer("rotate");
    await waitFor(() => watches >= 5 || unmet(`${watches} watches`), 60_000, "five watches");
    await writer.stop();
    await expectCaughtUp(reflected);
    expect(reflected.errors).toEqual([]);
    const { reflector } = reflected;
    const indexed = [...reflector.byIndex("byParity", "0"), ...reflector.byIndex("byParity", "1")];
    expect(indexed.length).toBe(reflector.list().filter((item) => item.data?.["i"]).length);
    expect(reflector.list().every((item) => Object.keys(item.metadata.labels ?? {}).length === 0)).toBe(true);
  });

  it("tells nothing more once it has stopped", async () => {
    const { reflector, mirror } = reflect();
    await reflector.whenSynced();
    await reflector.stop();
    const told = mirror.versions.length;
    await direct.create(resource.configMaps, anItem("after-the-end") as Item);
    const second = reflect();
    await expectCaughtUp(second);
    expect(mirror.versions.length).toBe(told);
  });
});

function installWidgets(): Promise<unknown> {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return direct.create(resource.customResourceDefinitions, {
    metadata: { name: "widgets.example.test" },
    spec: {
      group: widgets.group,
      scope: "Namespaced",
      names: { plural: widgets.plural, kind: widgets.kind },
      versions: [{ name: widgets.version, served: true, storage: true, schema }],
    },
  });
}

/** The real pages, two objects each, with a compaction and an API server that has forgotten all after the first one. */
function pagesOvertaken(cluster: Cluster, asked: (number | undefined)[]): Cluster["pages"] {
  return async function* <T>(r: Resource, q: { limit?: number } = {}) {
    const limit = q.limit ?? 2;
    asked.push(limit);
    for await (const page of cluster.pages<T>(r, { ...q, limit })) {
      yield page;
      if (asked.length > 1) continue;
      await direct.create(resource.configMaps, anItem("overtaking") as Item);
      await plane.killApi();
      await plane.compact();
      await plane.startApi();
    }
  };
}
