// What the chart and the code must agree on, read from the chart's own files.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { V1JSONSchemaProps } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { load } from "js-yaml";
import {
  phases,
  type CanaryStatus,
  type RunStatus,
  type CheckStatus,
  type TrackStatus,
} from "../../shared/core/objects/canary-status.ts";
import { rejectedCondition } from "../../shared/core/admission/rejection.ts";
import type { CanarySpec } from "../../shared/core/objects/canary.ts";
import { annotation, kind, label, leaseName, targetLabels } from "../../shared/core/objects/names.ts";
import { providers, targetKinds } from "../../shared/core/spec/references.ts";
import { repository } from "../cluster/layout.ts";

const chart = join(repository, "charts", "kubectl-canary");
const read = (...path: string[]): Promise<string> => readFile(join(chart, ...path), "utf8");

interface Schema {
  type?: string;
  required?: string[];
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
  additionalProperties?: Schema;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: string[];
}

interface Definition {
  metadata: { name: string; annotations: Record<string, string> };
  spec: {
    names: { categories: string[] };
    versions: { name: string; subresources: object; schema: { openAPIV3Schema: Schema } }[];
  };
}

async function schemaOf(name: string): Promise<Schema> {
  const definition = load(await read("files", "crds", `${name}.yaml`)) as Definition;
  return definition.spec.versions[0]?.schema.openAPIV3Schema ?? {};
}

const at = (schema: Schema, ...path: string[]): Schema =>
  path.reduce((one, key) => one.properties?.[key] ?? {}, schema);
const keys = (schema: Schema): string[] => Object.keys(schema.properties ?? {});

/** Of the schema and all within it. */
function fieldsOf(schema: Schema): string[] {
  const within = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties].filter(isMap);
  return [...Object.keys(schema), ...within.flatMap((one) => fieldsOf(one as Schema))];
}

const named =
  (field: string) =>
  ({ baseName }: { baseName: string }): boolean =>
    baseName === field;

interface Values {
  [key: string]: unknown;
}

const isMap = (value: unknown): value is Values => typeof value === "object" && value !== null && !Array.isArray(value);

/** What of these values the earlier ones lack. */
function newer(values: Values, earlier: Values): Values {
  const parts = Object.entries(values).flatMap(([key, value]): [string, unknown][] => {
    const before = earlier[key];
    if (!(key in earlier)) return [[key, value]];
    const part = isMap(value) && isMap(before) ? newer(value, before) : {};
    return Object.keys(part).length > 0 ? [[key, part]] : [];
  });
  return Object.fromEntries(parts);
}

/** Paths of what a tenant could make as large as an object may be. */
function unbounded(schema: Schema, path: string): string[] {
  const { type, properties = {}, items, additionalProperties: values } = schema;
  const isFree =
    (type === "string" && !schema.enum && schema.maxLength === undefined) ||
    (type === "array" && schema.maxItems === undefined) ||
    (values !== undefined && schema.maxProperties === undefined);
  const parts = { ...properties, ...(items ? { "[]": items } : {}), ...(values ? { "*": values } : {}) };
  return [
    ...(isFree ? [path] : []),
    ...Object.entries(parts).flatMap(([key, part]) => unbounded(part, `${path}.${key}`)),
  ];
}

