import { describe, expect, it } from "vitest";
import {
  anObservation,
  aPolicy,
  aRunningState,
  aRunObservation,
  aState,
  aTarget,
  endpoints,
  start,
} from "../../test/builders.ts";
import { decide } from "./decide.ts";
import type { Observation } from "./observation.ts";

const nobody = { endpoints: { primary: endpoints(), canary: endpoints() } };
const at = (ms: number, over: Partial<Observation> = {}): Observation =>
  anObservation({ ...nobody, now: start + ms, ...over });

describe("a leaf of stable's without endpoints beside ready pods", () => {
  const first = decide(aState(), at(0), aPolicy());

  it("is remembered, looked at again, and not said at once", () => {
    expect(first.state).toMatchObject({ leafEmptySince: start });
    expect(first.state.blocked).toBeUndefined();
    expect(first.events).toEqual([]);
    expect(decide(first.state, at(10_000), aPolicy()).requeueAfterMs).toBeLessThanOrEqual(20_000);
  });

  it("is in the status and in one Event after half a minute, and keeps a canary from starting", () => {
    const { state: next, events } = decide(first.state, at(30_000), aPolicy());
    expect(next.blocked).toEqual({
      kind: "obstacle",
      code: "leaf-empty",
      what: "Service podinfo-primary reaches none of the 4 ready pods of Deployment podinfo: stable's share of users' requests fails. Compare its selector and ports with the pods: kubectl -n test describe svc podinfo-primary.",
    });
    expect(next.reason).toMatch(/No canary can start: Service podinfo-primary reaches none/);
    expect(events).toEqual([{ type: "Warning", message: next.blocked?.what }]);
    expect(decide(next, at(31_000), aPolicy()).events).toEqual([]);
  });

  it("is said in a run as well", () => {
    const running = {
      ...aRunningState(50, { stage: "analysing", checkAt: start + 60_000 }),
      leafEmptySince: start - 40_000,
    };
    const seen = aRunObservation(50, 2);
    const lost = { ...seen, endpoints: { ...seen.endpoints, primary: endpoints() } };
    expect(decide(running, lost, aPolicy()).state.blocked?.code).toBe("leaf-empty");
  });

  it.each<[string, Partial<Observation>]>([
    ["it is reached again", { endpoints: { primary: endpoints({ "pod1.7.0": 1 }), canary: endpoints() } }],
    ["the target has no ready pod either", { target: aTarget({ readyPods: 0 }) }],
    [
      "the Service is gone and being made anew",
      { endpoints: { primary: { ...endpoints(), isGone: true }, canary: endpoints() } },
    ],
  ])("is forgotten once %s", (_, over) => {
    const { state: next } = decide(first.state, at(60_000, over), aPolicy());
    expect(next.leafEmptySince).toBeUndefined();
    expect(next.blocked).toBeUndefined();
  });
});
