import { describe, expect, it } from "vitest";
import { aTrack, someMetrics, start } from "../../../test/builders.ts";
import { grownReplicas } from "./load-growth.ts";

const baseline = { requests: 10_000, seconds: 10, replicas: 10 };
const metrics = (requests: number): ReturnType<typeof someMetrics> =>
  someMetrics(start, { primary: aTrack({ requests: requests / 2 }), canary: aTrack({ requests: requests / 2 }) });
const autoscaler = (
  load: number | undefined,
  maxReplicas = 50,
): { name: string; maxReplicas: number; load?: number } => ({
  name: "HorizontalPodAutoscaler podinfo",
  maxReplicas,
  ...(load === undefined ? {} : { load }),
});

const rounded = (...from: Parameters<typeof grownReplicas>): number => Math.ceil(grownReplicas(...from));

describe("what all traffic needs by its load", () => {
  it.each([
    [
      "is twice as much where stable's half does the work of the whole and requests are twice as many",
      [50, 20_000, 10, 20],
    ],
    ["is no more than the growth of requests, whatever else pods do", [90, 12_000, 10, 12]],
    ["is no more than the work of stable's pods, whatever comes", [50, 40_000, 6, 12]],
    ["goes by what stable got, where the weight has just been raised from that", [90, 20_000, 5, 10]],
    ["is what it was where nothing has grown", [50, 10_000, 5, 10]],
    ["is not known by stable when it gets none of the traffic", [100, 20_000, 10, 0]],
    ["is not known without an autoscaler that measures", [50, 20_000, undefined, 0]],
  ] as [string, [number, number, number | undefined, number]][])("%s", (_, [weight, requests, load, replicas]) => {
    expect(rounded(baseline, weight, { metrics: metrics(requests), autoscaler: autoscaler(load) })).toBe(replicas);
  });

  it("is at most what the autoscaler may give", () => {
    expect(grownReplicas(baseline, 50, { metrics: metrics(40_000), autoscaler: autoscaler(20, 15) })).toBe(15);
  });

  it("has not grown by a few requests more, which chance brings", () => {
    const few = { requests: 9, seconds: 10, replicas: 10 };
    expect(grownReplicas(few, 50, { metrics: metrics(16), autoscaler: autoscaler(10) })).toBeLessThanOrEqual(10);
  });

  it("is not known while nothing is counted", () => {
    const seen = { autoscaler: autoscaler(10) };
    expect(grownReplicas(baseline, 50, seen)).toBe(0);
    expect(grownReplicas(undefined, 50, { ...seen, metrics: metrics(20_000) })).toBe(0);
  });
});