describe("the definition of Canary", () => {
  it("knows the providers and kinds of target that admission knows", async () => {
    const spec = at(await schemaOf("canaries"), "spec");
    expect(at(spec, "provider").enum).toEqual(providers);
    expect(at(spec, "targetRef", "kind").enum).toEqual(targetKinds);
  });

  it("has the columns that Flagger prints, and the reason", async () => {
    const definition = load(await read("files", "crds", "canaries.yaml")) as {
      spec: { versions: { additionalPrinterColumns: { name: string }[] }[] };
    };
    const columns = definition.spec.versions.flatMap((one) => one.additionalPrinterColumns.map(({ name }) => name));
    expect(columns).toEqual([
      ...["Status", "Weight", "Suspended", "FailedChecks", "Interval", "Mirror", "StepWeight", "StepWeights"],
      ...["MaxWeight", "Reason", "LastTransitionTime"],
    ]);
  });

  it("has every field of the status that we write, or the API server would drop it in silence", async () => {
    // The compiler keeps these lists complete.
    const status = {
      phase: 0,
      canaryWeight: 0,
      failedChecks: 0,
      iterations: 0,
      lastAppliedSpec: 0,
      lastPromotedSpec: 0,
      lastTransitionTime: 0,
      trackedConfigs: 0,
      configs: 0,
      conditions: 0,
      observedGeneration: 0,
      reason: 0,
      reasonCode: 0,
      next: 0,
      stable: 0,
      run: 0,
      rejected: 0,
      route: 0,
      tracks: 0,
      trend: 0,
      checks: 0,
      staleCallers: 0,
      callerWorkloads: 0,
      warnings: 0,
      blocked: 0,
      lastCommand: 0,
      history: 0,
      unvetted: 0,
      targetMissingSince: 0,
      afterRun: 0,
      ...{ leafEmptySince: 0, keptUntil: 0 },
      floor: 0,
      runs: 0,
      said: 0,
      alerts: 0,
    } satisfies Record<keyof CanaryStatus, 0>;
    const run = {
      id: 0,
      intent: 0,
      images: 0,
      requestedBy: 0,
      stage: 0,
      step: 0,
      steps: 0,
      startedAt: 0,
      stageAt: 0,
      checkAt: 0,
      hold: 0,
      holdSince: 0,
      holdCode: 0,
      paused: 0,
      ceiling: 0,
      losses: 0,
      givenFor: 0,
      only: 0,
      canaryTemplate: 0,
      comparison: 0,
      share: 0,
      clientErrors: 0,
      gate: 0,
      passed: 0,
      hooksAt: 0,
      back: 0,
      metricFailures: 0,
      ending: 0,
    } satisfies Record<keyof RunStatus, 0>;
    const check = {
      metric: 0,
      outcome: 0,
      code: 0,
      value: 0,
      unit: 0,
      min: 0,
      max: 0,
      ...{ failureLimit: 0, dryRun: 0, failures: 0 },
      requests: 0,
      query: 0,
      message: 0,
      why: 0,
      at: 0,
    } satisfies Record<keyof CheckStatus, 0>;
    const track = {
      name: 0,
      replicas: 0,
      ready: 0,
      weightPercent: 0,
      successPercent: 0,
      requestsPerSecond: 0,
      latencyMsP50: 0,
      latencyMsP95: 0,
      latencyMsP99: 0,
      requests: 0,
      failures: 0,
      clientErrors: 0,
      denied: 0,
      unanswered: 0,
      attempts: 0,
      countedBy: 0,
      disagreement: 0,
    } satisfies Record<keyof TrackStatus, 0>;
    const schema = at(await schemaOf("canaries"), "status");
    expect(keys(schema)).toEqual(expect.arrayContaining(Object.keys(status)));
    expect(keys(at(schema, "run")).sort()).toEqual(Object.keys(run).sort());
    expect(keys(at(schema, "tracks", "canary")).sort()).toEqual(Object.keys(track).sort());
    expect(Object.keys(at(schema, "checks").items?.properties ?? {}).sort()).toEqual(Object.keys(check).sort());
    expect(at(schema, "phase").enum).toEqual(expect.arrayContaining([...phases]));
  });

  it.each(["canaries", "metrictemplates", "alertproviders"])(
    "%s: has a spec, in which every text, list and map has a bound",
    async (name) => {
      const definition = await schemaOf(name);
      expect(definition.required).toEqual(["spec"]);
      expect(unbounded(at(definition, "spec"), "spec")).toEqual([]);
    },
  );

  it("has every field of the spec that we read", async () => {
    const spec = {
      provider: 0,
      metricsServer: 0,
      targetRef: 0,
      progressDeadlineSeconds: 0,
      skipAnalysis: 0,
      suspend: 0,
      revertOnDeletion: 0,
      autoscalerRef: 0,
      ingressRef: 0,
      routeRef: 0,
      service: 0,
      analysis: 0,
    } satisfies Record<keyof CanarySpec, 0>;
    expect(keys(at(await schemaOf("canaries"), "spec"))).toEqual(expect.arrayContaining(Object.keys(spec)));
  });

  it("and its siblings are kept on uninstall, listed by `kubectl get all`, and have a status of their own", async () => {
    const files = await readdir(join(chart, "files", "crds"));
    const definitions = await Promise.all(
      files.map(async (file) => load(await read("files", "crds", file)) as Definition),
    );
    expect(definitions.map(({ metadata }) => metadata.name).sort()).toEqual([
      "alertproviders.flagger.app",
      "canaries.flagger.app",
      "metrictemplates.flagger.app",
    ]);
    for (const { metadata, spec } of definitions) {
      expect(metadata.annotations["helm.sh/resource-policy"]).toBe("keep");
      expect(spec.names.categories).toEqual(["all"]);
      expect(spec.versions.map((version) => [version.name, version.subresources])).toEqual([
        [kind.canary.version, { status: {} }],
      ]);
    }
  });

  it("have no field that the API server does not know, such as the rest of a sentence after its comma", async () => {
    const names = (await readdir(join(chart, "files", "crds"))).map((file) => file.replace(".yaml", ""));
    const used = (await Promise.all(names.map(schemaOf))).flatMap(fieldsOf);
    expect([...new Set(used)].filter((field) => !V1JSONSchemaProps.getAttributeTypeMap().some(named(field)))).toEqual(
      [],
    );
  });
});

