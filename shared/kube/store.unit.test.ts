import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Store, keyOf } from "./store.ts";

interface Thing {
  metadata: { namespace?: string; name: string; uid: string; resourceVersion: string };
  app?: string;
}

const aThing = (name: string, resourceVersion: string, more: { uid?: string; app?: string } = {}): Thing => ({
  metadata: { namespace: "shop", name, uid: more.uid ?? `uid-${name}`, resourceVersion },
  ...(more.app === undefined ? {} : { app: more.app }),
});

function aStore(): { store: Store<Thing>; told: string[] } {
  const told: string[] = [];
  const show = (thing: Thing | undefined): string => (thing ? thing.metadata.resourceVersion : "-");
  const store = new Store<Thing>(
    (old, now) => told.push(`${(now ?? old)?.metadata.name}: ${show(old)} > ${show(now)}`),
    { byApp: (thing) => (thing.app === undefined ? [] : [thing.app]) },
  );
  return { store, told };
}

describe("an object of a shape that an index does not expect", () => {
  const broken = { ...aThing("broken", "9"), app: undefined as unknown as string };
  const told: string[] = [];
  const store = new Store<Thing>(
    () => undefined,
    { byApp: ({ app }) => [app!.toUpperCase()] },
    ({ metadata }) => told.push(metadata?.name ?? ""),
  );

  it("is left out and named, and keeps nothing else out", () => {
    store.replaceAll([aThing("a", "1", { app: "x" }), broken, aThing("b", "1", { app: "x" })]);
    expect(store.byIndex("byApp", "X").map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    expect(store.get("shop", "broken")).toBeUndefined();
    expect(told).toEqual(["broken"]);
  });

  it("takes the place of what it was before", () => {
    store.put({ ...broken, metadata: aThing("a", "2").metadata });
    expect(store.byIndex("byApp", "X").map(({ metadata }) => metadata.name)).toEqual(["b"]);
  });
});

describe("a store", () => {
  it("tells what was added, changed and deleted, and nothing for the same version", () => {
    const { store, told } = aStore();
    store.put(aThing("a", "1"));
    store.put(aThing("a", "1"));
    store.put(aThing("a", "2"));
    store.remove(aThing("a", "3"));
    store.remove(aThing("a", "3"));
    expect(told).toEqual(["a: - > 1", "a: 1 > 2", "a: 2 > -"]);
  });

  it("tells of an object made anew under the same name as of two objects", () => {
    const { store, told } = aStore();
    store.put(aThing("a", "1", { uid: "first" }));
    store.put(aThing("a", "5", { uid: "second" }));
    expect(told).toEqual(["a: - > 1", "a: 1 > -", "a: - > 5"]);
  });

  it("tells only the differences when all is replaced, deletions first", () => {
    const { store, told } = aStore();
    store.replaceAll([aThing("same", "1"), aThing("old", "2"), aThing("gone", "3")]);
    told.length = 0;
    store.replaceAll([aThing("new", "9"), aThing("same", "1"), aThing("old", "8")]);
    expect(told).toEqual(["gone: 3 > -", "new: - > 9", "old: 2 > 8"]);
  });

  it("holds a change before it tells of it", () => {
    const seen: (string | undefined)[] = [];
    const store: Store<Thing> = new Store<Thing>(() => seen.push(store.get("shop", "a")?.metadata.resourceVersion));
    store.put(aThing("a", "1"));
    store.remove(aThing("a", "1"));
    expect(seen).toEqual(["1", undefined]);
  });

  it("finds by index what is there now, under its present value only", () => {
    const { store } = aStore();
    store.put(aThing("a", "1", { app: "web" }));
    store.put(aThing("b", "2", { app: "web" }));
    store.put(aThing("c", "3"));
    store.put(aThing("a", "4", { app: "api" }));
    store.remove(aThing("b", "5"));
    expect(store.byIndex("byApp", "web")).toEqual([]);
    expect(store.byIndex("byApp", "api").map(keyOf)).toEqual(["shop/a"]);
    expect(() => store.byIndex("byName", "a")).toThrow('The store has no index "byName".');
  });

  it("keeps cluster-scoped objects under their bare name", () => {
    const { store } = aStore();
    const node = { metadata: { name: "node", uid: "u", resourceVersion: "1" } };
    store.put(node);
    expect([keyOf(node), store.get(undefined, "node")]).toEqual(["node", node]);
  });

  it("holds the last list, and what it told adds up to that, whatever came before", () => {
    const things = fc.uniqueArray(
      fc.record({ name: fc.constantFrom("a", "b", "c", "d"), version: fc.nat(5), uid: fc.constantFrom("x", "y") }),
      { selector: (thing) => thing.name },
    );
    fc.assert(
      fc.property(fc.array(things), (lists) => {
        const mirror = new Map<string, string>();
        const store = new Store<Thing>((old, now) => {
          expect(mirror.get((old ?? now)!.metadata.name)).toBe(old?.metadata.resourceVersion);
          if (now === undefined) mirror.delete(old!.metadata.name);
          else mirror.set(now.metadata.name, now.metadata.resourceVersion);
        });
        for (const list of lists) {
          // As in a real cluster, a version belongs to one object only.
          const objects = list.map(({ name, version, uid }) => aThing(name, `${uid}${version}`, { uid }));
          store.replaceAll(objects);
          const wanted = objects.map((o) => [o.metadata.name, o.metadata.resourceVersion]).sort();
          expect([...mirror].sort()).toEqual(wanted);
          expect(
            store
              .list()
              .map((o) => [o.metadata.name, o.metadata.resourceVersion])
              .sort(),
          ).toEqual(wanted);
        }
      }),
    );
  });
});
