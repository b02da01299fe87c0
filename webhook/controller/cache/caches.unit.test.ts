import type { V1Service } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { MetricTemplate } from "../../../shared/core/queries/query-template.ts";
import { aDeployment, aSpec } from "../../../test/builders.ts";
import { isConcernedBy, namesTemplate } from "./caches.ts";

const aService = (name: string, selector?: Record<string, string>): V1Service => ({
  metadata: { name, namespace: "test" },
  spec: selector ? { selector } : {},
});

describe("a Canary is looked at", () => {
  const canary: Canary = {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace: "test" },
    spec: aSpec(),
  };

  it.each(["podinfo", "podinfo-primary", "podinfo-canary"])("when Service %s changes", (name) => {
    expect(isConcernedBy(aService(name), canary, undefined)).toBe(true);
  });

  it("when a Service would send users to its pods, whatever the Service is called", () => {
    expect(isConcernedBy(aService("shop", { team: "shop" }), canary, aDeployment())).toBe(true);
  });

  it.each<[string, V1Service]>([
    ["selects other pods", aService("other", { app: "other" })],
    ["selects only stable's", aService("stable", { app: "podinfo" })],
    ["selects none", aService("external")],
  ])("not when a Service that %s changes", (_what, service) => {
    expect(isConcernedBy(service, canary, aDeployment())).toBe(false);
  });

  it.each<[string, { name: string; namespace?: string }, boolean]>([
    ["of its own namespace that it names", { name: "latency" }, true],
    ["of another namespace that it names", { name: "latency", namespace: "shared" }, false],
    ["with another name", { name: "errors" }, false],
  ])("when a MetricTemplate %s changes, %o: %s", (_what, templateRef, own) => {
    const asking = { ...canary, spec: { ...canary.spec, analysis: { metrics: [{ name: "m", templateRef }] } } };
    const template = (namespace: string): MetricTemplate => ({
      apiVersion: "flagger.app/v1beta1",
      kind: "MetricTemplate",
      metadata: { name: "latency", namespace },
      spec: { provider: { type: "prometheus" }, query: "1" },
    });
    expect(namesTemplate(asking, template("test"))).toBe(own);
    expect(namesTemplate(asking, template("shared"))).toBe(templateRef.namespace === "shared");
  });
});
