/** When `wait` ends and with which exit code: per state of a run, and over the course of one. */
import { describe, expect, it } from "vitest";
import { assess, type Awaited, type Look, nothingYet, type TargetTemplate } from "./conditions.ts";
import type { CanaryStatus, RunStatus } from "../../../shared/core/objects/canary-status.ts";
import { aCanary, ago, aRun, aStatus, canaryImages, stableImages } from "../../../test/plugin/fixtures/seen.ts";
import { states } from "../../../test/plugin/fixtures/states.ts";

const stable: TargetTemplate = { hash: "v1-aa", images: stableImages };
const asked: TargetTemplate = { hash: "v1-bb", images: canaryImages };
const third: TargetTemplate = { hash: "v1-cc", images: { podinfod: "quay.io/stefanprodan/podinfo:1.8.0" } };
const promoted: Awaited = { condition: "promoted" };

const idle = (more: Partial<CanaryStatus> = {}): CanaryStatus =>
  aStatus({ phase: "Initialized", canaryWeight: 0, ...more });
const running = (more: Partial<RunStatus> = {}): CanaryStatus =>
  aStatus({ run: { ...aRun, ...more }, reason: "Going on." });
const ended = (outcome: "promoted" | "rejected" | "reverted" | "superseded"): CanaryStatus =>
  idle({
    history: [{ ...aRun, run: "3", outcome, cause: "the cause", startedAt: ago(60), endedAt: ago(1) }],
    ...(outcome === "promoted" ? { stable: { hash: "v1-bb", podTemplateHash: "x", images: canaryImages } } : {}),
    ...(outcome === "rejected"
      ? { phase: "Failed", rejected: [{ hash: "v1-bb", at: ago(1), cause: "the cause" }] }
      : {}),
  });

type Moment = [CanaryStatus | undefined, TargetTemplate | undefined];

/** Looks at each moment in turn; what the last one came to. */
function course(awaited: Awaited, ...moments: Moment[]): Look["verdict"] {
  let look: Look = { memory: nothingYet };
  for (const [status, target] of moments) {
    expect(look.verdict).toBeUndefined();
    look = assess(awaited, aCanary(status), target, look.memory);
  }
  return look.verdict;
}

describe("waiting for a change", () => {
  it("that the controller has not seen yet goes on", () => expect(course(promoted, [idle(), asked])).toBeUndefined());

  it("ends when its run is promoted", () => {
    const verdict = course(promoted, [idle(), asked], [running(), asked], [ended("promoted"), asked]);
    expect(verdict).toEqual({
      code: 0,
      outcome: "promoted",
      words: "promoted: quay.io/stefanprodan/podinfo:1.7.1: the cause (run 3)",
    });
  });

  it("ends with 3 when its run is rolled back", () =>
    expect(course(promoted, [running(), asked], [ended("rejected"), asked])).toMatchObject({
      code: 3,
      outcome: "failed",
    }));

  it("ends with 3 at once when it was rejected before", () =>
    expect(course(promoted, [ended("rejected"), asked])).toMatchObject({ code: 3 }));

  it("is not misled by an older run of the same version", () =>
    expect(course(promoted, [ended("superseded"), asked])).toBeUndefined());

  it.each(["superseded", "reverted"] as const)("ends with 6 when its run is %s", (outcome) =>
    expect(course(promoted, [running(), asked], [ended(outcome), stable])).toMatchObject({ code: 6 }),
  );

  it("ends with 6 when another change takes its place before it began", () =>
    expect(course(promoted, [idle(), asked], [idle(), third])).toEqual({
      code: 6,
      outcome: "superseded",
      words: "superseded: quay.io/stefanprodan/podinfo:1.8.0 was asked for instead",
    }));

  it("that is stable already ends at once", () =>
    expect(course(promoted, [idle(), stable])).toMatchObject({
      code: 0,
      words: "promoted: quay.io/stefanprodan/podinfo:1.7.0 is stable",
    }));

  it("ends with 4 when a person must act, and not during a pause that ends by itself", () => {
    const paused = { by: "alice", at: ago(5) };
    expect(course(promoted, [running({ paused }), asked])).toMatchObject({
      code: 4,
      words: "waits for a person: Going on.",
    });
    expect(course(promoted, [running({ paused: { ...paused, until: ago(-60) } }), asked])).toBeUndefined();
    expect(course(promoted, [running({ hold: "lowered-by-hand" }), asked])).toMatchObject({ code: 4 });
    expect(course(promoted, [running({ hold: "no-evidence" }), asked])).toBeUndefined();
  });

  it("ends with 4 where no run starts before a person acts, and not while an undo is under way", () => {
    const unvetted = { hash: "v1-cc", images: third.images, by: "bob", how: "break-glass", at: ago(9) } as const;
    expect(course(promoted, [idle(), { ...asked, pausedByUser: true }])).toMatchObject({
      code: 4,
      words: "waits for a person: its user paused the Deployment; no canary starts before it is resumed",
    });
    expect(course(promoted, [running(), { ...asked, pausedByUser: true }])).toBeUndefined();
    expect(course(promoted, [idle({ unvetted }), asked])).toMatchObject({ code: 4 });
    expect(course(promoted, [idle({ unvetted: { ...unvetted, undoneBy: "bob" } }), asked])).toBeUndefined();
    expect(course(promoted, [idle({ unvetted }), third])).toMatchObject({ code: 4 });
    expect(course(promoted, [idle({ unvetted: { ...unvetted, undoneBy: "bob" } }), third])).toBeUndefined();
  });

  it("without sight of the Deployment goes by the status alone", () => {
    expect(course(promoted, [running(), undefined], [ended("promoted"), undefined])).toMatchObject({ code: 0 });
    expect(course(promoted, [ended("rejected"), undefined])).toMatchObject({ code: 3 });
  });
});

