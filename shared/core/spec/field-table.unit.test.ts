import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import type { CanarySpec } from "../objects/canary.ts";
import { fieldTable, ignoredFields, ignoredText } from "./field-table.ts";

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
}

function schema(): Schema {
  const file = new URL("../../../charts/kubectl-canary/files/crds/canaries.yaml", import.meta.url);
  const crd = load(readFileSync(file, "utf8")) as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Schema } } } }[] };
  };
  return crd.spec.versions[0]!.schema.openAPIV3Schema.properties.spec;
}

function leaves(node: Schema, path: string): string[] {
  if (node.type === "array") return leaves(node.items ?? {}, `${path}[]`);
  const fields = Object.entries(node.properties ?? {});
  return fields.length === 0 ? [path] : fields.flatMap(([name, child]) => leaves(child, `${path}.${name}`));
}

const base: CanarySpec = {
  targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
  analysis: { interval: "10s", threshold: 5, stepWeight: 10 },
};

/** The spec with one more field, at the path of the table. */
function withField(path: string): CanarySpec {
  const keys = path.split(".").slice(1);
  const put = (at: Record<string, unknown>, [key, ...rest]: string[]): Record<string, unknown> => {
    if (key === undefined) return at;
    const name = key.replace("[]", "");
    const value = rest.length === 0 ? "given" : put((at[name] ?? {}) as Record<string, unknown>, rest);
    return { ...at, [name]: key.endsWith("[]") ? [value] : value };
  };
  return put(base as unknown as Record<string, unknown>, keys) as unknown as CanarySpec;
}

describe("a field of the spec", () => {
  it("is carried out, or said to be ignored: the table has each that the schema has, and no other", () => {
    expect(Object.keys(fieldTable).sort()).toEqual(leaves(schema(), "spec").sort());
  });

  const ignored = Object.entries(fieldTable).filter(([, { how }]) => how === "ignored");

  it.each(ignored)("%s is named where it is given, with the way round", (path, treatment) => {
    const why = treatment.how === "ignored" ? treatment.why : "";
    expect(ignoredFields(withField(path))).toEqual([{ path: path.replaceAll("[]", ""), why }]);
  });

  it("is not named where it is left off, or asks for nothing", () => {
    expect(ignoredFields(base)).toEqual([]);
    const off = {
      ...base,
      service: { port: 80, portDiscovery: false, headless: false, match: [], apex: { labels: {} } },
    };
    expect(ignoredFields(off)).toEqual([]);
  });

  it("is named beside another that takes its place", () => {
    const analysis = { interval: "1m", threshold: 1, iterations: 5, maxWeight: 50 };
    expect(ignoredFields({ ...base, analysis }).map(({ path }) => path)).toEqual(["spec.analysis.maxWeight"]);
    expect(ignoredFields({ ...base, analysis: { ...analysis, iterations: undefined } as never })).toEqual([]);
    const steps = { interval: "1m", threshold: 1, stepWeights: [10, 80], maxWeight: 50 };
    expect(ignoredFields({ ...base, analysis: steps })).toEqual([
      { path: "spec.analysis.maxWeight", why: "stepWeights go to 80 whatever it says; end them where they are to end" },
    ]);
    expect(ignoredFields({ ...base, analysis: { ...steps, maxWeight: 80 } })).toEqual([]);
  });

  it("is named in a sentence", () => {
    const found = ignoredFields({ ...base, service: { port: 80, meshName: "m" } as CanarySpec["service"] & object });
    expect(found.map(ignoredText)).toEqual([
      "spec.service.meshName is not carried out: Linkerd's routes have no such thing; remove it",
    ]);
  });
});
