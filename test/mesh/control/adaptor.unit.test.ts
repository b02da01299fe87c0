// What the stand-in of Linkerd-SMI's adaptor writes, and when.
import { expect, it } from "vitest";
import { adaptorName, overdue, type AdaptorView } from "./adaptor.ts";
import type { ServiceProfile, TrafficSplit } from "../policy/objects.ts";

const name = "podinfo.test.svc.cluster.local";
const labels = { "app.kubernetes.io/managed-by": adaptorName };
const split: TrafficSplit = {
  metadata: { name: "podinfo", namespace: "test" },
  spec: {
    service: "podinfo.test.svc",
    backends: [
      { service: "podinfo-primary", weight: "900m" },
      { service: "podinfo-canary", weight: 100 },
    ],
  },
};
const overrides = [
  { authority: "podinfo-primary.test.svc.cluster.local", weight: "900m" },
  { authority: "podinfo-canary.test.svc.cluster.local", weight: "100" },
];

function view(splits: TrafficSplit[], profiles: ServiceProfile[], delay?: string): AdaptorView {
  const annotations: Record<string, string> = delay ? { "stand-in-mesh/adaptor-delay": delay } : {};
  return {
    splits,
    profiles,
    profileFor: () => profiles[0],
    namespace: () => ({ metadata: { name: "test", namespace: "", annotations } }),
  };
}

const profile = (spec: ServiceProfile["spec"], made: Record<string, string> = labels): ServiceProfile => ({
  metadata: { name, namespace: "test", labels: made },
  ...(spec ? { spec } : {}),
});

it("a TrafficSplit wants a ServiceProfile with its weights, at once unless its namespace says otherwise", () => {
  expect(overdue(view([split], []))).toMatchObject([{ namespace: "test", name, overrides, delayMs: 0 }]);
  expect(overdue(view([split], [], "20s"))).toMatchObject([{ overrides, delayMs: 20_000 }]);
  expect(overdue(view([split], [], "never"))).toEqual([]);
});

it("nothing is written where the profile says it already, whatever the weights' spelling", () => {
  const [first, second] = overrides;
  const written = [first!, { ...second!, weight: 100 }];
  expect(overdue(view([split], [profile({ dstOverrides: written })]))).toEqual([]);
});

it("a deleted TrafficSplit leaves a husk, and nobody else's ServiceProfile is touched", () => {
  expect(overdue(view([], [profile({ dstOverrides: overrides })]))).toMatchObject([{ name, overrides: [] }]);
  expect(overdue(view([], [profile({})]))).toEqual([]);
  expect(overdue(view([], [profile({ dstOverrides: overrides }, {})]))).toEqual([]);
});
