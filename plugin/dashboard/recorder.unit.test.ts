import { describe, expect, it } from "vitest";
import { ago, now, scope } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";
import { viewCanary } from "../view/canary-view.ts";
import type { CanaryView } from "../view/types.ts";
import { keyOfView, Recorder } from "./recorder.ts";

const running = (): CanaryView => viewCanary(states["progressing"]!, scope, now);
const key = "test/podinfo";

describe("the recorder", () => {
  it("begins with the trend of the status, and notes each measurement once", () => {
    const recorder = new Recorder();
    const view = running();
    expect(keyOfView(view)).toBe(key);
    recorder.note(view, now);
    recorder.note(view, now + 1_000);
    const { samples, weights } = recorder.seriesOf(key);
    expect(samples.map(({ at }) => at)).toEqual([...new Set([...view.trend.map(({ at }) => at), view.measuredAt])]);
    expect(samples.at(-1)?.canary).toMatchObject({ successPercent: 99.61, latencyMsP95: 14 });
    // The weight moved when its check began, before it was seen here.
    expect(weights).toEqual([{ at: view.run?.stageAt, percent: 20 }]);
  });

  it("notes weights as they change, in order of time", () => {
    const recorder = new Recorder();
    recorder.note(running(), now);
    recorder.note({ ...running(), canaryWeightPercent: 0, run: null }, now + 5_000);
    expect(recorder.seriesOf(key).weights).toEqual([
      { at: ago(12), percent: 20 },
      { at: new Date(now + 5_000).toISOString(), percent: 0 },
    ]);
  });

  it("keeps a run's numbers after its end, until another begins", () => {
    const recorder = new Recorder();
    const view = running();
    recorder.note(view, now);
    recorder.note({ ...view, run: null }, now + 5_000);
    expect(recorder.seriesOf(key).samples.length).toBeGreaterThan(1);
    const next = { ...view, run: { ...view.run!, id: "4" }, trend: [], measuredAt: null, canaryWeightPercent: 0 };
    recorder.note(next, now + 10_000);
    expect(recorder.seriesOf(key).samples).toEqual([]);
    expect(recorder.seriesOf(key).weights).toHaveLength(1);
  });

  it("keeps no more than an hour of them, and nothing of what is gone", () => {
    const recorder = new Recorder();
    for (let index = 0; index < 1_000; index++) {
      const at = new Date(now + index * 10_000).toISOString();
      recorder.note(
        { ...running(), trend: [], measuredAt: at, canaryWeightPercent: index % 100 },
        now + index * 10_000,
      );
    }
    expect(recorder.seriesOf(key).samples).toHaveLength(360);
    expect(recorder.seriesOf(key).weights).toHaveLength(360);
    recorder.forget(key);
    expect(recorder.seriesOf(key)).toEqual({ samples: [], weights: [] });
  });
});
