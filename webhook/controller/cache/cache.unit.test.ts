import { describe, expect, it } from "vitest";
import type { Reflector } from "../../../shared/kube/reflector.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { Cache } from "./cache.ts";

const object = (resourceVersion: string, uid = "uid-1"): Stored => ({
  metadata: { namespace: "test", name: "podinfo", uid, resourceVersion },
});

/** Over what the watch has brought last. */
function cacheOver(stored: () => Stored | undefined): Cache<Stored> {
  return new Cache<Stored>({ get: stored } as unknown as Reflector<Stored>);
}

describe("a cache", () => {
  it("has what we have just written, until the watch brings something newer", () => {
    let seen: Stored | undefined = object("5");
    const cache = cacheOver(() => seen);
    cache.wrote(object("7"));
    expect(cache.get("test", "podinfo")?.metadata?.resourceVersion).toBe("7");
    seen = object("8");
    cache.saw(object("5"), seen);
    expect(cache.get("test", "podinfo")?.metadata?.resourceVersion).toBe("8");
  });

  it("does not bring back what was deleted before the answer to our write came", () => {
    let seen: Stored | undefined = object("5");
    const cache = cacheOver(() => seen);
    seen = undefined;
    cache.saw(object("6"), undefined);
    cache.wrote(object("7"));
    expect(cache.get("test", "podinfo")).toBeUndefined();
  });

  it("remembers the last deletions, not all there ever were", () => {
    const cache = cacheOver(() => undefined);
    cache.saw(object("6"), undefined);
    for (let n = 0; n < 256; n += 1)
      cache.saw({ metadata: { namespace: "test", name: `other-${n}`, uid: `uid-${n}` } }, undefined);
    cache.wrote(object("7"));
    expect(cache.get("test", "podinfo")).toBeDefined();
  });

  it("has another object of the same name", () => {
    const cache = cacheOver(() => undefined);
    cache.saw(object("6"), undefined);
    cache.wrote(object("9", "uid-2"));
    expect(cache.get("test", "podinfo")?.metadata?.uid).toBe("uid-2");
  });

  it("keeps what we have made in the place of another when the watch brings the other's end", () => {
    const cache = cacheOver(() => undefined);
    cache.wrote(object("9", "uid-2"));
    cache.saw(object("6"), undefined);
    expect(cache.get("test", "podinfo")?.metadata?.uid).toBe("uid-2");
    cache.saw(object("9", "uid-2"), undefined);
    expect(cache.get("test", "podinfo")).toBeUndefined();
  });
});
