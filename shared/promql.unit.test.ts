import { describe, expect, it } from "vitest";
import { scopeFinding, type TrackNames } from "./core/queries/query-scope.ts";
import { createQueryReader, longestQuery, parseQuery } from "./promql.ts";

const podinfo: TrackNames = { deployment: "podinfo", service: "podinfo" };

function findingOf(query: string, tracks = podinfo): ReturnType<typeof scopeFinding> {
  const parsed = parseQuery(query);
  if (!parsed.ok) throw new Error(parsed.why);
  return scopeFinding(parsed.value, tracks);
}

const codeOf = (query: string, tracks = podinfo): string => findingOf(query, tracks)?.code ?? "sound";

describe("a query that names the workload in Flagger's way", () => {
  it.each([
    // Flagger's Linkerd tutorial, "404s percentage".
    `100 - sum(rate(response_total{namespace="test",deployment="podinfo",status_code!="404",direction="inbound"}[1m]))
      / sum(rate(response_total{namespace="test",deployment="podinfo",direction="inbound"}[1m])) * 100`,
    'sum(rate(http_requests_total{namespace="test",pod=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[1m]))',
    'rate(x{app="podinfo"}[1m])',
    "rate(x{pod=~`podinfo-[a-z0-9]{8,10}-[a-z0-9]{5}`}[1m])",
    'rate(x{service="podinfo"}[1m])',
    'rate(x{deployment!~".*-canary",deployment=~"podinfo.*"}[1m])',
    'rate(x{namespace="test",deployment!="podinfo-canary"}[1m])',
    'rate(x{namespace="test",pod!~"podinfo-canary-.*"}[1m])',
    'rate(x{"k8s.deployment.name"="podinfo"}[1m])',
    'rate(x{k8s_pod_name=~"podinfo-[a-z0-9]+-[a-z0-9]+"}[1m])',
    'max_over_time(job:errors:rate5m{exported_service="podinfo"}[5m:] offset 1m @ end())',
  ])("selects stable: %s", (query) => {
    expect(codeOf(query)).toBe("selects-stable");
  });

  it.each([
    'rate(x{deployment="podinfo-canary"}[1m])',
    'rate(x{pod=~"podinfo-canary-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[1m])',
    'rate(x{dst_deployment="podinfo-canary"}[1m])',
    'sum(rate(x{deployment="podinfo-canary"}[1m])) / sum(rate(x{deployment="podinfo"}[1m]))',
    "vector(1)",
    "up",
  ])("is sound where it selects the canary, or compares with it: %s", (query) => {
    expect(codeOf(query)).toBe("sound");
  });

  it.each([
    ['rate(x{deployment="podinfo-canary-canary"}[1m])', "selects-nothing"],
    ['rate(x{deployment="podinfo-primary"}[1m])', "selects-nothing"],
    ['rate(x{pod=~"podinfo.*"}[1m])', "selects-both"],
    ['rate(x{namespace="test"}[1m])', "selects-both"],
    ['rate(x{namespace="test",pod!=""}[1m])', "selects-both"],
    ['rate(x{namespace="test",deployment!="podinfo"}[1m])', "selects-both"],
    ['rate(x{deployment="podinfo-canary"}[1m]) / rate(x{deployment=~"podinfo.*"}[1m])', "selects-both"],
    ['rate(errors{deployment="podinfo"}[1m]) / rate(requests{pod=~"podinfo-.*"}[1m])', "selects-stable"],
    ['sum(lag{service="kafka-exporter",topic="orders"})', "selects-others"],
    ['sum(lag{name="orders"}) / sum(rate(done{app="worker"}[1m]))', "selects-others"],
    ['sum(lag{name="orders"}) / sum(rate(done{namespace="test"}[1m]))', "selects-both"],
    ['sum(lag{name="orders"}) / sum(rate(done{deployment="podinfo"}[1m]))', "selects-stable"],
    ['rate(x{app="web-canary"}[1m])', "selects-others"],
    ['rate(x{app="team-a",deployment="podinfo-canary"}[1m])', "sound"],
  ])("%s: %s", (query, code) => {
    expect(codeOf(query)).toBe(code);
  });

  it("knows the pod label that tells the tracks apart", () => {
    const tracks = { ...podinfo, podLabel: { name: "app.kubernetes.io/name", value: "shop" } };
    expect(codeOf('x{app_kubernetes_io_name="shop"}', tracks)).toBe("selects-stable");
    expect(codeOf('x{app_kubernetes_io_name="shop-canary"}', tracks)).toBe("sound");
    expect(codeOf('kube_pod_labels{label_app_kubernetes_io_name="shop"}', tracks)).toBe("selects-stable");
    expect(codeOf('x{app="team-a",deployment="podinfo-canary"}', tracks)).toBe("sound");
  });

  it("refuses none that is about something else, and says so", () => {
    expect(findingOf('sum(lag{service="kafka-exporter",topic="orders"})')).toEqual({
      code: "selects-others",
      level: "warning",
      what: 'selects by service="kafka-exporter" neither stable (podinfo) nor the canary (podinfo-canary): it measures both versions at once, or another workload',
      cure: 'where the canary is meant, write service="{{ service }}-canary"',
    });
  });

  it("says what to write instead", () => {
    expect(findingOf('rate(x{pod=~"podinfo-[a-z0-9]+-[a-z0-9]+"}[1m])')).toEqual({
      code: "selects-stable",
      level: "refused",
      what: 'selects stable (pod=~"podinfo-[a-z0-9]+-[a-z0-9]+") and not the canary, which is podinfo-canary: it would pass every bad version',
      cure: 'write pod=~"{{ target }}-.+"',
    });
  });
});

