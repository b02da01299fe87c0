import { describe, expect, it } from "vitest";
import { annotation } from "../objects/names.ts";
import { commandIn, parseCommand, printCommand } from "./codec.ts";

describe("the command annotation", () => {
  it("is read as it was written", () => {
    const command = { id: "1", verb: "pause", run: "r", for: "30m", reason: "lunch", by: "alice" } as const;
    expect(parseCommand(printCommand(command))).toEqual(command);
    expect(commandIn({ metadata: { annotations: { [annotation.command]: printCommand(command) } } })).toEqual(command);
  });

  it("that is absent or empty is no command", () => {
    expect(commandIn({ metadata: {} })).toBeUndefined();
    expect(commandIn({ metadata: { annotations: { [annotation.command]: "" } } })).toBeUndefined();
  });

  it.each([
    ["no JSON", "promote"],
    ["no object", '"promote"'],
    ["null", "null"],
    ["no id", '{"verb":"promote"}'],
    ["an id that is no text", '{"id":1,"verb":"promote"}'],
    ["a verb that is none", '{"id":"1","verb":"dance"}'],
    ["a step that is none", '{"id":"1","verb":"promote","toStep":0}'],
    ["a step for another verb", '{"id":"1","verb":"pause","toStep":2}'],
    ["a duration that is none", '{"id":"1","verb":"pause","for":"soon"}'],
  ])("with %s is no command", (_what, text) => {
    expect(parseCommand(text)).toBeUndefined();
  });

  it("loses what only explains where it cannot be read, and what it does not know", () => {
    const text = JSON.stringify({ id: "1", verb: "promote", reason: 5, force: "yes", by: ["root"], extra: 1 });
    expect(parseCommand(text)).toEqual({ id: "1", verb: "promote" });
  });
});