describe("the chart's templates", () => {
  it("spell labels and annotations as the code does", async () => {
    const webhooks = await read("templates", "webhooks.yaml");
    expect(webhooks).toContain(`key: ${label.target}, operator: Exists`);
    expect(webhooks).toContain(`$command := "${annotation.command}"`);
    expect(webhooks).toContain(annotation.requestedBy);
    const marks = /\[((?:"[a-z]+"(?:, )?)+)\]\.exists\(mark/.exec(webhooks)?.[1]?.replaceAll('"', "").split(", ");
    const [prefix] = label.target.split("/");
    expect(marks?.map((mark) => `${prefix}/${mark}`)).toEqual([...targetLabels]);
    expect(webhooks).toContain(`key: ${label.held}, operator: Exists`);
    const said = /startsWith\("([^"]+)"\)/.exec(webhooks)?.[1];
    expect(rejectedCondition("why", "v1-1").message.startsWith(`${said} why`)).toBe(true);
    expect(await read("templates", "rbac.yaml")).toContain(`resourceNames: [${leaseName}]`);
  });

  it("grant nothing by wildcard, and no Secret but our own", async () => {
    const files = ["rbac.yaml", "uninstall.yaml", "_helpers.tpl"];
    const parts = await Promise.all(files.map((file) => read("templates", file)));
    const [granted = ""] = /define "kubectl-canary.rules"[^]*?end -/.exec(parts.pop() ?? "") ?? [];
    expect(granted).toContain("resources: [deployments]");
    const rbac = [...parts, granted].join("\n- apiGroups:");
    expect(rbac).not.toMatch(/\*|cluster-admin|escalate|impersonate/);
    const rules = rbac.split("- apiGroups:").filter((rule) => rule.includes("secrets"));
    expect(rules).toHaveLength(3);
    for (const rule of rules) expect(rule.includes("resourceNames:") || /verbs: \[create\]/.test(rule)).toBe(true);
  });

  it("let every user read the one Lease that says whether the controller is alive, and nothing else", async () => {
    const parts = (await read("templates", "rbac.yaml")).split("\n---\n");
    const open = parts.filter((part) => part.includes("system:authenticated"));
    expect(open).toHaveLength(1);
    const role = /kind: Role, name: (.*) \}/.exec(open[0] ?? "")?.[1] ?? "";
    const rules = parts.find((part) => part.includes("kind: Role\n") && part.includes(`name: ${role}\n`));
    expect(rules?.match(/apiGroups/g)).toHaveLength(1);
    expect(rules).toContain(`resources: [leases]\n    resourceNames: [${leaseName}]\n    verbs: [get]`);
  });

  it("have a default for every setting of the schema, and no other", async () => {
    const values = load(await read("values.yaml")) as object;
    const schema = JSON.parse(await read("values.schema.json")) as Schema;
    expect(Object.keys(values).sort()).toEqual(
      keys(schema)
        .filter((key) => key !== "global")
        .sort(),
    );
  });

  it("fill in whatever is newer than the chart's first release, in every template", async () => {
    const block = /define "kubectl-canary.newer" -\}\}\n([^]*?)\{\{- end/.exec(await read("templates", "_helpers.tpl"));
    const first = load(await readFile(join(import.meta.dirname, "first-values.yaml"), "utf8")) as Values;
    expect(load(block?.[1] ?? "")).toEqual(newer(load(await read("values.yaml")) as Values, first));
    const templates = (await readdir(join(chart, "templates"))).filter((name) => name.endsWith(".yaml"));
    for (const name of templates) {
      const text = await read("templates", name);
      if (text.includes(".Values.")) expect(text, name).toMatch(/^\{\{- include "kubectl-canary\.withNewer" \. -\}\}/);
    }
  });

  it("carry the version of the package", async () => {
    const { version, appVersion } = load(await read("Chart.yaml")) as { version: string; appVersion: string };
    const released = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as { version: string };
    expect([version, appVersion]).toEqual([released.version, released.version]);
  });
});
