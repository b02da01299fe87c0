import { describe, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { annotation } from "../../shared/core/objects/names.ts";
import { stampCommand } from "./commands.ts";

function canary(command?: object | string): Canary {
  const text = typeof command === "object" ? JSON.stringify(command) : command;
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", ...(text === undefined ? {} : { annotations: { [annotation.command]: text } }) },
    spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" }, analysis: {} },
  };
}

function stamped(sent: Canary, old: Canary | undefined): unknown {
  const result = stampCommand(sent, old, "alice");
  if (!result.ok) throw new Error(result.message);
  const text = result.canary.metadata.annotations?.[annotation.command];
  return text === undefined ? undefined : JSON.parse(text);
}

describe("a command in a Canary's annotation", () => {
  it("gets the name of who really sent it", () => {
    expect(stamped(canary({ id: "1", verb: "promote", run: "run-1" }), canary())).toEqual({
      id: "1",
      verb: "promote",
      run: "run-1",
      by: "alice",
    });
  });

  it("cannot claim to be someone else's", () => {
    expect(stamped(canary({ by: "root", id: "1", verb: "rollback" }), canary())).toHaveProperty("by", "alice");
  });

  it("keeps only the fields that a command has", () => {
    expect(stamped(canary({ id: "1", verb: "promote", force: "yes", extra: 1 }), canary())).toEqual({
      id: "1",
      verb: "promote",
      by: "alice",
    });
  });

  it("stays as it was given when someone edits it", () => {
    const given = { id: "1", verb: "rollback", by: "bob" };
    expect(stamped(canary({ ...given, verb: "promote", by: "carol" }), canary(given))).toEqual(given);
  });

  it("stays when a manifest without it is put", () => {
    const given = { id: "1", verb: "rollback", by: "bob" };
    expect(stamped(canary(), canary(given))).toEqual(given);
  });

  it("can be withdrawn", () => {
    const withdrawn = canary();
    withdrawn.metadata.uid = "canary-uid";
    expect(stamped(withdrawn, canary({ id: "1", verb: "rollback", by: "bob" }))).toBeUndefined();
  });

  it("is replaced by the next one", () => {
    const given = { id: "1", verb: "rollback", by: "bob" };
    expect(stamped(canary({ id: "2", verb: "promote" }), canary(given))).toHaveProperty("by", "alice");
  });

  it("is stamped the same when the answer is asked about again", () => {
    const first = stampCommand(canary({ id: "1", verb: "promote" }), canary(), "alice");
    expect(first.ok && stampCommand(first.canary, canary(), "alice")).toEqual(first);
  });

  it("does not come along with a Canary that is created", () => {
    expect(stamped(canary({ id: "1", verb: "promote", by: "bob" }), undefined)).toBeUndefined();
  });

  it.each([
    { verb: "promote", toStep: 3 },
    { verb: "promote", run: "3", force: true, reason: "seen by eye" },
    { verb: "rollback" },
    { verb: "pause", for: "30m" },
    { verb: "pause" },
    { verb: "resume" },
    { verb: "retry" },
    { verb: "adopt" },
    { verb: "undo" },
  ])("is taken with all that it says: %j", (command) => {
    expect(stamped(canary({ id: "1", ...command }), canary())).toEqual({ id: "1", ...command, by: "alice" });
  });

  it.each([
    { verb: "promote", toStep: "3" },
    { verb: "promote", toStep: 0 },
    { verb: "promote", toStep: 1.5 },
    { verb: "rollback", toStep: 1 },
    { verb: "pause", for: "soon" },
    { verb: "pause", for: "0s" },
    { verb: "resume", for: "30m" },
  ])("is refused rather than taken for another one: %j", (command) => {
    expect(stampCommand(canary({ id: "1", ...command }), canary(), "alice").ok).toBe(false);
  });

  it.each(["", "promote", "{}", '{"id":"1","verb":"explode"}', '{"id":"","verb":"promote"}', "[1]", "null"])(
    "is refused when it cannot be read: %j",
    (text) => {
      const result = stampCommand(canary(text), canary(), "alice");
      expect(result).toHaveProperty("message", expect.stringContaining("kubectl canary promote, rollback"));
    },
  );
});
