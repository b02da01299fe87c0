import { describe, expect, it } from "vitest";
import { now, scope, seenWith } from "../../test/plugin/fixtures/seen.ts";
import { progressing } from "../../test/plugin/fixtures/runs.ts";
import { viewCanary } from "../view/canary-view.ts";
import { renderCanary } from "./canary.ts";

const plain = { colour: false, unicode: true, width: Infinity };
const shown = (seen: Parameters<typeof viewCanary>[0]): string =>
  renderCanary(viewCanary(seen, scope, now), { style: plain, now, wide: false });

describe("what all traffic needs", () => {
  it("is said while autoscalers are kept from taking it", () => {
    const message =
      "All traffic needs 8 replicas: HorizontalPodAutoscaler podinfo may give Deployment podinfo more, and no fewer while the run is under way.";
    const floor = { replicas: 8, autoscaler: "HorizontalPodAutoscaler podinfo", message };
    expect(shown(seenWith({ ...progressing, floor }))).toMatch(new RegExp(`^Capacity: +${message}$`, "m"));
    expect(shown(seenWith(progressing))).not.toContain("Capacity:");
  });
});

describe("a target without a ready pod", () => {
  it("is not said to serve every request, whatever it runs", () => {
    const seen = seenWith({ phase: "Initialized", canaryWeight: 0 });
    const target = { ...seen.target!, status: { replicas: 4, readyReplicas: 0 } };
    const unvetted = {
      hash: "v1-1",
      images: { app: "podinfo:9" },
      by: "eve",
      how: "break-glass",
      at: "2026-11-23T09:00:00Z",
    };
    const { verdict } = viewCanary(
      { ...seenWith({ phase: "Initialized", canaryWeight: 0, unvetted }), target },
      scope,
      now,
    );
    expect(verdict.text).toContain(
      "went live without a canary; the target has no ready pod: nobody serves its requests",
    );
    expect(shown({ ...seen, target })).not.toContain("serves every request");
  });
});
