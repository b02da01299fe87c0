import { describe, expect, it } from "vitest";
import { scope } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";
import { aTerminal } from "../../test/plugin/fixtures/terminal.ts";
import { RecordingCluster } from "../../test/recording-cluster.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Stored } from "../../shared/kube/store.ts";
import { resource } from "../../shared/kube/resources.ts";
import { listCanaries } from "../commands/list.ts";
import { findCanary } from "./find-canary.ts";
import { readableCanaries } from "./readable-canaries.ts";

const { canary } = states["progressing"]!;
const odd = (name: string, spec?: object): Stored =>
  ({
    apiVersion: canary.apiVersion,
    kind: "Canary",
    metadata: { name, namespace: "test" },
    ...(spec ? { spec } : {}),
  }) as Stored;
const objects = [canary as Stored, odd("without"), odd("empty", {}), odd("half", { targetRef: { name: "x" } })];
const cluster = readableCanaries(new RecordingCluster(objects.map((object) => ({ of: resource.canaries, object }))));
const deps = { ...aTerminal({}), cluster, signal: new AbortController().signal };

describe("Canaries without a spec, which another definition lets through", () => {
  it("do not keep the others from being listed", async () => {
    expect(await listCanaries({ output: "name", allNamespaces: true }, deps, scope)).toBe(0);
    expect(deps.out().split("\n").filter(Boolean)).toHaveLength(4);
  });

  it("do not keep the others from being found by their Deployments", async () => {
    expect((await findCanary(`deploy/${canary.spec.targetRef.name}`, deps, scope)).metadata).toEqual(canary.metadata);
  });

  it("are the only ones that are read otherwise than they are stored", async () => {
    const { items } = await cluster.list<Canary>(resource.canaries);
    expect(items[0]).toEqual(canary);
    expect(items.map(({ spec }) => typeof spec.targetRef.kind)).toEqual(Array(4).fill("string"));
  });
});