describe("what is not PromQL", () => {
  it.each([
    ['sum(rate(x{a="b"}[1m])', "it is not PromQL at character 23"],
    ['x{a=~"("}', "the regular expression of label a is not one that Prometheus understands"],
    ["x".repeat(longestQuery + 1), `it has ${longestQuery + 1} characters; at most ${longestQuery} are read`],
  ])("is refused with its position: %s", (query, why) => {
    expect(parseQuery(query)).toEqual({ ok: false, why });
  });

  it("takes a tenant's regular expression in linear time", () => {
    const parsed = parseQuery('x{pod=~"(a+)+$"}');
    expect(parsed.ok && parsed.value[0]?.matchers[0]?.matches("a".repeat(50_000) + "!")).toBe(false);
  });

  it.each([
    `x{pod=~"(${"a?".repeat(100)}){1000}"}`,
    `x{pod=~"((a{9}){9}){9}(.?){100}${"b".repeat(9)}"}`,
    Array.from({ length: 250 }, () => 'x{pod=~"(.?){1000}"}').join(" + "),
  ])("compiles no regular expressions that are too large together: %.40s", (query) => {
    expect(parseQuery(query)).toEqual({ ok: false, why: "its regular expressions are too large to be checked" });
  });
});

describe("what is read of one Canary's queries", () => {
  const why = (read: ReturnType<typeof createQueryReader>, query: string): string =>
    read(query, podinfo)?.what ?? "sound";

  it("is bounded together, for each is read at every look", () => {
    const read = createQueryReader();
    const long = `up or ${Array.from({ length: 1_000 }, () => 'x{a="b"}').join(" or ")}`;
    const isLeftOut = [1, 2, 3].map((n) => why(read, `${long} or y${n}`).includes("too long together"));
    expect(isLeftOut).toEqual([false, false, true]);
    expect(why(read, "vector(1)")).toBe("sound");
    expect(why(createQueryReader(), `${long} or y3`)).not.toContain("too long together");
  });

  it("is the same whether or not it was read before, and costs the same", () => {
    const query = `rate(x{deployment=~"${"a".repeat(9_000)}|podinfo"}[1m])`;
    const said = (): string[] => {
      const read = createQueryReader();
      return [1, 2, 3].map((n) => why(read, `${query} > ${n}`));
    };
    const first = said();
    expect(first.map((what) => what.slice(0, 14))).toEqual(["selects stable", "cannot be read", "cannot be read"]);
    expect(said()).toEqual(first);
  });
});
