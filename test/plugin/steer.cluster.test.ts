/** The verbs that steer, answered by the core's own decisions: the text per state of a run, and two commands at once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Command } from "../../shared/core/objects/command.ts";
import type { CanaryState } from "../../shared/core/state.ts";
import type { Observation } from "../../shared/core/observation.ts";
import { resource } from "../../shared/kube/resources.ts";
import { aHeldTarget, aRunningState, aState, aTarget, hashOf, imagesAt } from "../builders.ts";
import { type Decider, startDecider, statusOf } from "./fixtures/decider.ts";
import { ensureNamespace, place } from "./fixtures/place.ts";
import { defineResources, type Plane, type Ran, startPlane } from "./fixtures/plane.ts";
import { aLease, ago, microTime, now, seenWith } from "./fixtures/seen.ts";

let plane: Plane;
let count = 0;
const deciders: Decider[] = [];

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
});
afterAll(async () => {
  await Promise.all(deciders.map((decider) => decider.stop()));
  await plane.stop();
});

const analysing = { stage: "analysing", step: 1, stageAt: now, checkAt: now + 7_000 } as const;
const run = (more: Parameters<typeof aRunningState>[1] = {}): CanaryState =>
  aRunningState(20, { ...analysing, ...more }, { reason: "Weight 20 passed 1 check." });
const rejected = { hash: hashOf("1.7.1"), at: now - 60_000, cause: "5 failed checks" };
const over = {
  ...{ run: "cafe1710-1", intent: hashOf("1.7.1"), images: imagesAt("1.7.1"), requestedBy: "alice" },
  ...{ outcome: "rejected" as const, cause: "5 failed checks", startedAt: now - 200_000, endedAt: now - 60_000 },
} as const;
const failed = aState({
  phase: "Failed",
  rejected: [rejected],
  history: [over],
  runs: 1,
  reason: "podinfo:1.7.1 was rejected: 5 failed checks.",
});
const unvetted = {
  ...{ hash: hashOf("1.7.2"), images: imagesAt("1.7.2"), by: "carol", how: "break-glass", at: now - 9_000 },
  ...{ podTemplateHash: "pod1.7.2" },
};

interface State {
  state: CanaryState;
  world?: Partial<Observation>;
}

const states: Record<string, State> = {
  initializing: {
    state: aState({ phase: "Initializing", reason: "Creating Services and route for podinfo." }),
    world: { servicesReady: false },
  },
  steady: { state: aState({ reason: "podinfo:1.7.0 is stable and gets all traffic." }) },
  progressing: { state: run() },
  "held for want of evidence": { state: run({ wait: "no-evidence", waitSince: now - 90_000 }) },
  "waiting for a person": { state: run({ wait: "paused", waitSince: now, paused: { by: "bob", at: now } }) },
  "failing checks": {
    state: {
      ...run(),
      failedChecks: 2,
      checks: [
        {
          metric: "request-success-rate",
          outcome: "fail",
          value: 71.2,
          unit: "percent",
          min: 99,
          requests: 500,
          query: "",
          message: "71.20% is below 99%",
          at: ago(3),
        },
      ],
    },
  },
  promoting: {
    state: aRunningState(100, { stage: "promoting", step: 9, stageAt: now }, { phase: "Promoting" }),
    world: {
      target: aTarget({
        intent: hashOf("1.7.1"),
        images: imagesAt("1.7.1"),
        promoting: "cafe1710-1",
        rolledOut: false,
      }),
    },
  },
  failed: { state: failed, world: { target: aHeldTarget("1.7.1", { markedRejected: true }) } },
  "running an unvetted change": {
    state: aState({ unvetted, reason: "podinfo:1.7.2 went live without a canary." }),
    world: { target: aTarget({ intent: hashOf("1.7.2"), images: imagesAt("1.7.2") }) },
  },
};

interface Placed {
  at: { name: string; namespace: string };
  args: string[];
  decider: Decider;
}

async function placed({ state, world }: State): Promise<Placed> {
  const namespace = `steer-${++count}`;
  await place(
    plane.cluster,
    { ...seenWith(statusOf(state)), route: undefined, lease: undefined },
    { namespace, controllerNamespace: namespace },
  );
  const at = { name: "podinfo", namespace };
  const decider = startDecider(plane.cluster, at, { namespace, ...world });
  deciders.push(decider);
  return { at, decider, args: ["podinfo", "-n", namespace, "--controller-namespace", namespace] };
}

const shown = ({ code, out, err }: Ran, namespace: string): string =>
  `exit ${code}\n${[out && `stdout: ${out}`, err && `stderr: ${err}`].join("")}`
    .replaceAll(namespace, "test")
    // By the API server's clock, which no test sets.
    .replace(/\([^()]* ago\)/, "(long ago)");

describe.each(["promote", "rollback"])("%s", (verb) => {
  it("has its words and exit code in each state of a run, on a terminal and off it", async () => {
    const lines: string[] = [];
    for (const [name, state] of Object.entries(states)) {
      for (const columns of [undefined, 72]) {
        const { at, args } = await placed(state);
        const ran = await plane.run([verb, ...args], columns === undefined ? {} : { columns });
        lines.push(
          `== ${name}, ${columns === undefined ? "off a terminal" : "on a terminal"}`,
          shown(ran, at.namespace),
        );
      }
    }
    await expect(lines.join("\n")).toMatchFileSnapshot(`golden/${verb}.txt`);
  });

  it("says that the controller is gone, and what can be done without it", async () => {
    const namespace = `gone-${verb}`;
    // Days ago, lines would be broken elsewhere from week to week.
    const lease = aLease(190);
    if (lease.spec) lease.spec.renewTime = microTime(Date.now() - 190_000);
    const seen = { ...seenWith(statusOf(run())), lease };
    await place(plane.cluster, seen, { namespace, controllerNamespace: `${namespace}-control` });
    const args = ["podinfo", "-n", namespace, "--controller-namespace", `${namespace}-control`, "--timeout", "1s"];
    const clock = { now: () => Date.now() };
    const off = await plane.run([verb, ...args], clock);
    const on = await plane.run([verb, ...args], { ...clock, columns: 72 });
    const text = `== off a terminal\n${shown(off, namespace)}== on a terminal\n${shown(on, namespace)}`;
    await expect(text.replaceAll(/[\d-]{10}T[\d:.]{12}Z/g, "2026-11-23T02:56:50.000Z")).toMatchFileSnapshot(
      `golden/${verb}-controller-gone.txt`,
    );
  });
});

describe("the other verbs", () => {
  it.each([
    ["pause", "progressing", ["--for", "30m", "--reason", "looking"], "podinfo:1.7.1 stays at weight 20 for 30m"],
    ["resume", "waiting for a person", [], "podinfo:1.7.1 goes on at step 2 of 10, weight 20."],
    ["promote", "progressing", ["--to-step", "5"], "going to step 5 of 10, weight 50, as soon as its pods are ready."],
    ["retry", "failed", [], ""],
    ["adopt", "running an unvetted change", [], ""],
    ["undo", "running an unvetted change", [], ""],
  ])("%s, when it is %s, is carried out", async (verb, state, flags, words) => {
    const { args } = await placed(states[state] as State);
    const { code, out, err } = await plane.run([verb, ...args, ...flags]);
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringMatching(/^Follow it: kubectl canary watch podinfo/) as string,
    });
    expect(out).toMatch(/^podinfo: \S/);
    expect(out).toContain(words);
  });

  it.each([
    ["pause", "steady"],
    ["resume", "progressing"],
    ["retry", "progressing"],
    ["adopt", "steady"],
    ["undo", "steady"],
  ])("%s, when it is %s, is refused with the controller's reason", async (verb, state) => {
    const { args } = await placed(states[state] as State);
    const { code, out, err } = await plane.run([verb, ...args]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(new RegExp(`^error: cannot ${verb}: \\S.*[.\\n]`));
  });

  it.each(["pause", "resume", "retry", "adopt", "undo"])(
    "%s of a Canary that is not there ends with 7",
    async (verb) => {
      await ensureNamespace(plane.cluster, "empty");
      const { code, err } = await plane.run([verb, "podinfo", "-n", "empty"]);
      expect({ code, err }).toEqual({
        code: 7,
        err: expect.stringContaining('No Canary "podinfo": namespace "empty" has no Canary at all.') as string,
      });
    },
  );
});

/** Runs both at the same moment: each has read the Canary before either writes. */
async function atOnce(first: string[], second: string[]): Promise<[Ran, Ran]> {
  let waiting = 0;
  let release: () => void = () => undefined;
  const both = new Promise<void>((resolve) => (release = resolve));
  const beforePatch = async (): Promise<void> => {
    if (++waiting >= 2) release();
    await both;
  };
  return Promise.all([plane.run(first, { beforePatch }), plane.run(second, { beforePatch })]);
}

