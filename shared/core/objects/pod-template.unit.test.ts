import type { V1PodTemplateSpec } from "@kubernetes/client-node";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalTemplate, describeChange, sameTemplate, shortImages } from "./pod-template.ts";

describe("quantities in a template", () => {
  const withAnnotation = (value: string): V1PodTemplateSpec => ({
    metadata: { annotations: { sizeLimit: value, divisor: value } },
  });
  const withAmount = (amount: string): V1PodTemplateSpec => ({
    spec: {
      containers: [{ name: "a", resources: { limits: { cpu: amount } } }],
      volumes: [{ name: "v", emptyDir: { sizeLimit: amount } }],
    },
  });

  it("count by value where the API has quantities", () => {
    expect(sameTemplate(withAmount("1000m"), withAmount("1"))).toBe(true);
    expect(sameTemplate(withAmount("1000m"), withAmount("2"))).toBe(false);
  });

  it("are text in an annotation, whatever its name: Kubernetes rolls for a change of it", () => {
    expect(sameTemplate(withAnnotation("1000m"), withAnnotation("1"))).toBe(false);
  });
});

describe("the comparison of two templates", () => {
  const key = fc.constantFrom("resources", "limits", "requests", "cpu", "emptyDir", "sizeLimit", "toString", "7", "10");
  const leaf = fc.constantFrom<unknown>("1", "1000m", "1k", 1, 2, true, null, undefined, "", "x");
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("tree"), { maxLength: 3 }), tie("map")),
    map: fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
  }));
  const of = (spec: unknown): V1PodTemplateSpec => ({ spec }) as V1PodTemplateSpec;
  const asJson = (spec: unknown): V1PodTemplateSpec =>
    of(spec === undefined ? undefined : (JSON.parse(JSON.stringify(spec)) as unknown));
  const isSameText = (a: V1PodTemplateSpec, b: V1PodTemplateSpec): boolean =>
    canonicalTemplate(a) === canonicalTemplate(b);

  it("says what their canonical texts say, of any two", () => {
    fc.assert(
      fc.property(tree, tree, (one, other) => {
        const [a, b] = [asJson(one), asJson(other)];
        expect(sameTemplate(a, b)).toBe(isSameText(a, b));
      }),
      { numRuns: 3_000 },
    );
  });

  it("says it of two that differ in a quantity", () => {
    const amount = fc.constantFrom("1", "1000m", "1k", "1Ki", 1, "x", null);
    const limits = fc.record({ cpu: amount, memory: amount });
    const spec = fc.record({
      resources: fc.record({ limits, claims: fc.array(amount, { maxLength: 2 }) }),
      cpu: amount,
    });
    fc.assert(
      fc.property(spec, spec, (one, other) => {
        const [a, b] = [of(one), of(other)];
        expect(sameTemplate(a, b)).toBe(isSameText(a, b));
      }),
      { numRuns: 3_000 },
    );
  });
});

/** podinfo's template with `change` made to its one container, and `metadata` beside. */
function podinfo(change: object = {}, metadata: object = {}, spec: object = {}): V1PodTemplateSpec {
  const container = { name: "podinfod", image: "quay.io/stefanprodan/podinfo:1.7.0", ...change };
  return { metadata: { labels: { app: "podinfo" }, ...metadata }, spec: { containers: [container], ...spec } };
}

describe("two templates are the same", () => {
  it.each([
    ["whatever order their keys have", podinfo(), { spec: podinfo().spec!, metadata: podinfo().metadata! }],
    [
      "without Kubernetes' own hash label",
      podinfo(),
      podinfo({}, { labels: { app: "podinfo", "pod-template-hash": "5d8" } }),
    ],
    ["with a null for a field that is not set", podinfo(), podinfo({}, { creationTimestamp: null, annotations: {} })],
    ["with a field that is null", podinfo(), podinfo({ command: null })],
    ["with a quantity in other words", limits("1Gi"), limits("1024Mi")],
  ])("%s", (_, a, b) => expect(sameTemplate(a, b)).toBe(true));

  it.each([
    [
      "another value of an env var",
      podinfo({ env: [{ name: "A", value: "1" }] }),
      podinfo({ env: [{ name: "A", value: "2" }] }),
    ],
    ["another order of env vars", envOf("A", "B"), envOf("B", "A")],
    ["another pod annotation", podinfo(), podinfo({}, { annotations: { restarted: "now" } })],
    ["a quantity of another value", limits("1Gi"), limits("1G")],
  ])("but not with %s", (_, a, b) => expect(sameTemplate(a, b)).toBe(false));
});

describe("two images are told apart, however they are written", () => {
  const digest = (letter: string): string => `@sha256:${letter.repeat(64)}`;
  const long = "registry.example.org:5000/team/with/a/long/path";
  it.each([
    [`${long}/podinfo:1.7.0`, `${long}/podinfo${digest("b")}`, "1.7.0 -> sha256:bbbbbbbbbbbb"],
    [
      `${long}/podinfo:1.7.0${digest("a")}`,
      `${long}/podinfo:1.7.1${digest("b")}`,
      "sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb",
    ],
    [`${long}/podinfo`, `${long}/podinfo:1.7.1`, "no tag -> 1.7.1"],
    [`${long}/podinfo:1`, `${long}/shop${digest("b")}`, "podinfo:1 -> shop@sha256:bbbbbbbbbbbb"],
  ])("%s and %s", (before, after, words) => {
    expect(shortImages(before, after)).toBe(words);
  });
});

describe("a change is told in a few words", () => {
  it.each([
    ["image podinfod 1.7.0 -> 1.7.1", podinfo({ image: "quay.io/stefanprodan/podinfo:1.7.1" })],
    [
      "image podinfod quay.io/stefanprodan/podinfo:1.7.0 -> ghcr.io/podinfo:1.7.1",
      podinfo({ image: "ghcr.io/podinfo:1.7.1" }),
    ],
    ["env of podinfod", envOf("A")],
    ["env and resources of podinfod", podinfo({ env: [{ name: "A" }], resources: { limits: { cpu: "1" } } })],
    ["pod annotations", podinfo({}, { annotations: { restarted: "now" } })],
    ["pod spec", podinfo({}, {}, { nodeSelector: { disk: "fast" } })],
    ["image sidecar -> proxy:1", podinfo({}, {}, { initContainers: [{ name: "sidecar", image: "proxy:1" }] })],
    ["nothing", podinfo()],
  ])("%s", (words, after) => expect(describeChange(podinfo(), after)).toBe(words));

  it("names a container that is gone, and a registry's port for no tag", () => {
    const two = podinfo(
      { image: "reg:5000/podinfo:1.7.0" },
      {},
      { initContainers: [{ name: "sidecar", image: "proxy:1" }] },
    );
    expect(describeChange(two, podinfo({ image: "reg:5000/podinfo:2" }))).toBe(
      "image podinfod 1.7.0 -> 2, container sidecar removed",
    );
  });
});

function envOf(...names: string[]): V1PodTemplateSpec {
  return podinfo({ env: names.map((name) => ({ name, value: "x" })) });
}

function limits(memory: string): V1PodTemplateSpec {
  return podinfo({ resources: { limits: { memory } } });
}
