// What a hash of configuration tells, and what it must not.
import { describe, expect, it } from "vitest";
import { hashConfig, type ConfigPlace } from "./config-hash.ts";

const place: ConfigPlace = { kind: "Secret", namespace: "shop", name: "db" };
const data = { password: "aHVudGVyMg==" };

describe("a hash of configuration", () => {
  it("is the same for the same data of the same object, whatever its labels", () =>
    expect(hashConfig({ data, metadata: { labels: { a: "b" }, uid: "2" } }, place, "key")).toBe(
      hashConfig({ data }, place, "key"),
    ));

  it("is 16 hex digits, and another for other data", () => {
    expect(hashConfig({ data }, place, "key")).toMatch(/^[0-9a-f]{16}$/);
    expect(hashConfig({ data: { password: "" } }, place, "key")).not.toBe(hashConfig({ data }, place, "key"));
    expect(hashConfig({ binaryData: data }, place, "key")).not.toBe(hashConfig({ data }, place, "key"));
  });

  it.each<[string, Partial<ConfigPlace>]>([
    ["in another namespace", { namespace: "mine" }],
    ["under another name", { name: "guess" }],
    ["in the other kind", { kind: "ConfigMap" }],
  ])("of the same data %s is another, so that nobody can try what a Secret holds with another", (_where, other) =>
    expect(hashConfig({ data }, { ...place, ...other }, "key")).not.toBe(hashConfig({ data }, place, "key")),
  );
});
