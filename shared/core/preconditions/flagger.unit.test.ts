import { describe, expect, it } from "vitest";
import { leftByFlagger } from "../../../test/migrate/left.ts";
import { annotation } from "../objects/names.ts";
import { unmetPreconditions } from "./preconditions.ts";

const { canary: withFinalizer, primary } = leftByFlagger();
const { finalizers = [], ...metadata } = withFinalizer.metadata;
const canary = { ...withFinalizer, metadata };
const names = { namespace: "test", targetName: "podinfo", apexName: "podinfo" };

describe("what Flagger leaves", () => {
  it("is to be migrated where it is this Canary's", () => {
    const [found] = unmetPreconditions({ ...names, canary, primary });
    expect(found).toMatchObject({
      code: "flagger-primary",
      level: "obstacle",
      what: "Deployment podinfo-primary is there, as Flagger leaves it: it may be what serves your users. Nothing is touched. Migrate this Canary: traffic comes back to podinfo, and podinfo-primary goes.",
      cure: { run: "kubectl canary migrate podinfo -n test" },
    });
  });

  it("is its user's to take away where it is nobody's", () => {
    const [found] = unmetPreconditions({ ...names, canary, primary: { metadata: { name: "podinfo-primary" } } });
    expect(found?.cure.run).toBe("kubectl -n test delete deploy podinfo-primary");
  });

  it("is a finalizer that nobody takes off, unless Flagger is at work", () => {
    expect(finalizers).toEqual(["finalizer.flagger.app"]);
    expect(unmetPreconditions({ ...names, canary: withFinalizer })).toMatchObject([
      {
        code: "flagger-finalizer",
        level: "warning",
        what: "Canary podinfo has Flagger's finalizer: where no Flagger is at work to take it off, the Canary cannot be deleted.",
        cure: { run: "kubectl canary migrate podinfo -n test" },
      },
    ]);
    const flaggers = [{ metadata: { name: "flagger", namespace: "mesh" } }];
    const codes = unmetPreconditions({ ...names, canary: withFinalizer, flaggers }).map(({ code }) => code);
    expect(codes).toEqual(["other-controller"]);
  });

  it("that is at work beside us is a warning, and keeps no run from starting", () => {
    const flaggers = [{ metadata: { name: "flagger", namespace: "mesh" } }];
    const found = unmetPreconditions({ ...names, canary, flaggers });
    expect(found.map(({ code, level }) => [code, level])).toEqual([["other-controller", "warning"]]);
  });

  it("is a warning where a person has left the Canary to it", () => {
    const left = { ...canary, metadata: { ...canary.metadata, annotations: { [annotation.leftTo]: "flagger" } } };
    expect(unmetPreconditions({ ...names, canary: left })).toMatchObject([
      { code: "left-to-flagger", level: "warning", cure: { run: "kubectl canary migrate podinfo -n test" } },
    ]);
  });
});
