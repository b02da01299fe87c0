// What the control plane says of an address, and what it writes on a route.
import { describe as suite, expect, it } from "vitest";
import { describe } from "./destination.ts";
import { noFilters } from "./header-filters.ts";
import type { ClusterView, EndpointSlice, HttpRoute, Pod, Service, ServiceProfile } from "./objects.ts";
import { parentsStatus } from "../control/route-status.ts";
import { ruleFor, rulesFor } from "./route.ts";

const service = (name: string, clusterIP: string): Service => ({
  metadata: { name, namespace: "test" },
  spec: { clusterIP, ports: [{ name: "http", port: 80 }] },
});
const pod: Pod = {
  metadata: {
    name: "podinfo-5f-x",
    namespace: "test",
    labels: {
      "linkerd.io/control-plane-ns": "linkerd",
      "linkerd.io/proxy-deployment": "podinfo",
      "pod-template-hash": "5f",
    },
  },
  spec: { serviceAccountName: "default" },
  status: { podIP: "10.0.0.7", phase: "Running" },
};
const slice: EndpointSlice = {
  metadata: { name: "podinfo-1", namespace: "test" },
  ports: [{ name: "http", port: 9898 }],
  endpoints: [
    { addresses: ["10.0.0.7"], conditions: { ready: true } },
    { addresses: ["10.0.0.8"], conditions: { ready: false } },
  ],
};
const route: HttpRoute = {
  metadata: { name: "podinfo", namespace: "test", generation: 3 },
  spec: {
    parentRefs: [{ group: "core", kind: "Service", name: "podinfo", port: 80 }],
    rules: [
      {
        backendRefs: [
          { name: "podinfo-primary", port: 80, weight: 90 },
          { name: "podinfo-canary", weight: 10 },
        ],
      },
    ],
  },
};

function view(services: Service[], profile?: ServiceProfile, routes: HttpRoute[] = []): ClusterView {
  return {
    service: (key) => services.find(({ metadata }) => `test/${metadata.name}` === key),
    serviceByAddress: (ip) => services.find(({ spec }) => spec.clusterIP === ip),
    podByAddress: (ip) => (ip === pod.status?.podIP ? pod : undefined),
    slicesOf: () => [slice],
    profileFor: () => profile,
    routesFor: () => routes,
  };
}

suite("a Service's address", () => {
  const services = [service("podinfo", "10.1.0.1"), service("podinfo-primary", "10.1.0.2")];

  it("is described with its ready endpoints and what the metrics say of their pods", () => {
    const found = describe("10.1.0.1", 80, view(services));
    expect(found).toMatchObject({ kind: "service", apex: "test/podinfo:80", overrides: [], rules: [] });
    expect(found.kind === "service" && found.leaves["test/podinfo:80"]?.endpoints).toEqual([
      {
        ip: "10.0.0.7",
        port: 9898,
        zone: "",
        namespace: "test",
        pod: "podinfo-5f-x",
        deployment: "podinfo",
        podTemplateHash: "5f",
        serviceAccount: "default",
        meshed: true,
      },
    ]);
  });

  it("carries a ServiceProfile's weights and says which leaf Services do not exist", () => {
    const profile: ServiceProfile = {
      metadata: { name: "podinfo.test.svc.cluster.local", namespace: "test" },
      spec: {
        dstOverrides: [
          { authority: "podinfo-primary.test.svc.cluster.local", weight: "900m" },
          { authority: "podinfo-canary.test.svc.cluster.local.:80", weight: "100m" },
        ],
      },
    };
    const found = describe("10.1.0.1", 80, view(services, profile));
    expect(found).toMatchObject({
      overrides: [
        { leaf: "test/podinfo-primary:80", weight: 900 },
        { leaf: "test/podinfo-canary:80", weight: 100 },
      ],
      leaves: { "test/podinfo-primary:80": { exists: true }, "test/podinfo-canary:80": { exists: false } },
    });
  });

  it("carries nothing of a ServiceProfile that is a husk", () => {
    const husk = { metadata: { name: "podinfo.test.svc.cluster.local", namespace: "test" }, spec: {} };
    expect(describe("10.1.0.1", 80, view(services, husk))).toMatchObject({ overrides: [] });
  });

  it("carries the timeout and the retries that its annotations ask for", () => {
    const annotations = {
      "timeout.linkerd.io/request": "1m30s",
      "retry.linkerd.io/http": "gateway-error, 429,500-501",
      "retry.linkerd.io/limit": "2",
    };
    const { metadata, spec } = service("podinfo", "10.1.0.1");
    const found = describe("10.1.0.1", 80, view([{ metadata: { ...metadata, annotations }, spec }]));
    expect(found.kind === "service" && found.policy).toEqual({
      requestTimeoutMs: 90_000,
      retry: {
        statuses: [
          ...[
            [502, 504],
            [429, 429],
          ],
          [500, 501],
        ],
        limit: 2,
      },
    });
  });

  it("on another port is not the Service, and any other address is a pod's or unknown", () => {
    expect(describe("10.1.0.1", 81, view(services))).toEqual({ kind: "unknown" });
    expect(describe("10.0.0.7", 9898, view(services))).toMatchObject({
      kind: "pod",
      endpoint: { pod: "podinfo-5f-x" },
    });
    expect(describe("192.0.2.1", 80, view(services))).toEqual({ kind: "unknown" });
  });
});

