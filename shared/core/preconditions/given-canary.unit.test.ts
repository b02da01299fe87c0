/** Preconditions that the Canary's own text decides together with what the cluster serves. */
import type { V1Service } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { aDeployment, aSpec } from "../../../test/builders.ts";
import type { AlertProvider } from "../objects/alerts/alert-provider.ts";
import type { CanarySpec, GatewayRef, MetricSpec } from "../objects/canary.ts";
import { label } from "../objects/names.ts";
import { sealOf } from "../objects/ownership.ts";
import type { MetricTemplate } from "../queries/query-template.ts";
import { createPatternReader, createQueryReader } from "../../promql.ts";
import { routeBySpec } from "../routes/following.ts";
import { httpRoute, type RouteObject } from "../routes/routes.ts";
import { ruleSettingsOf } from "../spec/service-settings.ts";
import { cureText, unmetPreconditions } from "./preconditions.ts";
import type { Finding, SeenObjects } from "./finding.ts";

const own: GatewayRef = { group: "core", kind: "Service", name: "podinfo", namespace: "test", port: 9898 };

function found(spec: Partial<CanarySpec>, over: Partial<SeenObjects> = {}): Finding[] {
  const metadata = { name: "podinfo", namespace: "test" };
  const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata, spec: aSpec(spec) };
  return unmetPreconditions({ canary, namespace: "test", targetName: "podinfo", apexName: "podinfo", ...over });
}

describe("spec.service.gatewayRefs", () => {
  const service = { port: 9898, gatewayRefs: [own] };
  const both = { servedRoutes: ["TrafficSplit", "HTTPRoute"], provider: "auto" };

  it("is said not to be read where the Canary or the chart asks for a TrafficSplit", () => {
    const [unread] = found({ provider: "linkerd", service });
    expect(unread).toMatchObject({ code: "route-fields-unread", level: "warning" });
    expect(unread?.what).toContain(
      "spec.service.gatewayRefs is not carried out: the route is a TrafficSplit (spec.provider is linkerd)",
    );
    expect(cureText(unread?.cure ?? {})).toContain(`patch canary podinfo --type merge -p '{"spec":{"provider"`);
    expect(found({ service }, { ...both, provider: "linkerd" })[0]?.what).toContain("(the chart's provider)");
  });

  it("is read by an HTTPRoute, which auto takes for it, and nothing is said where that is not known", () => {
    expect(found({ service }, both)).toEqual([]);
    expect(found({ provider: "gatewayapi:v1", service })).toEqual([]);
    expect(found({ service })).toEqual([]);
    expect(found({ provider: "linkerd" })).toEqual([]);
  });
});

describe("timeouts in spec.service", () => {
  const service = { port: 9898, timeout: "5s" };
  const context = { canary: "podinfo", namespace: "test", uid: "u", apex: "podinfo", port: 9898 };
  const router = { ...context, gatewayRefs: [], hosts: [], apiVersion: "gateway.networking.k8s.io/v1" };
  const written = routeBySpec(httpRoute, router, { given: {}, rule: ruleSettingsOf(service) });
  const codes = (route: RouteObject): string[] =>
    found({ provider: "gatewayapi:v1", service }, { route }).map(({ code, level }) => `${code} ${level}`);

  it("are missed where the cluster's definition of HTTPRoute has dropped them, with Linkerd's own annotation", () => {
    const [rule] = written.spec["rules"] as object[];
    const { timeouts: _dropped, ...rest } = { timeouts: undefined, ...rule };
    const route = { ...written, spec: { ...written.spec, rules: [rest] } };
    expect(codes(route)).toEqual(["route-timeouts-dropped warning"]);
    const [told] = found({ provider: "gatewayapi:v1", service }, { route });
    expect(told?.what).toBe(
      "HTTPRoute podinfo was written with the timeouts of spec.service and has none: this cluster's definition of HTTPRoute does not know them. Annotate Service podinfo with timeout.linkerd.io/request, or install a newer Gateway API.",
    );
  });

  it("are there, or are not written yet", () => {
    expect(codes(written)).toEqual([]);
    expect(codes(routeBySpec(httpRoute, router, { given: {}, rule: {} }))).toEqual([]);
  });
});

