import type { V1ManagedFieldsEntry } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { returnFields } from "./managed-fields.ts";

const ours = "kubectl-canary";

type Fields = Record<string, unknown>;

const container = (fields: Fields): Fields => ({ "f:spec": { "f:containers": { 'k:{"name":"app"}': fields } } });
const entry = (manager: string, operation: string, template: Fields, rest: Fields = {}): V1ManagedFieldsEntry => ({
  manager,
  operation,
  apiVersion: "apps/v1",
  fieldsType: "FieldsV1",
  fieldsV1: { ...rest, "f:spec": { "f:template": template } },
});
const env = (...names: string[]): Fields => ({
  "f:env": Object.fromEntries(names.map((name) => [`k:{"name":"${name}"}`, { ".": {}, "f:name": {}, "f:value": {} }])),
});

describe("after stable's template was put back", () => {
  it("a changed field goes back to the applier that had it, and a dropped one to the last applier", () => {
    const at = (hour: string, one: V1ManagedFieldsEntry): V1ManagedFieldsEntry => ({
      ...one,
      time: `2026-01-01T${hour}:00:00Z` as unknown as Date,
    });
    const before = [
      at("01", entry("argocd", "Apply", container({ ".": {}, "f:args": {} }))),
      at("02", entry("kubectl", "Apply", container({ ".": {}, ...env("BAR") }))),
      entry("kubectl-set", "Update", container({ "f:image": {}, "f:command": {} })),
    ];
    const after = [
      at("01", entry("argocd", "Apply", container({ ".": {} }))),
      at("02", entry("kubectl", "Apply", container({ ".": {}, ...env("BAR") }))),
      entry("kubectl-set", "Update", container({ "f:command": {} })),
      entry(ours, "Update", container({ "f:image": {}, "f:args": {}, ...env("FOO") }), {
        "f:metadata": { "f:labels": {} },
      }),
    ];
    expect(returnFields(before, after, ours)).toEqual([
      before[0],
      at("02", entry("kubectl", "Apply", container({ ".": {}, ...env("BAR", "FOO"), "f:image": {} }))),
      after[2],
      { ...after[3], fieldsV1: { "f:metadata": { "f:labels": {} } } },
    ]);
  });

  it("everything goes to the applier where nobody remembers who had it", () => {
    const after = [
      entry("kubectl-edit", "Update", container({ "f:args": {} })),
      entry("helm", "Apply", container({ ".": {} })),
      entry(ours, "Update", container({ "f:image": {}, ...env("FOO") })),
    ];
    expect(returnFields(after, after, ours)).toEqual([
      after[0],
      entry("helm", "Apply", container({ ".": {}, "f:image": {}, ...env("FOO") })),
    ]);
  });

  it("it is the last to apply who gets it, or the last to write where nobody applies", () => {
    const at = (time: string, one: V1ManagedFieldsEntry): V1ManagedFieldsEntry => ({
      ...one,
      time: time as unknown as Date,
    });
    const mine = entry(ours, "Update", container(env("FOO")));
    const old = at("2026-01-01T00:00:00Z", entry("argocd", "Apply", container({ "f:image": {} })));
    const recent = at("2026-02-01T00:00:00Z", entry("kubectl", "Apply", container({ "f:args": {} })));
    const writer = at("2026-03-01T00:00:00Z", entry("kubectl-set", "Update", container({ "f:command": {} })));
    const managers = (entries: V1ManagedFieldsEntry[]): (string | undefined)[] =>
      (returnFields([], [...entries, mine], ours) ?? [])
        .filter((one) => JSON.stringify(one.fieldsV1).includes("FOO"))
        .map((one) => one.manager);
    expect(managers([old, recent, writer])).toEqual(["kubectl"]);
    expect(managers([recent, old, writer])).toEqual(["kubectl"]);
    expect(managers([writer])).toEqual(["kubectl-set"]);
    expect(managers([])).toEqual([]);
  });

  it("a field that is owned with fields below it stays so", () => {
    const after = [
      entry("kubectl", "Apply", container({})),
      entry(ours, "Update", container({ ".": {}, "f:name": {} })),
    ];
    expect(returnFields([], after, ours)).toEqual([entry("kubectl", "Apply", container({ ".": {}, "f:name": {} }))]);
  });

  it("nothing is written where nothing of the template is ours", () => {
    const labels = { ...entry(ours, "Update", {}), fieldsV1: { "f:metadata": { "f:labels": {} } } };
    const status = { ...entry(ours, "Update", container({ "f:image": {} })), subresource: "status" };
    expect(
      returnFields([], [labels, status, entry("kubectl", "Apply", container({ "f:image": {} }))], ours),
    ).toBeUndefined();
  });
});
