// Each strategy in a good run at 100 requests a second: nobody fails, and who is meant to get the canary gets it.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AnalysisSpec } from "../../shared/core/objects/canary.ts";
import type { PodinfoTag } from "../app/podinfo.ts";
import { askFrom } from "../mesh/tests/inside.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "./scenario.ts";

const namespace = "e2e-strategies";
const rate = 100;
const by = { stepWeight: null, maxWeight: null, stepWeights: null, iterations: null, match: null };
let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start(namespace, { provider: "gatewayapi:v1", rate });
});

afterAll(() => scenario.end());

/** Of a run that has just been asked for. */
async function release(tag: PodinfoTag, analysis: object): Promise<void> {
  const none = { ...by, pauses: null, preview: null, sessionAffinity: null };
  const patch = JSON.stringify({ spec: { analysis: { ...none, ...analysis } } });
  await scenario.kubectl("patch", "canary", "podinfo", "--type", "merge", "-p", patch);
  const load = await scenario.load();
  await load.reset();
  await load.setRate(rate);
  await scenario.setImage(tag);
}

const atPause = (weight: number): Promise<unknown> =>
  scenario.untilOfRun(
    `the pause at ${weight}`,
    ({ run }) => run?.hold === "declared-pause" && run.gate?.name === String(weight),
  );

async function resume(): Promise<void> {
  await scenario.plugin("resume");
}

async function promoted(): Promise<void> {
  await scenario.phase("Succeeded");
  const { failed, failures } = await (await scenario.load()).rest();
  expect(failed, JSON.stringify(failures)).toBe(0);
}

/** Percent of so many requests that the version answered, once its caller follows the route: the status is saved before that is written. */
async function shareOf(tag: PodinfoTag, requests: number): Promise<number> {
  const load = await scenario.load();
  const follows = async (): Promise<true | ReturnType<typeof unmet>> => {
    const { byVersion } = await load.gather(40);
    return (byVersion[tag] ?? 0) > 0 || unmet(JSON.stringify(byVersion));
  };
  await waitFor(follows, 30_000, `an answer of ${tag}`);
  const counts = await load.exactly(requests, rate);
  await load.setRate(rate);
  expect(counts.failed, JSON.stringify(counts.failures)).toBe(0);
  return (100 * (counts.byVersion[tag] ?? 0)) / counts.requests;
}

/** The tracks that answered. */
async function tracksOf(headers: Record<string, string>, times: number): Promise<Set<string>> {
  const answers = await askFrom(namespace, "load", { url: "http://podinfo:9898/", headers, times });
  return new Set(
    answers.map(({ status, body }) => {
      if (status !== 200) return `status ${status}`;
      return body.includes("podinfo-canary") ? "canary" : "primary";
    }),
  );
}

it("A/B: those who match get the canary, and nobody else", async () => {
  await (await scenario.load()).setPaths("/?beta=yes 1, / 3");
  const match: AnalysisSpec["match"] = [{ queryParams: { beta: { exact: "yes" } } }];
  await release("1.7.1", { iterations: 2, match, pauses: [{ weight: 100 }] });
  await atPause(100);
  const share = await shareOf("1.7.1", 200);
  expect(share).toBeGreaterThan(23);
  expect(share).toBeLessThan(27);
  await resume();
  await promoted();
  await (await scenario.load()).setPaths("/");
});

it("preview and session affinity: a header goes first, and everybody keeps the track that they were given", async () => {
  const analysis: AnalysisSpec = {
    stepWeights: [30],
    pauses: [{ weight: 0 }, { weight: 30 }],
    preview: { header: { name: "x-canary", value: "mine" } },
    sessionAffinity: { cookieName: "track" },
  };
  await release("1.7.4", analysis);
  await atPause(0);
  const isPreviewed = async (): Promise<true | ReturnType<typeof unmet>> =>
    (await tracksOf({ "x-canary": "mine" }, 1)).has("canary") || unmet("stable answers");
  await waitFor(isPreviewed, 30_000, "the preview");
  expect(await tracksOf({ "x-canary": "mine" }, 5)).toEqual(new Set(["canary"]));
  expect(await tracksOf({}, 5)).toEqual(new Set(["primary"]));
  await resume();
  await atPause(30);
  const share = await shareOf("1.7.4", 300);
  // Four standard deviations of 300 requests.
  expect(share).toBeGreaterThan(19);
  expect(share).toBeLessThan(41);
  const answers = await askFrom(namespace, "load", { url: "http://podinfo:9898/", times: 20 });
  const cookies = answers.map(({ headers }) => headers["set-cookie"] ?? "");
  for (const track of ["track", "track-primary"]) {
    const cookie = cookies.find((text) => text.startsWith(`${track}=`))?.split(";")[0];
    // Of 20 some get either.
    if (cookie !== undefined) expect((await tracksOf({ cookie }, 20)).size).toBe(1);
  }
  expect(cookies.every((text) => text.startsWith("track"))).toBe(true);
  await resume();
  await promoted();
});

it("Blue/Green: nobody is on it until everybody is", async () => {
  const before = (await scenario.events()).length;
  await release("1.7.0", { iterations: 2, metrics: [] });
  await promoted();
  const told = async (): Promise<true | ReturnType<typeof unmet>> => {
    const events = (await scenario.events()).slice(before).join("\n");
    const words = [`Advance podinfo.${namespace} canary iteration 2/2`, "Routing all traffic to canary"];
    return words.every((one) => events.includes(one)) || unmet(events);
  };
  await waitFor(told, 30_000, "the Events of the iteration and of the takeover");
});