describe("waiting for an image", () => {
  const image = { ...promoted, image: "podinfo:1.7.1" };
  it("goes on while another one is asked for, or runs", () =>
    expect(
      course(image, [idle(), stable], [aStatus({ run: { ...aRun, intent: "v1-cc", images: third.images } }), third]),
    ).toBeUndefined());

  it("finds it when it comes, and follows its run", () =>
    expect(
      course(image, [idle(), stable], [idle(), asked], [running(), asked], [ended("promoted"), asked]),
    ).toMatchObject({ code: 0 }));

  it("takes it whole, or from a slash on", () => {
    for (const typed of ["podinfo:1.7.0", "stefanprodan/podinfo:1.7.0", stableImages.podinfod])
      expect(course({ ...promoted, image: typed }, [idle(), stable])).toMatchObject({ code: 0 });
    expect(course({ ...promoted, image: "info:1.7.0" }, [idle(), stable])).toBeUndefined();
  });
});

describe("waiting for something else", () => {
  it("a step is reached when the canary has its weight", () => {
    const step: Awaited = { condition: "step", step: 2 };
    expect(course(step, [running({ stage: "scaling" }), asked])).toBeUndefined();
    expect(course(step, [running(), asked])).toMatchObject({ code: 0, words: "step 2 of 10 (run 3)" });
    expect(course(step, [running({ step: 4, stage: "scaling" }), asked])).toMatchObject({ code: 0 });
    expect(course(step, [running({ step: 0 }), asked], [ended("rejected"), asked])).toMatchObject({ code: 3 });
    expect(course(step, [running({ step: 0 }), asked], [ended("promoted"), asked])).toMatchObject({ code: 0 });
  });

  it("a failure that comes is success, and a promotion is not", () => {
    const failed: Awaited = { condition: "failed" };
    expect(course(failed, [running(), asked], [ended("rejected"), asked])).toMatchObject({
      code: 0,
      outcome: "failed",
    });
    expect(course(failed, [running(), asked], [ended("promoted"), asked])).toMatchObject({
      code: 6,
      outcome: "promoted",
    });
  });

  it("a pause ends it, whoever made it", () => {
    const paused: Awaited = { condition: "paused" };
    expect(course(paused, [running(), asked])).toBeUndefined();
    expect(course(paused, [running({ paused: { by: "alice", at: ago(5), until: ago(-60) } }), asked])).toMatchObject({
      code: 0,
    });
  });

  it("initialization is over when there is a stable version", () => {
    const initialized: Awaited = { condition: "initialized" };
    expect(course(initialized, [undefined, stable], [idle({ phase: "Initializing" }), stable])).toBeUndefined();
    expect(course(initialized, [idle(), stable])).toMatchObject({
      code: 0,
      words: "initialized, quay.io/stefanprodan/podinfo:1.7.0 is stable",
    });
  });
});

const targetOf = ({ run, rejected, unvetted }: CanaryStatus): TargetTemplate =>
  unvetted ? third : run || rejected ? asked : stable;

it("each state of a run gives each condition its words and exit code", async () => {
  const conditions: Awaited[] = [
    promoted,
    { condition: "failed" },
    { condition: "paused" },
    { condition: "step", step: 3 },
    { condition: "initialized" },
  ];
  const lines = Object.entries(states).flatMap(([name, { canary }]) => [
    `${name}:`,
    ...conditions.map((awaited) => {
      const target = targetOf(canary.status ?? {});
      const { verdict } = assess(awaited, canary, target, nothingYet);
      const condition = awaited.step ? `step=${awaited.step}` : awaited.condition;
      return `  --for=${condition.padEnd(11)} ${verdict ? `exit ${verdict.code}   podinfo: ${verdict.words}` : "waits"}`;
    }),
  ]);
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("../../../test/plugin/golden/wait.txt");
});
