// What the page of one Canary says beyond `status`: its steps, and what a command will do.
import { describe, expect, it } from "vitest";
import { now, scope } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";
import { viewCanary } from "../view/canary-view.ts";
import type { CanaryView, Seen } from "../view/types.ts";
import { offeredActions } from "./consequences.ts";
import { viewSteps } from "./page-view.ts";

function seenIn(state: string): { seen: Seen; view: CanaryView } {
  const seen = states[state];
  if (!seen) throw new Error(state);
  return { seen, view: viewCanary(seen, scope, now) };
}

describe("steps", () => {
  it("are done, present and to come, each with the earliest time it can begin", () => {
    const { seen, view } = seenIn("progressing");
    const steps = viewSteps(seen.canary, view);
    expect(steps.map(({ state }) => state).slice(0, 4)).toEqual(["done", "current", "ahead", "ahead"]);
    const [third, fourth] = [steps[2]!, steps[3]!].map(({ earliestAt }) => Date.parse(earliestAt ?? ""));
    expect(third).toBe(Date.parse(view.run?.checkAt ?? ""));
    expect(fourth! - third!).toBe(10_000);
    expect(Date.parse(view.run!.eta!.earliestAt) - Date.parse(steps.at(-1)!.earliestAt ?? "")).toBe(10_000);
  });

  it("begin after the time that their Canary gives those before them", () => {
    const { seen, view } = seenIn("progressing");
    const { spec } = seen.canary;
    const analysis = { ...spec.analysis, pauses: [{ weight: 40, duration: "30m" }] };
    const canary = { ...seen.canary, spec: { ...spec, analysis } };
    const steps = viewSteps(canary, viewCanary({ ...seen, canary }, scope, now));
    const [third, fourth, fifth] = [2, 3, 4].map((index) => Date.parse(steps[index]?.earliestAt ?? ""));
    expect(third).toBe(Date.parse(view.run?.checkAt ?? ""));
    expect([fourth! - third!, fifth! - fourth!]).toEqual([10_000, 1_800_000]);
  });

  it("have no time while nobody can know", () => {
    const { seen, view } = seenIn("held for client errors");
    expect(viewSteps(seen.canary, view).every(({ earliestAt }) => earliestAt === null)).toBe(true);
  });

  it("are all done while it is being promoted, and all to come between runs", () => {
    const [promoting, steady] = [seenIn("promoting"), seenIn("steady")];
    expect(new Set(viewSteps(promoting.seen.canary, promoting.view).map(({ state }) => state))).toEqual(
      new Set(["done"]),
    );
    expect(new Set(viewSteps(steady.seen.canary, steady.view).map(({ state }) => state))).toEqual(new Set(["ahead"]));
  });
});

describe("the commands of the page", () => {
  const saidIn = (state: string): Record<string, string> =>
    Object.fromEntries(
      offeredActions(seenIn(state).view, scope).map(({ verb, consequences }) => [verb, consequences.join(" ")]),
    );

  it("are those that status advises, with what they will do", () => {
    const said = saidIn("progressing");
    expect(Object.keys(said)).toEqual(["promote", "rollback", "pause"]);
    expect(said["promote"]).toContain("at step 2 of 10: 8 steps are left unjudged");
    expect(said["promote"]).toContain("deployment/podinfo rolls to podinfo:1.7.1 by its own strategy, on 4 pods.");
    expect(said["rollback"]).toContain("the canary's 20%, 19.6 requests a second, go back to it at once");
    expect(said["rollback"]).toContain("podinfo:1.7.1 is rejected: it does not start again by itself.");
    expect(said["pause"]).toContain("The weight stays at 20%");
  });

  it("say that stable takes no more than its pods can carry", () => {
    const { view } = seenIn("progressing");
    const floor = { replicas: 6 };
    const rollback = offeredActions({ ...view, floor }, scope).find(({ verb }) => verb === "rollback");
    expect(rollback?.consequences[0]).toContain("go back to it as its pods can carry them: 4 of 6 are ready.");
  });

  it("say what was rejected before it is tried again", () => {
    const said = saidIn("failed");
    expect(Object.keys(said)).toEqual(["retry"]);
    expect(said["retry"]).toContain("Another run of podinfo:1.7.1 starts from its first step.");
    expect(said["retry"]).toContain("request-success-rate 71.20% is below 99%");
  });

  it("let the pods of a rejected canary go, and reject nothing anew", () => {
    expect(saidIn("keeping a rejected canary for a look")["rollback"]).toBe(
      "The rejected canary's pods, which stay for a look, go now. Stable keeps every request, and none of its pods restarts.",
    );
  });

  it("say what resume lets through", () => {
    expect(saidIn("held for client errors")["resume"]).toContain("the client errors are meant");
  });

  it("go back from a promotion by way of stable's template", () => {
    const said = saidIn("promoting")["rollback"];
    expect(said).toContain("goes back to podinfo:1.7.0 first");
    expect(said).toContain("go back to it when all of its pods run that again.");
  });

  it("are none where no controller would answer, and none between runs", () => {
    expect(saidIn("left by its controller")).toEqual({});
    expect(saidIn("steady")).toEqual({});
  });
});
