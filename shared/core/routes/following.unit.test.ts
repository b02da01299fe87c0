/** A route of ours follows `spec.service` while it changes, and its weights never do. */
import { describe, expect, it } from "vitest";
import type { ServiceSpec } from "../objects/canary.ts";
import { annotation } from "../objects/names.ts";
import { checkServiceSettings, givenOf, routeOnlyFields, ruleSettingsOf } from "../spec/service-settings.ts";
import { followingSpec, isBehindSpec, routeBySpec } from "./following.ts";
import { httpRoute, trafficSplit, type RouteObject, type Router } from "./routes.ts";

const own = { group: "core", kind: "Service", name: "podinfo", namespace: "test" };

/** As the spec wants it. */
function by(service: Partial<ServiceSpec>, router: Router = httpRoute): RouteObject {
  const { port = 9898, gatewayRefs = [], hosts = [] } = service;
  const at = { canary: "podinfo", namespace: "test", uid: "uid-1", apex: "podinfo" };
  const context = { ...at, port, gatewayRefs, hosts, apiVersion: `${router.group}/v1` };
  return routeBySpec(router, context, { given: givenOf(service, "apex"), rule: ruleSettingsOf(service) });
}

/** The route of `before` at weight 30, as it is once the spec says `after`. */
function followed(before: Partial<ServiceSpec>, after: Partial<ServiceSpec>): RouteObject {
  const found = httpRoute.withWeight(by(before), "podinfo", 30);
  expect(isBehindSpec(found, by(before))).toBe(false);
  expect(isBehindSpec(found, by(after))).toBe(true);
  const written = followingSpec(found, by(after), "podinfo");
  expect(isBehindSpec(written, by(after))).toBe(false);
  expect(httpRoute.read(written, "podinfo")).toMatchObject({ weight: 30, ownWeight: 30 });
  return written;
}

const ruleOf = ({ spec }: RouteObject): object => (spec["rules"] as object[])[0]!;

describe("an HTTPRoute of ours", () => {
  it("follows port, parents and hosts, at the weight that it has", () => {
    const { spec } = followed({}, { port: 80, gatewayRefs: [{ ...own, port: 80 }], hosts: ["shop.test"] });
    expect(spec).toMatchObject({ parentRefs: [{ ...own, port: 80 }], hostnames: ["shop.test"] });
    expect(spec["rules"]).toMatchObject([
      {
        backendRefs: [
          { name: "podinfo-primary", port: 80, weight: 70 },
          { name: "podinfo-canary", port: 80, weight: 30 },
        ],
      },
    ]);
  });

  it("has timeouts and headers as Linkerd obeys them, and loses them with the spec", () => {
    const headers = {
      request: { add: { "x-b": "2", "x-a": "1" }, remove: ["x-c"] },
      response: { set: { "x-d": "4" } },
    };
    const asked = { timeout: "5s", backendTimeout: "500ms", headers };
    expect(ruleOf(followed({}, asked))).toMatchObject({
      timeouts: { request: "5s", backendRequest: "500ms" },
      filters: [
        {
          type: "RequestHeaderModifier",
          requestHeaderModifier: {
            add: [
              { name: "x-a", value: "1" },
              { name: "x-b", value: "2" },
            ],
            remove: ["x-c"],
          },
        },
        { type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "x-d", value: "4" }] } },
      ],
    });
    const rule = ruleOf(followed(asked, {}));
    expect(rule).not.toHaveProperty("timeouts");
    expect(rule).not.toHaveProperty("filters");
    expect(followed({ hosts: ["a.test"] }, {}).spec).not.toHaveProperty("hostnames");
  });

  it("keeps what others have added: labels, annotations, filters and rules", () => {
    const built = by({});
    const pinned = { matches: [{ headers: [{ name: "x", value: "y" }] }], backendRefs: [{ name: "other", port: 1 }] };
    const filters = [{ type: "RequestHeaderModifier" }];
    const [rule] = built.spec["rules"] as object[];
    const metadata = { ...built.metadata, annotations: { ...built.metadata.annotations, theirs: "yes" } };
    const found = { ...built, metadata, spec: { ...built.spec, rules: [pinned, { ...rule, filters }] } };
    const { spec, metadata: after } = followingSpec(found, by({ port: 80 }), "podinfo");
    expect(spec["rules"]).toMatchObject([pinned, { filters, backendRefs: [{ port: 80 }] }]);
    expect((spec["rules"] as object[])[0]).toEqual(pinned);
    expect(after.annotations).toMatchObject({ theirs: "yes" });
  });

  it.each<[string, Partial<ServiceSpec>, (spec: Record<string, unknown>, rule: Record<string, unknown>) => void]>([
    ["parents", {}, (spec) => void (spec["parentRefs"] = [{ ...own, name: "other" }])],
    ["hosts", { hosts: ["shop.test"] }, (spec) => void (spec["hostnames"] = ["other.test"])],
    ["no host", { hosts: ["shop.test"] }, (spec) => void delete spec["hostnames"]],
    ["a port", {}, (_, rule) => void ((rule["backendRefs"] as { port: number }[])[0]!.port = 1)],
    ["a timeout", { timeout: "5s" }, (_, rule) => void (rule["timeouts"] = { request: "9s" })],
    ["a header", { headers: { request: { remove: ["x-c"] } } }, (_, rule) => void (rule["filters"] = [])],
  ])("is written anew where someone has given it %s of their own", (_, service, edit) => {
    const found = structuredClone(httpRoute.withWeight(by(service), "podinfo", 30));
    expect(isBehindSpec(found, by(service))).toBe(false);
    edit(found.spec, ruleOf(found) as Record<string, unknown>);
    expect(isBehindSpec(found, by(service))).toBe(true);
    const written = followingSpec(found, by(service), "podinfo");
    expect(isBehindSpec(written, by(service))).toBe(false);
    expect(httpRoute.read(written, "podinfo")).toMatchObject({ weight: 30, ownWeight: 30 });
  });

  it("is as the spec says where the API server has filled in what was left out, or does not know a setting", () => {
    const service = { gatewayRefs: [own], timeout: "5s" };
    const { spec, ...rest } = by(service);
    const [rule] = spec["rules"] as object[];
    const parentRefs = [{ ...own, weight: 1 }, { name: "another" }];
    const found = { ...rest, spec: { ...spec, parentRefs, rules: [{ ...rule, timeouts: undefined, name: "all" }] } };
    expect(isBehindSpec(JSON.parse(JSON.stringify(found)) as RouteObject, by(service))).toBe(false);
  });

  it("carries service.apex' labels and annotations while the spec has them, and ours whatever it says", () => {
    const given = {
      labels: { team: "a", "kubectl-canary.io/canary": "other" },
      annotations: { "retry.linkerd.io/http": "5xx" },
    };
    const { metadata } = followed({}, { apex: given });
    expect(metadata.labels).toMatchObject({ team: "a", "kubectl-canary.io/canary": "podinfo" });
    expect(metadata.annotations).toMatchObject({ "retry.linkerd.io/http": "5xx", [annotation.weight]: "30" });
    const { metadata: back } = followed({ apex: given }, {});
    expect(back.labels).not.toHaveProperty("team");
    expect(back.annotations).not.toHaveProperty("retry.linkerd.io/http");
  });

  it("that was made by an earlier version, or has an unreadable mark, is written once", () => {
    for (const mark of [undefined, "{", '{"labels":7}']) {
      const { metadata, ...rest } = by({});
      const { [annotation.fromSpec]: _mark, ...annotations } = metadata.annotations ?? {};
      const marked = mark === undefined ? annotations : { ...annotations, [annotation.fromSpec]: mark };
      const found = { ...rest, metadata: { ...metadata, annotations: marked } };
      expect(isBehindSpec(found, by({}))).toBe(true);
      expect(followingSpec(found, by({}), "podinfo")).toEqual(by({}));
    }
  });

  it("is another matter than one of the user's own", () => {
    const { metadata, ...rest } = by({});
    expect(isBehindSpec({ ...rest, metadata: { ...metadata, labels: {} } }, by({ port: 80 }))).toBe(false);
  });
});

