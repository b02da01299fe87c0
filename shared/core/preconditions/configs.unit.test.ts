// Configuration that stands in a run's way, or is not seen.
import { describe, expect, it } from "vitest";
import { aDeployment, aSpec } from "../../../test/builders.ts";
import { annotation } from "../objects/names.ts";
import type { SeenObjects } from "./finding.ts";
import { cureText, unmetPreconditions } from "./preconditions.ts";

const canary = {
  ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary" },
  metadata: { name: "podinfo", annotations: { [annotation.configTracking]: "enabled" } },
  spec: aSpec(),
} as const;

function found(over: Partial<SeenObjects>) {
  const seen = { canary, namespace: "test", targetName: "podinfo", apexName: "podinfo", target: aDeployment() };
  return unmetPreconditions({ ...seen, ...over }).filter(({ code }) => code.startsWith("config-"));
}

describe("configuration", () => {
  it("that the template needs and that is not there keeps every run from starting", () => {
    const [finding, ...others] = found({ missingConfigs: ["configmap/app", "secret/key"] });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      ...{ code: "config-missing", level: "missing" },
      what: "ConfigMap app, Secret key, to which the template of Deployment podinfo refers, cannot be found: its pods could not start. No run starts.",
    });
    expect(cureText(finding?.cure ?? {})).toBe(
      "create what is missing, or correct the template: kubectl -n test get configmap/app",
    );
  });

  it("may be called whatever a template calls it: what is pasted looks for it, and no more", () =>
    expect(found({ missingConfigs: ["configmap/x;id"] })[0]?.cure.run).toBe("kubectl -n test get 'configmap/x;id'"));

  it("that is to be tracked where the chart does not let us is said", () => {
    expect(found({ configNamespaces: ["shop"] })).toMatchObject([
      {
        ...{ code: "config-untracked", level: "warning" },
        what: "Canary podinfo asks to track configuration, and the controller may not read ConfigMaps and Secrets in test: their changes start no run.",
        evidence: "configTracking.namespaces of the chart: shop",
      },
    ]);
  });

  it("is no matter where it may be read, nobody asks, or it is not known", () =>
    expect(
      [
        found({ configNamespaces: ["test"] }),
        found({ configNamespaces: [], canary: { ...canary, metadata: { name: "podinfo" } } }),
        found({}),
      ].flat(),
    ).toEqual([]));
});