const current = (at: Placed["at"]): Promise<Canary> => plane.cluster.get<Canary>(resource.canaries, at);

describe("two at once", () => {
  it("two promotes have one effect, and one giver is told so", async () => {
    const { at, args } = await placed(states["progressing"] as State);
    const ran = await atOnce(["promote", ...args], ["promote", ...args]);
    expect(ran.map(({ code }) => code).sort()).toEqual([0, 1]);
    const told = ran.find(({ code }) => code === 1)?.err ?? "";
    expect(told).toMatch(/is being promoted already|took its place before the controller had read it/);
    expect((await current(at)).status?.run).toMatchObject({ stage: "promoting" });
  });

  it("a rollback beside a promote ends on stable, and both givers know", async () => {
    const { at, args } = await placed(states["progressing"] as State);
    const [promote, rollback] = await atOnce(["promote", ...args], ["rollback", ...args]);
    expect(rollback).toMatchObject({ code: 0 });
    expect((await current(at)).status?.run?.ending).toMatchObject({ outcome: "rejected" });
    // Either it was carried out first and then taken back, or it came too late; it is never left without a word.
    if (promote.code === 0) expect(rollback.out).toContain("backing out of the promotion");
    else expect(promote.err).toMatch(/A rollback has been asked for|took its place|is being ended already/);
  });

  it("--if-run of a run that is over has no effect, and says which one is running", async () => {
    const { at, args } = await placed(states["progressing"] as State);
    const { code, err } = await plane.run(["promote", ...args, "--if-run", "cafe1700-0"]);
    expect(code).toBe(1);
    expect(err).toContain("it was meant for run cafe1700-0, but cafe1710-1 (podinfo:1.7.1) is running now");
    expect((await current(at)).status?.run).toMatchObject({ stage: "analysing" });
  });

  it("twenty at once have one effect each, in an order, and nobody is left without an answer", async () => {
    const { decider, args } = await placed(states["progressing"] as State);
    const verbs: Command["verb"][] = ["pause", "resume", "promote", "pause"];
    const ran = await Promise.all(
      Array.from({ length: 20 }, (_, at) => plane.run([verbs[at % 4] ?? "", ...args, "--timeout", "30s"])),
    );
    await decider.stop();
    for (const { code, out, err } of ran)
      expect([code, out === "" ? err : out]).toEqual([code, expect.stringMatching(/\S/)]);
    const accepted = ran.filter(({ out }) => out.includes("promoting podinfo:1.7.1"));
    expect(accepted.length).toBeLessThanOrEqual(1);
    expect(new Set(decider.answered).size).toBe(decider.answered.length);
    expect(ran.filter(({ err }) => err.includes("took its place")).length + decider.answered.length).toBe(20);
  });
});
