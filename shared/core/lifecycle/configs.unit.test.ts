// What a decision makes of configuration that has changed.
import { describe, expect, it } from "vitest";
import { aPolicy, anObservation, aRunningState, aState, aTarget, hashOf } from "../../../test/builders.ts";
import { decide } from "../decide.ts";
import type { Observation } from "../observation.ts";
import type { CanaryState } from "../state.ts";

const reference = { kind: "ConfigMap", name: "app", optional: false, live: false } as const;
const configs = { key: "k", tracked: { "configmap/app": "a" } };
const seenAs = (hash: string, mark?: string) => ({
  key: "k",
  hashes: { "configmap/app": hash },
  references: [reference],
  unknown: [],
  ...(mark === undefined ? {} : { mark }),
});

const made = (state: Partial<CanaryState>, seen: Partial<Observation>) =>
  decide(aState(state), anObservation(seen), aPolicy());
const marksOf = (decision: ReturnType<typeof decide>) => decision.actions.filter(({ kind }) => kind === "markConfigs");

describe("a change of configuration", () => {
  it("is put on the target's template, and said", () => {
    const decision = made({ configs }, { configs: seenAs("b") });
    expect(marksOf(decision)).toEqual([
      { kind: "markConfigs", mark: decision.state.configs?.pending?.mark, changed: "ConfigMap app" },
    ]);
    expect(decision.state.warnings).toEqual([
      "Changed and not judged: ConfigMap app. A pod of stable that starts now (scaled up, evicted) reads it.",
    ]);
  });

  it("is put there once, and taken off where the data is back", () => {
    const { mark } = made({ configs }, { configs: seenAs("b") }).state.configs!.pending!;
    const held = { target: aTarget({ intent: hashOf("1.7.1"), held: true }) };
    const pending = { mark, changed: { "configmap/app": "b" } };
    expect(marksOf(made({ configs: { ...configs, pending } }, { ...held, configs: seenAs("b", mark) }))).toEqual([]);
    expect(marksOf(made({ configs: { ...configs, pending } }, { ...held, configs: seenAs("a", mark) }))).toEqual([
      { kind: "markConfigs", changed: "" },
    ]);
  });

  it.each<[string, Partial<CanaryState>, Partial<Observation>]>([
    ["a version is being promoted", aRunningState(50, { stage: "promoting" }), {}],
    [
      "a run is being wound up",
      aRunningState(0, { stage: "draining", ending: { outcome: "rejected", cause: "x" } }),
      {},
    ],
    ["a change is let past the canary", {}, { target: aTarget({ bypass: true }) }],
    ["the target is not opted in", {}, { target: aTarget({ optedIn: false }) }],
    ["the Canary is not ours to touch", {}, { unmet: [{ code: "x", level: "obstacle", what: "No." }] }],
  ])("waits while %s", (_while, state, seen) =>
    expect(marksOf(made({ ...state, configs }, { configs: seenAs("b"), ...seen }))).toEqual([]),
  );

  it("is nothing where it is not tracked any more", () =>
    expect(made({ configs }, { configs: null }).state.configs).toBeUndefined());

  it("is taken off a target that is held with it where it is not tracked any more, or it would be held for ever", () => {
    const pending = { mark: "bad", changed: { "configmap/app": "b" } };
    const held = aTarget({ intent: hashOf("1.7.1"), held: true, configMark: "bad" });
    const off = made({ configs: { ...configs, mark: "good", pending } }, { target: held, configs: null });
    expect(marksOf(off)).toEqual([{ kind: "markConfigs", mark: "good", changed: "" }]);
    expect(off.state.configs).toEqual({ ...configs, mark: "good" });
    const { configMark: _none, ...back } = aTarget({ configMark: "good" });
    for (const target of [aTarget({ configMark: "good" }), back]) {
      const after = made({ configs: off.state.configs! }, { target, configs: null });
      expect([after.state.configs, marksOf(after)]).toEqual([undefined, []]);
    }
    const other = { target: { ...held, configMark: "good" }, configs: null };
    expect(made({ configs: off.state.configs! }, other).state.configs).toBeUndefined();
  });

  it("is left alone where it is not tracked any more while its version is promoted", () => {
    const target = aTarget({ intent: hashOf("1.7.1"), held: true, configMark: "new" });
    const state = { ...aRunningState(50, { stage: "promoting" }), configs };
    const off = made(state, { target, configs: null });
    expect([off.state.configs, marksOf(off)]).toEqual([configs, []]);
  });

  it("is kept where it was not looked at", () => {
    const decision = made({ configs }, {});
    expect({ configs: decision.state.configs, marks: marksOf(decision) }).toEqual({ configs, marks: [] });
  });
});
