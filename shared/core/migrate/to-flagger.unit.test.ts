import { describe, expect, it } from "vitest";
import { leftByFlagger } from "../../../test/migrate/left.ts";
import { label } from "../objects/names.ts";
import { afterWait, afterWrite } from "./rehearsal.ts";
import type { MigrationSeen, MigrationStep } from "./seen.ts";
import { nextToCanary } from "./to-canary.ts";
import { nextToFlagger } from "./to-flagger.ts";

function through(seen: MigrationSeen, next: (seen: MigrationSeen) => MigrationStep): MigrationSeen[] {
  const step = next(seen);
  if (step.kind === "write") return [seen, ...through(afterWrite(seen, step.write), next)];
  return step.kind === "wait" ? [seen, ...through(afterWait(seen, step.code), next)] : [seen];
}

/** A Canary of ours, as a migration and our controller leave it. */
function ours(): MigrationSeen {
  const seen = through(leftByFlagger(), nextToCanary).at(-1)!;
  const target = structuredClone(seen.target)!;
  target.metadata!.labels = { ...target.metadata!.labels, [label.target]: "target-uid", [label.stable]: "6d4f" };
  return {
    ...seen,
    target,
    canary: { ...seen.canary, status: { phase: "Initialized", canaryWeight: 0, observedGeneration: 1 } },
  };
}

describe("the way back to Flagger", () => {
  it("leaves a plain target, a plain apex and a Canary without a status, wherever it was stopped", () => {
    const all = through(ours(), nextToFlagger);
    const end = all.at(-1)!;
    expect(all).toHaveLength(4);
    expect(end.canary.status).toEqual({});
    expect(end.target?.metadata?.labels).toEqual({ app: "podinfo" });
    expect(end.services.map(({ metadata }) => metadata?.name)).toEqual(["podinfo"]);
    expect(end.routes).toEqual([]);
    for (const seen of all) expect(through(seen, nextToFlagger).at(-1)).toEqual(end);
  });

  it("touches nothing that Flagger has made since", () => {
    const end = through(ours(), nextToFlagger).at(-1)!;
    const { primary } = leftByFlagger();
    const status = { phase: "Initialized" as const, canaryWeight: 0 };
    expect(nextToFlagger({ ...end, primary, canary: { ...end.canary, status } })).toEqual({ kind: "done" });
    expect(nextToFlagger({ ...end, canary: { ...end.canary, status } })).toEqual({ kind: "done" });
  });

  it("is followed by the way to us again", () => {
    const end = through(ours(), nextToFlagger).at(-1)!;
    const again = through(end, nextToCanary).at(-1)!;
    expect(again.canary.metadata.annotations).toEqual({});
  });

  it("is refused beside a Deployment of somebody's that Flagger would take for its primary", () => {
    const primary = structuredClone(leftByFlagger().primary)!;
    delete primary.metadata!.ownerReferences;
    expect(nextToFlagger({ ...ours(), primary })).toMatchObject({ kind: "refuse", code: "not-flaggers" });
  });

  it("is refused during a run, and while a version is held", () => {
    const seen = ours();
    const run = { id: "a-1", intent: "v1-a", images: {}, stage: "analysing" } as unknown as NonNullable<
      NonNullable<MigrationSeen["canary"]["status"]>["run"]
    >;
    const running = { ...seen.canary, status: { phase: "Progressing" as const, canaryWeight: 20, run } };
    expect(nextToFlagger({ ...seen, canary: running })).toMatchObject({ kind: "refuse", code: "run-under-way" });
    const target = structuredClone(seen.target)!;
    target.metadata!.labels![label.held] = "running";
    expect(nextToFlagger({ ...seen, target })).toMatchObject({ kind: "refuse", code: "held" });
    expect(nextToFlagger({ ...seen, target: null })).toMatchObject({ kind: "refuse", code: "target-missing" });
  });
});