describe("ports in spec.service", () => {
  const containers = [
    {
      name: "podinfod",
      ports: [
        { containerPort: 9898, name: "http" },
        { containerPort: 9797, name: "metrics" },
      ],
    },
    { name: "linkerd-proxy", ports: [{ containerPort: 4143 }] },
  ];
  const target = aDeployment();
  target.spec!.template.spec = { containers };
  const theirs = {
    metadata: { name: "podinfo", namespace: "test" },
    spec: { selector: { app: "podinfo" }, ports: [{ name: "http", port: 80, targetPort: 9898 }] },
  };
  const told = (service: NonNullable<CanarySpec["service"]>, apex: V1Service = theirs): string[] =>
    found({ service }, { target, services: [apex] }).map(({ code, level, what }) => `${code} ${level}: ${what}`);

  it("are said not to be written into a Service of the user's own, where it has others", () => {
    expect(told({ port: 80, portName: "grpc", targetPort: 9797, appProtocol: "grpc", portDiscovery: true })).toEqual([
      "service-fields-unread warning: Service podinfo is your own and keeps its ports, whatever spec.service says: its port 80 has targetPort 9898 and not 9797, name http and not grpc, no appProtocol grpc; it has no port for metrics (9797). Change the Service, or spec.service.",
    ]);
  });

  it("are not spoken of where it has the same ones", () => {
    expect(told({ port: 80, portName: "http", targetPort: "http" })).toEqual([]);
    expect(told({ port: 80, portName: "", appProtocol: "", portDiscovery: false })).toEqual([]);
    const ports = [...theirs.spec.ports, { port: 9797, targetPort: "metrics" }];
    expect(told({ port: 80, portDiscovery: true }, { ...theirs, spec: { ...theirs.spec, ports } })).toEqual([]);
  });

  it("may change where we made the Service, which follows", () => {
    const seal = { [label.canaryUid]: sealOf({ canary: "podinfo", uid: "" }, "podinfo"), [label.canary]: "podinfo" };
    const made = { ...theirs, metadata: { ...theirs.metadata, labels: seal } };
    expect(told({ port: 8080, targetPort: 9898, portDiscovery: true }, made)).toEqual([]);
    expect(told({ port: 8080, targetPort: "none" }, made)).toEqual([expect.stringMatching(/^port-mismatch missing/)]);
    expect(told({ port: 8080 })).toEqual([expect.stringMatching(/^port-mismatch missing/)]);
  });
});