suite("an HTTPRoute", () => {
  const key = (namespace: string, name: string, port: number): string => `${namespace}/${name}:${port}`;
  const parent = { namespace: "test", name: "podinfo", port: 80 };

  it("holds for its parent's port only, and the older of two comes first", () => {
    const older = { ...route, metadata: { ...route.metadata, name: "zz", creationTimestamp: "2020-01-01T00:00:00Z" } };
    const newer = { ...route, metadata: { ...route.metadata, creationTimestamp: "2021-01-01T00:00:00Z" } };
    expect(rulesFor([newer, older], parent, key).map((rule) => rule.route)).toEqual(["zz", "podinfo"]);
    expect(rulesFor([route], { ...parent, port: 81 }, key)).toEqual([]);
  });

  it("takes a request by the first rule whose path, method and headers match", () => {
    const rule = (name: string, match: object): Parameters<typeof ruleFor>[0][number] => ({
      namespace: "test",
      route: name,
      matches: [match],
      filters: noFilters,
      backends: [],
    });
    const rules = [
      rule("exact", { path: { type: "Exact", value: "/a" } }),
      rule("beta", { headers: [{ name: "X-Beta", value: "yes" }] }),
      rule("prefix", { path: { type: "PathPrefix", value: "/a" } }),
      rule("rest", { path: { type: "PathPrefix", value: "/" } }),
    ];
    const name = (path: string, headers = {}): string | undefined =>
      ruleFor(rules, { method: "GET", path, headers })?.route;
    expect([name("/a?x=1"), name("/a/b"), name("/ab"), name("/", { "x-beta": "yes" })]).toEqual([
      "exact",
      "prefix",
      "rest",
      "beta",
    ]);
  });

  it("looks at query parameters, and at cookies by a regular expression that must match the whole header", () => {
    const cookie = { name: "Cookie", type: "RegularExpression", value: "(.*; )?track=canary(;.*)?" };
    const rules = rulesFor(
      [
        {
          ...route,
          spec: {
            ...route.spec,
            rules: [
              { matches: [{ headers: [cookie] }], backendRefs: [{ name: "a" }] },
              { matches: [{ queryParams: [{ name: "beta", value: "yes" }] }], backendRefs: [{ name: "b" }] },
              { matches: [{ queryParams: [{ name: "v", type: "RegularExpression", value: "2.*" }] }], backendRefs: [] },
              { backendRefs: [{ name: "d" }] },
            ],
          },
        },
      ],
      parent,
      key,
    );
    const to = (path: string, header?: string): string | undefined =>
      ruleFor(rules, { method: "GET", path, headers: { cookie: header } })?.backends[0]?.leaf;
    expect(["a=1; track=canary; b=2", "track=canary", "track=canaryish", "x"].map((each) => to("/", each))).toEqual([
      "test/a:80",
      "test/a:80",
      "test/d:80",
      "test/d:80",
    ]);
    // The third rule names no backend: that means the parent.
    expect(["/?beta=yes", "/?beta=no", "/x?a=b&v=2.1"].map((each) => to(each))).toEqual([
      "test/b:80",
      "test/d:80",
      "test/podinfo:80",
    ]);
  });

  it.each(["RequestMirror", "URLRewrite"])("with a %s anywhere in it is ignored as a whole", (type) => {
    const [rule] = route.spec.rules ?? [];
    const withFilter = (where: "rule" | "backend"): HttpRoute => {
      const filters = [{ type }];
      const [first, ...rest] = rule?.backendRefs ?? [];
      const backendRefs = where === "backend" && first ? [{ ...first, filters }, ...rest] : (rule?.backendRefs ?? []);
      const rules = [{ ...rule }, { ...rule, backendRefs, ...(where === "rule" ? { filters } : {}) }];
      return { ...route, spec: { ...route.spec, rules } };
    };
    expect(rulesFor([withFilter("rule")], parent, key)).toEqual([]);
    expect(rulesFor([withFilter("backend")], parent, key)).toEqual([]);
    const all = ["podinfo", "podinfo-primary", "podinfo-canary"].map((name, at) => service(name, `10.1.0.${at}`));
    const status = parentsStatus(withFilter("rule"), (name) => view(all).service(name), "2026-01-01T00:00:00Z");
    expect(status?.[0]?.conditions?.map((each) => each.status)).toEqual(["True", "True"]);
  });

  it("carries its rules' timeouts and what they and their backends do to headers", () => {
    const modifier = { set: [{ name: "x-track", value: "canary" }] };
    const rules = [
      {
        timeouts: { request: "400ms" },
        filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: modifier }],
        backendRefs: [
          { name: "a", filters: [{ type: "ResponseHeaderModifier", responseHeaderModifier: modifier }] },
          { name: "b" },
        ],
      },
    ];
    const [rule] = rulesFor([{ ...route, spec: { ...route.spec, rules } }], parent, key);
    expect(rule).toMatchObject({ timeoutMs: 400, filters: { request: [modifier], response: [] } });
    expect(rule?.backends.map(({ filters }) => filters.response)).toEqual([[modifier], []]);
  });

  it("gets conditions for the generation that was seen, once, and keeps other controllers' entries", () => {
    const all = ["podinfo", "podinfo-primary", "podinfo-canary"].map((name, at) => service(name, `10.1.0.${at}`));
    const look = (from: number, to: number) => (name: string) => view(all.slice(from, to)).service(name);
    const foreign = { parentRef: { name: "gateway" }, controllerName: "example.com/gateway" };
    const first = parentsStatus({ ...route, status: { parents: [foreign] } }, look(0, 3), "2026-01-01T00:00:00Z");
    expect(first).toHaveLength(2);
    expect(first?.[1]).toMatchObject({
      controllerName: "linkerd.io/policy-controller",
      conditions: [
        { type: "Accepted", status: "True", reason: "Accepted", observedGeneration: 3 },
        { type: "ResolvedRefs", status: "True", reason: "ResolvedRefs", observedGeneration: 3 },
      ],
    });
    const written = { ...route, status: { parents: first ?? [] } };
    expect(parentsStatus(written, look(0, 3), "2026-01-02T00:00:00Z")).toBeUndefined();
    const missing = parentsStatus(written, look(0, 2), "2026-01-02T00:00:00Z");
    expect(missing?.[1]?.conditions).toMatchObject([
      { status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
      { status: "False", reason: "BackendNotFound", lastTransitionTime: "2026-01-02T00:00:00Z" },
    ]);
    const orphan = parentsStatus(written, look(1, 3), "2026-01-02T00:00:00Z");
    expect(orphan?.[1]?.conditions?.[0]).toMatchObject({ status: "False", reason: "NoMatchingParent" });
  });
});
