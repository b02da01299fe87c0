import { describe, expect, it } from "vitest";
import { viewCanary } from "./canary-view.ts";
import { aRun, now, scope, seenWith } from "../../test/plugin/fixtures/seen.ts";

describe("the images of a version", () => {
  it("are those of its init containers too, on both sides", () => {
    const seen = seenWith({ run: aRun });
    for (const deployment of [seen.target, seen.workload])
      deployment!.spec!.template.spec!.initContainers = [{ name: "migrate", image: "podinfo-migrate:1" }];
    delete seen.canary.status!.stable;
    for (const { images } of viewCanary(seen, scope, now).tracks)
      expect(images).toHaveProperty("migrate", "podinfo-migrate:1");
  });
});
