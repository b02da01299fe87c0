import { expect, it } from "vitest";
import { verdictOf } from "./audit.ts";

const advisory = (severity: string): object => ({
  name: "left-pad",
  severity,
  via: ["other", { title: "Pads right", url: "https://example.org/1" }],
});

it.each([
  ["nothing is wrong", { vulnerabilities: {} }, true, "no advisory"],
  ["what is severe fails", { vulnerabilities: { a: advisory("high") } }, false, "high: left-pad, Pads right (https"],
  ["what is not is only said", { vulnerabilities: { a: advisory("moderate") } }, true, "1 advisories"],
  [
    "without network nothing is known",
    { error: { code: "ENOTFOUND", summary: "" } },
    undefined,
    "(ENOTFOUND), so nothing",
  ],
  ["nor from a registry that does not answer that", { message: "405 Method Not Allowed" }, undefined, "(405 Method"],
])("%s", (_, printed, isSound, text) => {
  const verdict = verdictOf(JSON.stringify(printed));
  expect(verdict.isSound).toBe(isSound);
  expect(verdict.text).toContain(text);
});

it("takes no noise for an answer", () => {
  expect(verdictOf("npm ERR!").isSound).toBeUndefined();
});
