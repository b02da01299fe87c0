import { describe, expect, it } from "vitest";
import type { AdmissionRequest } from "./review.ts";
import { mutateCanary, validateCanary } from "./canaries.ts";

const written = (namespace: string): AdmissionRequest => ({
  uid: "1",
  resource: { group: "flagger.app", version: "v1beta1", resource: "canaries" },
  operation: "CREATE",
  userInfo: { username: "alice" },
  object: {
    metadata: { name: "web", namespace },
    spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, analysis: { stepWeight: 500 } },
  },
});

describe("an installation that looks after some namespaces", () => {
  const deps = { ownAccounts: [], watchNamespaces: ["shop", "pay"] };

  it("refuses a faulty Canary there", () => {
    expect(validateCanary(written("shop"), deps)).toMatchObject({ allowed: false, code: 422 });
  });

  it("refuses nothing elsewhere, and says that nobody looks", () => {
    expect(validateCanary(written("test"), deps)).toEqual({
      allowed: true,
      warnings: [
        "Changes of Deployment web go out unjudged: this installation of kubectl-canary looks after namespaces shop, pay only, and not after test.",
      ],
    });
  });

  it("takes an empty list for all of them", () => {
    expect(validateCanary(written("test"), { ownAccounts: [] })).toMatchObject({ allowed: false });
  });
});

it("warns of a route for another port than the Canary's, which no caller would follow", () => {
  const warned = (port: number | undefined): readonly string[] => {
    const review = written("shop");
    const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
    const parent = { group: "core", kind: "Service", name: "web", ...(port === undefined ? {} : { port }) };
    const metrics = [{ name: "request-success-rate", threshold: 99 }];
    const service = { port: 80, gatewayRefs: [parent] };
    review.object = { ...review.object, spec: { targetRef, service, analysis: { stepWeight: 10, metrics } } };
    return validateCanary(review, { ownAccounts: [] }).warnings;
  };
  expect(warned(8080)).toEqual([
    "spec.service.gatewayRefs does not name port 80 of Service web: its callers in the mesh will not follow the weights (kind: Service, group: core, name: web, port: 80)",
  ]);
  expect(warned(80)).toEqual([]);
  expect(warned(undefined)).toEqual([]);
});

it("refuses a list that the API server would take seconds to check, before it does, however deep it is", () => {
  const review = written("shop");
  const many = Array.from({ length: 5_000 }, () => ({ name: "a" }));
  const deep = JSON.parse(`${"[".repeat(5_000)}1${"]".repeat(5_000)}`) as unknown;
  review.object = { ...review.object, spec: { analysis: { metrics: deep, webhooks: [{ metadata: { many } }] } } };
  expect(mutateCanary(review, { ownAccounts: [] })).toMatchObject({
    allowed: false,
    message: "spec has a list of 5000 entries; no list may have more than 200.",
  });
});

describe("a field that is there and says nothing, as `metrics:` does", () => {
  const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const analysis = { interval: "1m", threshold: 1, stepWeight: 50 };
  const reviewed = (spec: object): AdmissionRequest => ({ ...written("shop"), object: { metadata: {}, spec } });

  it.each([
    ["metrics", { targetRef, analysis: { ...analysis, metrics: null } }],
    ["alerts", { targetRef, analysis: { ...analysis, alerts: null } }],
    ["comparison", { targetRef, analysis: { ...analysis, comparison: null } }],
    ["thresholdRange", { targetRef, analysis: { ...analysis, metrics: [{ name: "own", thresholdRange: null }] } }],
    ["service", { targetRef, analysis, service: null }],
  ])("is left to the schema, which says so by its path: %s", (_, spec) => {
    expect(mutateCanary(reviewed(spec), { ownAccounts: [] })).toEqual({ allowed: true, warnings: [] });
  });

  it("is none where the schema leaves its content free", () => {
    const headers = { request: { add: null, set: { "x-a": "b" }, remove: null } };
    const spec = { targetRef, analysis, service: { port: 80, headers } };
    expect(validateCanary(reviewed(spec), { ownAccounts: [] })).toMatchObject({ allowed: true });
  });
});

it("says the faults of a text whose other parts nothing can read before the schema has been asked", () => {
  const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const analysis = { stepWeight: 10, iterations: 2, match: [{ headers: { "x-a": { regex: 5 } } }] };
  const review = { ...written("shop"), object: { metadata: { name: "web" }, spec: { targetRef, analysis } } };
  expect(mutateCanary(review, { ownAccounts: [] })).toMatchObject({
    allowed: false,
    message: "spec.analysis: stepWeight and iterations exclude each other: keep one",
  });
});
