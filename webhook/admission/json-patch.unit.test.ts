import fc from "fast-check";
import jsonpatch from "jsonpatch";
import { describe, expect, it } from "vitest";
import { operationsBetween } from "./json-patch.ts";

// Keys as Kubernetes has them: `__proto__` cannot be a label and the library cannot set it.
const key = fc.oneof(
  fc.constantFrom("a", "a/b", "~", "~1", "", "kubectl-canary.io/held", "toString"),
  fc.string().filter((one) => one !== "__proto__"),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, 0, 1.5, "x"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const object = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });

describe("a JSON patch", () => {
  it("turns the first object into the second, whatever the two are", () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        expect(jsonpatch.apply_patch(before, operationsBetween(before, after))).toEqual(after);
      }),
      { numRuns: 500 },
    );
  });

  it("is empty between equal objects", () => {
    fc.assert(fc.property(object, (one) => void expect(operationsBetween(one, structuredClone(one))).toEqual([])));
  });

  it("names only what differs", () => {
    const before = { metadata: { labels: { app: "podinfo" } }, spec: { paused: false, replicas: 3 } };
    const after = {
      metadata: { labels: { app: "podinfo", "x.io/held": "running" } },
      spec: { paused: true, replicas: 3 },
    };
    expect(operationsBetween(before, after)).toEqual([
      { op: "add", path: "/metadata/labels/x.io~1held", value: "running" },
      { op: "replace", path: "/spec/paused", value: true },
    ]);
  });
});
