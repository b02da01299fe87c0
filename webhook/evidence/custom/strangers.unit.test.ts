import { expect, it } from "vitest";
import { largestAnswer } from "./strangers.ts";

const settings = {
  metricsServer: "http://prometheus.linkerd-viz:9090",
  allowedAddresses: ["thanos.monitoring:9090", "*.metrics"],
};

it.each([
  ["the controller's own server", "http://prometheus.linkerd-viz:9090/", 10_000_000],
  ["one that the chart lists by itself", "http://thanos.monitoring:9090", 10_000_000],
  ["one that a pattern of the chart's lets through", "http://any.metrics", 1_000_000],
  ["a Service of a tenant's namespace", "http://prometheus.team-a.svc:9090", 1_000_000],
])("of %s so much is read at once: what is read holds up everybody", (_, address, bytes) => {
  expect(largestAnswer(address, settings)).toBe(bytes);
});