it("a TrafficSplit has the metadata alone, and keeps its weights", () => {
  const found = trafficSplit.withWeight(by({}, trafficSplit), "podinfo", 30);
  const wanted = by({ apex: { labels: { team: "a" } }, port: 80 }, trafficSplit);
  expect(isBehindSpec(found, wanted)).toBe(true);
  const written = followingSpec(found, wanted, "podinfo");
  expect(written.spec).toEqual(found.spec);
  expect(written.metadata.labels).toMatchObject({ team: "a" });
  expect(isBehindSpec(found, by({ port: 80, timeout: "5s" }, trafficSplit))).toBe(false);
});

describe("spec.service", () => {
  const faultsOf = (service: unknown): string[] => {
    const faults: string[] = [];
    checkServiceSettings(service as Partial<ServiceSpec>, (path, message) => void faults.push(`${path}: ${message}`));
    return faults;
  };

  it.each<[object, string]>([
    [{ timeout: "soon" }, 'timeout: "soon" is not a duration'],
    [{ timeout: "-5s" }, 'timeout: "-5s" is not'],
    [{ backendTimeout: 5 }, "backendTimeout: 5 is not"],
    [{ headers: { request: { add: { a: 1 } } } }, "headers.request.add: is no map"],
    [{ headers: { response: { remove: "a" } } }, "headers.response.remove: is no list"],
    [{ headers: { request: { set: { "x canary": "1" } } } }, 'headers.request.set: "x canary" is no name of a header'],
    [{ headers: { response: { remove: ["a:"] } } }, 'headers.response.remove: "a:" is no name of a header'],
    [{ timeout: "1m", backendTimeout: "1m1s" }, 'backendTimeout: "1m1s" is above the timeout of the whole, "1m"'],
  ])("is refused with %j", (service, fault) => expect(faultsOf(service).join()).toContain(fault));

  it("takes Go's durations, and nothing for nothing", () => {
    expect(faultsOf({ timeout: "1m30s", backendTimeout: "", headers: {} })).toEqual([]);
    expect(faultsOf({ timeout: "1m", backendTimeout: "60000ms" })).toEqual([]);
    expect(faultsOf({ timeout: "0s", backendTimeout: "5s" })).toEqual([]);
    expect(routeOnlyFields({ timeout: "", headers: { request: {} }, hosts: [] })).toEqual([]);
    expect(
      routeOnlyFields({ timeout: "1s", backendTimeout: "1s", hosts: ["a"], headers: { request: { remove: ["a"] } } }),
    ).toEqual(["hosts", "timeout", "backendTimeout", "headers"].map((field) => `spec.service.${field}`));
  });
});
