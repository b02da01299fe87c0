import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { AlertProviderSpec } from "../objects/alerts/alert-provider.ts";
import type { SeenObjects } from "./finding.ts";
import { cureText, unmetPreconditions } from "./preconditions.ts";

/** With an alert that goes to AlertProvider on-call of `namespace`; the cluster has one there, unless `spec` is left out. */
function alerting(namespace: string, spec?: Partial<AlertProviderSpec>): SeenObjects {
  const alerts = [{ name: "release", providerRef: { name: "on-call", namespace } }];
  const analysis = { ...aSpec().analysis, alerts };
  const provider = { apiVersion: "", kind: "AlertProvider", metadata: {}, spec: { type: "slack" as const, ...spec } };
  return {
    canary: {
      apiVersion: "",
      kind: "Canary",
      metadata: { name: "podinfo", namespace: "test" },
      spec: aSpec({ analysis }),
    },
    ...{ namespace: "test", targetName: "podinfo", apexName: "podinfo" },
    alertProviders: new Map(spec ? [[`${namespace}/on-call`, provider]] : []),
    alerts: { providerNamespaces: ["platform"], allowedAddresses: ["*.corp"] },
  };
}

const found = (seen: SeenObjects): string[][] =>
  unmetPreconditions(seen).map(({ code, level, what, cure }) => [code, level, what, cureText(cure)]);

describe("an alert that cannot arrive", () => {
  it.each<[string, SeenObjects, [string, string, string]]>([
    [
      "goes to a provider that does not exist",
      alerting("test"),
      [
        "alert-provider-missing",
        "AlertProvider on-call does not exist in test: what alert release is for reaches nobody.",
        "kubectl -n test edit canary podinfo",
      ],
    ],
    [
      "goes to another namespace's, which the chart does not list",
      alerting("shop", { address: "https://hooks.example/swordfish" }),
      [
        "alert-provider-unusable",
        "Alert release cannot go to AlertProvider on-call in shop: it is another namespace's, and the chart's alerts.providerNamespaces does not have shop.",
        "kubectl -n shop edit alertprovider on-call",
      ],
    ],
    [
      "goes to an address that is not asked by https",
      alerting("test", { address: "http://hooks.example/swordfish" }),
      [
        "alert-provider-unusable",
        "Alert release cannot go to AlertProvider on-call in test: hooks.example:80 is not asked by https; use https, or list the host in the chart's alerts.allowedAddresses.",
        "kubectl -n test edit alertprovider on-call",
      ],
    ],
    [
      "goes through what is no HTTP proxy",
      alerting("test", { address: "https://hooks.example/swordfish", proxy: "socks5://proxy" }),
      [
        "alert-provider-unusable",
        "Alert release cannot go to AlertProvider on-call in test: its proxy is no http or https address.",
        "kubectl -n test edit alertprovider on-call",
      ],
    ],
  ])("%s, and is told of with the cure, without the path that is a secret", (_, seen, [code, what, cure]) => {
    expect(found(seen)).toEqual([[code, "warning", what, cure]]);
  });

  it("says nothing of whether another namespace has it, unless the chart lists that one", () => {
    expect(found(alerting("shop"))).toEqual(found(alerting("shop", { address: "https://hooks.example/x" })));
    expect(found(alerting("platform"))[0]?.[0]).toBe("alert-provider-missing");
  });

  it.each([
    alerting("test", { address: "https://hooks.example/x" }),
    alerting("test", { address: "http://mattermost.corp/x" }),
    alerting("platform", { secretRef: { name: "slack" } }),
    { ...alerting("shop"), alertProviders: undefined },
  ])("is not made of one that can, or of what was not asked", (seen) => expect(found(seen)).toEqual([]));
});