describe("spec.service.hosts", () => {
  const hosted = (...hosts: string[]): Partial<CanarySpec> => ({
    provider: "gatewayapi:v1",
    service: { port: 9898, hosts },
  });
  const routeWith = (hostnames: string[]): NonNullable<SeenObjects["route"]> => ({
    ...{ apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" },
    metadata: { name: "podinfo", namespace: "test", labels: { [label.canary]: "podinfo" } },
    spec: { hostnames, rules: [{ backendRefs: [{ name: "podinfo-primary", port: 9898, weight: 100 }] }] },
  });
  const levels = (spec: Partial<CanarySpec>, over: Partial<SeenObjects> = {}): string[] =>
    found(spec, over).map(({ code, level }) => `${code} ${level}`);

  it("without a name of the Service's would have Linkerd answer its callers 404: no such route is made", () => {
    const [refused, ...others] = found(hosted("shop.example.com"));
    expect(others).toEqual([]);
    expect(refused).toMatchObject({ code: "hosts-astray", level: "obstacle" });
    expect(refused?.what).toBe(
      "spec.service.hosts has no name by which callers know Service podinfo: Linkerd answers 404 to requests for any host but shop.example.com. Add those names (podinfo, podinfo.test, podinfo.test.svc, podinfo.test.svc.cluster.local), or leave hosts out. Nothing is touched while the Canary has it so.",
    );
    expect(levels(hosted("shop.example.com"), { route: routeWith([]) })).toEqual(["hosts-astray obstacle"]);
  });

  it("that the route has already is a warning, for it may be meant so", () => {
    const serving = { route: routeWith(["shop.example.com"]) };
    expect(levels(hosted("shop.example.com"), serving)).toEqual(["hosts-astray warning"]);
    expect(levels(hosted("shop.example.com", "other.test"), serving)).toEqual(["hosts-astray obstacle"]);
  });

  it("is nobody's concern beside the Service's names, with a Gateway, or on a TrafficSplit", () => {
    expect(levels(hosted("shop.example.com", "podinfo.test"))).toEqual([]);
    expect(levels(hosted())).toEqual([]);
    const gateway = { group: "gateway.networking.k8s.io", kind: "Gateway", name: "public" };
    const { service = { port: 9898 } } = hosted("shop.example.com");
    expect(levels({ ...hosted(), service: { ...service, gatewayRefs: [gateway] } })).toEqual([]);
    expect(levels({ ...hosted(), service: { ...service, gatewayRefs: [gateway, own] } })).toEqual([
      "hosts-astray obstacle",
    ]);
    expect(levels({ provider: "linkerd", service })).toEqual(["route-fields-unread warning"]);
  });
});

it("an empty namespace of a reference is the Canary's own", () => {
  const metrics = [{ name: "errors", templateRef: { name: "errors", namespace: "" }, threshold: 1 }];
  const alerts = [{ name: "team", providerRef: { name: "slack", namespace: "" } }];
  const template = { spec: { provider: { type: "prometheus" }, query: "up" } } as MetricTemplate;
  const provider = { spec: { type: "slack", address: "https://hooks.test" } } as AlertProvider;
  const seen: Partial<SeenObjects> = {
    templates: new Map([["test/errors", template]]),
    templateNamespaces: [],
    alertProviders: new Map([["test/slack", provider]]),
    alerts: { providerNamespaces: [], allowedAddresses: [] },
  };
  expect(found({ analysis: { stepWeight: 10, metrics, alerts } }, seen)).toEqual([]);
});

it("a query is read by the label that the target's own pods go by", () => {
  const target = aDeployment({ selector: { matchLabels: { app: "web" } } });
  const codes = (query: string): string[] => {
    const analysis = { stepWeight: 10, metrics: [{ name: "errors", query, threshold: 1 }] };
    const all = found({ analysis }, { target, readQuery: createQueryReader() });
    return all.map(({ code }) => code).filter((code) => code.startsWith("metric-"));
  };
  expect(codes('rate(errors{app="web"}[1m])')).toEqual(["metric-wrong-track"]);
  expect(codes('rate(errors{app="web-canary"}[1m])')).toEqual([]);
});

describe("spec.analysis.match", () => {
  const testing = (regex: string, provider = "gatewayapi:v1"): Partial<CanarySpec> => ({
    provider,
    analysis: { iterations: 3, match: [{ headers: { cookie: { regex } } }, { queryParams: { beta: { exact: "(" } } }] },
  });

  it("with a text that is no regular expression starts no run: Linkerd would ignore the whole route", () => {
    const [refused, ...others] = found(testing("^(?!a).*$"), { isPattern: createPatternReader() });
    expect(others).toEqual([]);
    expect(refused).toMatchObject({ code: "match-unreadable", level: "obstacle" });
    expect(refused?.what).toBe(
      'spec.analysis.match[0] cookie: "^(?!a).*$" is no regular expression that Linkerd\'s proxies know (no look-around, no back reference): Linkerd would ignore the whole route, and nobody would get the canary. Nothing is touched until it is corrected.',
    );
    expect(found(testing("("), { isPattern: createPatternReader() })).toHaveLength(1);
    expect(found(testing("^(.*;)?insider=yes(;.*)?$"), { isPattern: createPatternReader() })).toEqual([]);
    expect(found(testing("("), {})).toEqual([]);
  });
});

describe("a Prometheus that the controller may not ask", () => {
  const own = "http://prometheus.linkerd-viz:9090";
  const metricServers = { own, allowed: ["*.allowed"] };
  const metrics = [{ name: "errors", templateRef: { name: "errors" }, threshold: 1 }];
  const at = (address: string, spec: Partial<CanarySpec> = {}, type = "prometheus"): Finding[] => {
    const template = { spec: { provider: { type, address }, query: "up" } } as MetricTemplate;
    const templates = new Map([["test/errors", template]]);
    return found({ analysis: { stepWeight: 10, metrics }, ...spec }, { templates, metricServers });
  };

  it("of a MetricTemplate keeps runs from starting, with the chart's value", () => {
    expect(at("http://flagger-prometheus.flagger-system:9090")).toMatchObject([
      {
        code: "metric-address-refused",
        level: "missing",
        what: "Metric errors cannot be asked: the controller may not ask flagger-prometheus.flagger-system:9090: its chart's metrics.allowedAddresses allows *.allowed, beside Services of namespace test (NAME.test.svc).",
        cure: { run: "kubectl -n test edit metrictemplate errors" },
      },
    ]);
    expect(at("http://other.mesh", { skipAnalysis: true })).toMatchObject([{ level: "warning" }]);
    expect(at("http://other.mesh", {}, "datadog").map(({ code, what }) => `${code}: ${what}`)).toEqual([
      'metric-unusable: Metric errors cannot be asked: MetricTemplate errors.test has provider "datadog", which cannot be asked here: ask Prometheus for it, or let a webhook of type rollout decide.',
    ]);
  });

  it("of the Canary does too", () => {
    expect(found({ metricsServer: "http://other.mesh" }, { metricServers })).toMatchObject([
      {
        code: "metric-address-refused",
        what: "spec.metricsServer: the controller may not ask other.mesh:80: its chart's metrics.allowedAddresses allows *.allowed, beside Services of namespace test (NAME.test.svc).",
        cure: { run: "kubectl -n test edit canary podinfo" },
      },
    ]);
  });

  it.each([own, `${own}/`, "http://prometheus.test:9090", "https://prometheus.allowed"])("is not %s", (address) => {
    expect(at(address)).toEqual([]);
    expect(found({ metricsServer: address }, { metricServers })).toEqual([]);
    expect(found({ metricsServer: "" }, { metricServers })).toEqual([]);
  });
});

describe("spec.service.match", () => {
  const matching = (...match: Record<string, unknown>[]): Partial<CanarySpec> => ({ service: { port: 9898, match } });
  const told = (spec: Partial<CanarySpec>, over: Partial<SeenObjects> = {}): string[] =>
    found(spec, over).map(({ code, level }) => `${code} ${level}`);
  const some = matching({ uri: { prefix: "/shop" } }, { method: { exact: "GET" }, uri: { prefix: "/" } });

  it("that leaves requests out starts no run on an HTTPRoute, and is said not to be carried out on a TrafficSplit", () => {
    const [refused] = found({ ...some, provider: "gatewayapi:v1" });
    expect(refused).toMatchObject({ code: "route-match-impossible", level: "obstacle" });
    expect(refused?.what).toContain(
      "there is analysis.match; for conditions on all of them write an HTTPRoute podinfo",
    );
    expect(told({ ...some, provider: "linkerd" })).toEqual(["route-match-impossible warning"]);
    expect(told(some)).toEqual(["route-match-impossible warning"]);
  });

  it("keeps no run from starting beside a route of the user's own", () => {
    const leaves = ["podinfo-primary", "podinfo-canary"].map((name) => ({ name, port: 9898, weight: 50 }));
    const route = {
      ...{ apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" },
      metadata: { name: "podinfo", namespace: "test" },
      spec: { rules: [{ backendRefs: leaves }] },
    };
    expect(told({ ...some, provider: "gatewayapi:v1" }, { route })).toContain("route-match-impossible warning");
  });

  it.each([
    ["names every path", { name: "all", uri: { prefix: "/" } }],
    ["has no condition", {}],
  ])("with an entry that %s asks for nothing", (_, entry) => {
    expect(told({ ...matching({ uri: { exact: "/a" } }, entry), provider: "gatewayapi:v1" })).toEqual([]);
    expect(told({ ...matching(), provider: "gatewayapi:v1" })).toEqual([]);
  });
});

describe("spec.skipAnalysis beside a metric that cannot be asked", () => {
  const levels = (metric: Partial<MetricSpec>, skipAnalysis: boolean): string[] => {
    const metrics = [{ name: "errors", thresholdRange: { max: 1 }, ...metric }];
    const spec = { skipAnalysis, analysis: { stepWeight: 10, metrics } };
    return found(spec, { templates: new Map(), readQuery: createQueryReader() }).map(
      ({ code, level }) => `${code} ${level}`,
    );
  };

  it.each<[string, Partial<MetricSpec>]>([
    ["template-missing", { templateRef: { name: "gone" } }],
    ["metric-unusable", { query: "up{x={{ ingress }}}" }],
    ["metric-wrong-track", { query: 'rate(errors{deployment="podinfo"}[1m])' }],
  ])("lets a version go out: %s is a warning", (code, metric) => {
    expect(levels(metric, false)).toEqual([`${code} missing`]);
    expect(levels(metric, true)).toEqual([`${code} warning`]);
  });
});

describe("spec.analysis.requests: none", () => {
  const worker: Partial<CanarySpec> = { analysis: { stepWeight: 50, requests: "none" } };
  const codes = (spec: Partial<CanarySpec>, over: Partial<SeenObjects>): string[] =>
    found(spec, over).map(({ code }) => code);

  it("asks neither for a Service nor for a route where the Canary has no spec.service", () => {
    const { service: _none, ...spec } = aSpec(worker);
    const metadata = { name: "podinfo", namespace: "test" };
    const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata, spec };
    const leaf = { metadata: { name: "podinfo-primary", namespace: "test" }, spec: { ports: [] } };
    const seen = { canary, namespace: "test", targetName: "podinfo", apexName: "podinfo" };
    const bare = { services: [leaf], servedRoutes: [], provider: "auto", target: aDeployment() };
    expect(unmetPreconditions({ ...seen, ...bare })).toEqual([]);
    const kubernetes = { ...canary, spec: { ...spec, provider: "kubernetes" } };
    expect(unmetPreconditions({ ...seen, ...bare, canary: kubernetes })).toEqual([]);
    expect(codes({ provider: "kubernetes" }, {})).toEqual(["unsupported-field"]);
    expect(codes({}, bare).sort()).toEqual(["foreign-object", "route-kind-missing"]);
  });

  it("warns that an HTTPRoute divides no connections", () => {
    const both = { servedRoutes: ["TrafficSplit", "HTTPRoute"] };
    expect(codes({ ...worker, provider: "gatewayapi:v1" }, both)).toEqual(["connections-undivided"]);
    expect(codes({ ...worker, provider: "linkerd" }, both)).toEqual([]);
    expect(codes({ provider: "gatewayapi:v1" }, both)).toEqual([]);
  });
});

it("a query knows the ingress and the route that the Canary names", () => {
  const metrics = [{ name: "errors", query: "up{a={{ ingress }},b={{ route }}}" }];
  const named = { ingressRef: { name: "in" }, routeRef: { name: "r" } };
  expect(found({ analysis: { stepWeight: 10, metrics }, ...named })).toEqual([]);
});
