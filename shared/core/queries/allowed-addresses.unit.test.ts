import { describe, expect, it } from "vitest";
import { refusalOf } from "./allowed-addresses.ts";

describe("a Service of the tenant's own namespace", () => {
  it.each(["http://prometheus.team-a:9090", "https://p.team-a.svc", "http://p.team-a.svc.cluster.local:1"])(
    "is asked whatever the chart allows: %s",
    (address) => expect(refusalOf(address, [], "team-a")).toBeUndefined(),
  );

  it.each([
    "http://p.team-b.svc",
    "http://a.b.team-a.svc",
    "http://team-a.svc",
    "http://prometheus",
    "http://p.team-a.evil",
  ])("is none, and not asked: %s", (address) =>
    expect(refusalOf(address, [], "team-a")).toContain("beside Services of namespace team-a"),
  );
});

describe("an address that a tenant writes", () => {
  it.each([
    ["http://prometheus.linkerd-viz:9090", ["*"]],
    ["http://prometheus.linkerd-viz:9090", ["prometheus.linkerd-viz"]],
    ["http://prometheus.linkerd-viz:9090/prefix", ["*.linkerd-viz:9090"]],
    ["https://metrics.example.com", ["metrics.example.com:443"]],
    ["http://user:secret@Prometheus.monitoring:9090", ["prometheus.monitoring:9090"]],
    ["http://127.0.0.1:9090", ["127.0.0.1:9090"]],
    ["http://[fd00::1]:9090", ["*"]],
    ["http://prometheus.a.metrics.example", ["prometheus.*.metrics.*"]],
    ["http://aa", ["a*a"]],
  ])("is asked: %s by %j", (address, allowed) => expect(refusalOf(address, allowed)).toBeUndefined());

  it.each([
    ["http://169.254.169.254/latest", ["*"], "may not ask 169.254.169.254:80"],
    ["http://2852039166", ["*"], "may not ask 2852039166:80"],
    ["http://0xa9fea9fe", ["*"], "may not ask 0xa9fea9fe:80"],
    ["http://[::ffff:169.254.169.254]", ["*"], "may not ask [::ffff:169.254.169.254]:80"],
    ["http://169.254.169.254:9090", ["*:9090"], "may not ask 169.254.169.254:9090"],
    ["http://localhost.:8080", ["*"], "may not ask localhost.:8080"],
    ["http://localhost:8080", ["*"], "may not ask localhost:8080"],
    ["http://[::1]:8080", ["*"], "may not ask [::1]:8080"],
    ["http://METADATA.google.internal", ["*"], "may not ask metadata.google.internal:80"],
    ["http://prometheus.linkerd-viz:9091", ["prometheus.linkerd-viz:9090"], "allows prometheus.linkerd-viz:9090"],
    [
      "http://prometheus.linkerd-viz.evil.com",
      ["prometheus.linkerd-viz"],
      "may not ask prometheus.linkerd-viz.evil.com:80",
    ],
    ["http://prometheusXlinkerd-viz", ["prometheus.linkerd-viz"], "may not ask"],
    ["http://prometheus.linkerd-viz@evil.com", ["prometheus.linkerd-viz"], "may not ask evil.com:80"],
    ["http://a", ["a*a"], "may not ask"],
    ["http://metrics.prometheus", ["prometheus*metrics"], "may not ask"],
    ["http://a.b", ["*b*a*"], "may not ask"],
    ["http://anything", [], "allows none"],
    ["ftp://prometheus", ["*"], "is no http or https address"],
    ["prometheus:9090", ["*"], "is no http or https address"],
  ])("is not asked: %s by %j", (address, allowed, why) => expect(refusalOf(address, allowed)).toContain(why));
});
