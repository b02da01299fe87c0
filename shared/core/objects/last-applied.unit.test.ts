import { describe, expect, it } from "vitest";
import { withDropped } from "./last-applied.ts";

const named = (...names: string[]): { name: string; value: string }[] => names.map((name) => ({ name, value: "1" }));
const template = (env: object[], more: object = {}): object => ({
  spec: { containers: [{ name: "app", image: "a:2", env, ...more }] },
});
const remembered = (text: string): unknown => (JSON.parse(text) as { spec: { template: unknown } }).spec.template;
const manifest = (one: object): string => JSON.stringify({ kind: "Deployment", spec: { replicas: 1, template: one } });

describe("what kubectl apply remembers, after stable's template was put back", () => {
  it("has the env var and the container that the intent had dropped, and nothing else that is new", () => {
    const intent = template(named("BAR"), { terminationMessagePath: "/dev/log" });
    const stable = {
      spec: {
        containers: [
          { name: "app", image: "a:1", env: named("FOO", "BAR"), terminationMessagePath: "/dev/log" },
          { name: "sidecar", image: "b:1" },
        ],
      },
    };
    const text = withDropped(manifest(template(named("BAR"))), intent, stable);
    expect(remembered(text)).toEqual({
      spec: {
        containers: [
          { name: "app", image: "a:2", env: named("BAR", "FOO") },
          { name: "sidecar", image: "b:1" },
        ],
      },
    });
    expect(JSON.parse(text)).toMatchObject({ kind: "Deployment", spec: { replicas: 1 } });
  });

  it("has fields that were dropped whole, at any depth", () => {
    const stable = { metadata: { annotations: { a: "1" } }, spec: { nodeSelector: { disk: "fast" }, containers: [] } };
    const text = withDropped(manifest({ metadata: {}, spec: {} }), { metadata: {}, spec: { containers: [] } }, stable);
    expect(remembered(text)).toEqual({
      metadata: { annotations: { a: "1" } },
      spec: { nodeSelector: { disk: "fast" } },
    });
  });

  it("leaves lists alone that are replaced as a whole, and what the applier never had", () => {
    const stable = { spec: { containers: [{ name: "app", args: ["a", "b"], env: named("FOO") }] } };
    const intent = { spec: { containers: [{ name: "app", args: ["a"], env: named() }] } };
    const text = withDropped(manifest({ spec: { containers: [{ name: "app", args: ["a"] }] } }), intent, stable);
    expect(remembered(text)).toEqual({ spec: { containers: [{ name: "app", args: ["a"] }] } });
  });

  it.each(["", "not JSON", "null", "{}", '{"spec":{}}', '{"spec":{"template":[]}}'])("%j stays as it is", (text) => {
    expect(withDropped(text, {}, { spec: { containers: [] } })).toBe(text);
  });
});
