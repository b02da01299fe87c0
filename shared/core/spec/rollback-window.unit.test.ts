import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { AnalysisSpec } from "../objects/canary.ts";
import { formatErrors, parsePolicy } from "./policy.ts";

function read(rollbackWindow: AnalysisSpec["rollbackWindow"]): unknown {
  const { analysis, ...spec } = aSpec();
  const parsed = parsePolicy({ ...spec, analysis: { ...analysis, ...(rollbackWindow ? { rollbackWindow } : {}) } });
  return parsed.ok ? parsed.policy.rollbackWindow : formatErrors(parsed.errors);
}

describe("analysis.rollbackWindow", () => {
  it.each([
    ["is off unless given", undefined, undefined],
    ["may be a number of versions", { versions: 3 }, { versions: 3 }],
    ["may be a time", { duration: "1h30m" }, { durationMs: 5_400_000 }],
    ["may be both", { versions: 1, duration: "24h" }, { versions: 1, durationMs: 86_400_000 }],
  ])("%s", (_, given, wanted) => expect(read(given)).toEqual(wanted));

  it.each([
    [{}, "spec.analysis.rollbackWindow: needs versions, duration or both: how far back may a version go out at once?"],
    [{ versions: 0 }, "spec.analysis.rollbackWindow.versions: 0 is not a whole number from 1 to 19"],
    [{ versions: 20 }, "spec.analysis.rollbackWindow.versions: 20 is not a whole number from 1 to 19"],
    [{ versions: 1.5 }, "spec.analysis.rollbackWindow.versions: 1.5 is not a whole number from 1 to 19"],
    [{ duration: "a day" }, 'spec.analysis.rollbackWindow.duration: "a day" is not a duration such as 24h'],
    [{ duration: "0s" }, 'spec.analysis.rollbackWindow.duration: "0s" is not a duration such as 24h'],
  ])("%j is refused", (given, words) => expect(read(given)).toBe(words));
});
