/** `plan -f` needs no cluster: its words, its JSON, and what it refuses. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../plugin/cli/cli.ts";
import { renderPlan } from "../../plugin/commands/plan/render.ts";
import { plan, type PlanArgs } from "../../plugin/commands/plan/plan.ts";
import type { PlanView } from "../../plugin/commands/plan/view.ts";
import { exitCode } from "../../plugin/context.ts";
import { aSpec } from "../builders.ts";
import { aTerminal } from "./fixtures/terminal.ts";

let dir = "";
const file = (name: string): string => join(dir, name);
const canary = (name: string, spec: object = aSpec()): object => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name, namespace: "test" },
  spec,
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "plugin-plan-"));
  const narrow = {
    ...aSpec().analysis,
    interval: "1m",
    stepWeight: 2,
    maxWeight: 4,
    minRequests: 100,
    noEvidence: { deadline: "5m" },
  };
  await writeFile(file("tutorial.yaml"), `${dump({ kind: "Service" })}---\n${dump(canary("podinfo"))}`);
  await writeFile(file("quiet.yaml"), dump(canary("podinfo", { ...aSpec(), analysis: narrow })));
  const { stepWeight: _, maxWeight: __, ...judged } = aSpec().analysis ?? {};
  const blueGreen = { ...aSpec(), analysis: { ...judged, iterations: 4 } };
  const matching = {
    ...aSpec(),
    analysis: { ...judged, iterations: 10, match: [{ headers: { "x-who": { exact: "us" } } }] },
  };
  await writeFile(file("blue-green.yaml"), dump(canary("podinfo", blueGreen)));
  await writeFile(file("a-b.yaml"), dump(canary("podinfo", matching)));
  const only = [{ headers: [{ name: "x-who", type: "Exact", value: "us" }] }];
  const run = { id: "r-2", only, share: { canary: 30, all: 400 } };
  const history = [{ run: "r-1" }, { run: "r-0", matchedPercent: 4.2 }];
  const ran = (name: string, status: object): Promise<void> =>
    writeFile(file(name), dump({ ...canary("podinfo", matching), status }));
  await ran("under-way.yaml", { run, history });
  await ran("others-match.yaml", { run: { ...run, only: [] }, history });
  await ran("too-few.yaml", { run: { ...run, share: { canary: 3, all: 40 } }, history: [] });
  await writeFile(file("two.yaml"), `${dump(canary("a"))}---\n${dump(canary("b"))}`);
  await writeFile(file("faulty.yaml"), dump(canary("podinfo", { ...aSpec(), analysis: { interval: "1x" } })));
  await writeFile(file("broken.yaml"), "a: [");
});
afterAll(() => rm(dir, { recursive: true }));

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = aTerminal({ env: { LANG: "C.UTF-8" } });
  const code = await runCli(["plan", ...argv], io, () => Promise.reject(new Error("no cluster is needed")));
  return { code, out: io.out(), err: io.err().replaceAll(dir, "DIR") };
}

/** With few runs: a slow machine has to do with it too. */
async function planned(args: Partial<PlanArgs>): Promise<{ out: string }> {
  const io = aTerminal({ env: { LANG: "C.UTF-8" } });
  const effort = { looks: 300, runs: 20 };
  const given = { seed: 1, suggest: false, output: "text", effort, ...args } as const;
  await plan(given, io, () => Promise.reject(new Error("no cluster is needed")));
  return { out: io.out() };
}

describe("plan -f", () => {
  it("says what a release by the tutorial's Canary takes, what a bad version costs, and what would cost less", async () => {
    const { out } = await planned({ file: file("tutorial.yaml"), rps: 50, failuresPercent: 0.1, suggest: true });
    await expect(out).toMatchFileSnapshot("golden/plan-tutorial.txt");
  });

  it("says the same to programs, and what is unwise at little traffic within the width of a terminal", async () => {
    const { out } = await planned({ file: file("quiet.yaml"), rps: 3, seed: 7, output: "json" });
    const view = JSON.parse(out) as PlanView;
    expect(view).toMatchObject({ kind: "PlanView", name: "podinfo", namespace: "test", seed: 7, suggestion: null });
    expect(view.traffic).toMatchObject({ from: "flags", requestsPerSecond: 3, failuresPercent: 0 });
    expect(view.versions).toHaveLength(8);
    const text = renderPlan(view, { style: { colour: false, unicode: true, width: 100 } });
    await expect(text).toMatchFileSnapshot("golden/plan-quiet.txt");
  });

  it("says what cannot be known of Blue/Green, and why nothing is suggested for it", async () => {
    const { out } = await planned({ file: file("blue-green.yaml"), rps: 50, suggest: true });
    await expect(out).toMatchFileSnapshot("golden/plan-blue-green.txt");
  });

  it("reckons with those who match in an A/B test, and suggests iterations", async () => {
    const args = { file: file("a-b.yaml"), rps: 50, failuresPercent: 0.1, matchingPercent: 5, suggest: true };
    await expect((await planned(args)).out).toMatchFileSnapshot("golden/plan-a-b.txt");
  });

  it.each([
    ["under-way.yaml", { percent: 7.5, run: "r-2" }],
    ["others-match.yaml", { percent: 4.2, run: "r-0" }],
  ])("takes what an A/B run has measured (%s)", async (name, matching) => {
    const { out } = await planned({ file: file(name), rps: 5, output: "json" });
    expect(JSON.parse(out)).toMatchObject({ strategy: "ab-testing", matching });
  });

  it.each(["a-b.yaml", "too-few.yaml"])("asks who will match where nothing has measured it (%s)", async (name) => {
    const { code, err } = await run("-f", file(name), "--rps", "50");
    expect(code).toBe(exitCode.error);
    expect(err).toMatch(/not known before an A\/B run .* takes 1m40s at least. Say how many percent .*--matching 5/);
  });

  it.each([
    ["two.yaml", exitCode.usage, "error: DIR/two.yaml holds 2 Canaries, and a plan is for one.\n"],
    ["broken.yaml", exitCode.usage, /^error: DIR\/broken.yaml cannot be read: /],
    ["missing.yaml", exitCode.usage, /^error: DIR\/missing.yaml cannot be read: ENOENT/],
    [
      "faulty.yaml",
      exitCode.error,
      /^error: The Canary cannot be read: spec.analysis: needs stepWeight or stepWeights/,
    ],
  ])("refuses %s", async (name, wanted, words) => {
    const { code, err, out } = await run("-f", file(name), "--rps", "50");
    expect({ code, out }).toEqual({ code: wanted, out: "" });
    expect(err).toMatch(words);
  });

  it.each([
    [["podinfo", "-f", "x"], "plan needs the name of a Canary, or a file: -f canary.yaml"],
    [[], "plan needs the name of a Canary, or a file: -f canary.yaml"],
    [["-f", "x", "--rps", "none"], '--rps "none" is not a number above 0 to 1000000.'],
    [["-f", "x", "--rps", "0"], '--rps "0" is not a number above 0 to 1000000.'],
    [["-f", "x", "--failures", "101"], '--failures "101" is not a number from 0 to 100.'],
    [["-f", "x", "--matching", "0"], '--matching "0" is not a number above 0 to 100.'],
    [["-f", "x", "--scrape-interval", "0s"], '--scrape-interval "0s" is below 1s.'],
  ])("refuses %s", async (argv, words) => {
    const { code, err } = await run(...argv);
    expect({ code, err }).toEqual({ code: exitCode.usage, err: `error: ${words}\n` });
  });
});
