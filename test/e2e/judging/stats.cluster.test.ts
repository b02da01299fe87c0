// Numbers that people are shown, beside what Prometheus and the route say when they are asked by hand.
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPrometheus } from "../../../shared/prometheus.ts";
import type { DoctorView } from "../../../plugin/commands/doctor/facts.ts";
import type { StatsView } from "../../../plugin/commands/stats.ts";
import type { PlanView } from "../../../plugin/commands/plan/view.ts";
import { samplesOf } from "../../cluster/parts/samples.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { type Forward, portForward } from "../../cluster/client.ts";
import { Scenario } from "../scenario.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

let scenario: Scenario;
let prometheus: Forward;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-stats", {
    provider: "gatewayapi:v1",
    // Its weight stays while the numbers are compared.
    analysis: { interval: "10s", stepWeight: 50, pauses: [{ weight: 50 }] },
  });
  prometheus = await portForward("linkerd-viz", "svc/prometheus", 9090);
  await scenario.setImage("1.7.1");
  await scenario.until(
    "numbers of a canary that waits",
    ({ run, tracks }) => run?.hold === "declared-pause" && (tracks?.canary.requests ?? 0) > 0,
  );
});
afterAll(async () => {
  await prometheus.close();
  await scenario.end();
});

/**
 * The numbers as stats gives them, of a moment at which no scrape of the namespace was under way. What such a scrape brings is stored when
 * it ends, with the time at which it began: whoever asks for that moment later sees more.
 */
async function statsBetweenScrapes(args: string[]): Promise<StatsView | ReturnType<typeof unmet>> {
  const { code, stdout, stderr } = await scenario.plugin("stats", "--show-query", "-o", "json", ...args);
  expect(code, stderr).toBe(0);
  const view = JSON.parse(stdout) as StatsView;
  const at = Date.parse(view.measuredAt ?? "");
  const scrapes = await waitFor(
    async () => {
      const ended = await samplesOf(`scrape_duration_seconds{namespace="${scenario.namespace}"}`);
      // No scrape may take longer than the interval of two seconds.
      return ended.some((one) => one.at > at + 2_000) ? ended : unmet("no later scrape");
    },
    60_000,
    "the scrapes of that moment to have ended",
  );
  const spansIt = scrapes.some((one) => one.at <= at && one.at + 1_000 * one.value + storingMs > at);
  return spansIt ? unmet("a scrape was under way") : view;
}

/** What Prometheus takes at most to store what it has scraped. */
const storingMs = 100;

const columns = ["requests", "successPercent", "latencyMsP50", "latencyMsP95", "latencyMsP99"] as const;

it.each([
  ["as the tracks' own proxies counted", []],
  ["as the caller's did", ["--from", "deploy/load"]],
])("stats %s agrees with Prometheus asked by hand for the same moment", async (_whose, args) => {
  const view = await waitFor(() => statsBetweenScrapes(args), 120_000, "numbers of a moment between two scrapes");
  const byHand = createPrometheus({ timers: systemClock, address: prometheus.url });
  for (const track of view.tracks)
    for (const column of columns) {
      const [sample] = await byHand.query(track.queries?.[column] ?? "", Date.parse(view.measuredAt ?? ""));
      expect([track.name, column, track[column]]).toEqual([track.name, column, sample?.value]);
      expect(track[column]).toBeGreaterThan(0);
    }
});

it("shows the weight that stands in the route", async () => {
  const { stdout } = await scenario.plugin("stats", "-o", "json");
  const view = JSON.parse(stdout) as StatsView;
  const canary = view.tracks.find(({ name }) => name === "canary");
  expect([view.source, canary?.weightPercent]).toEqual(["status", await scenario.weight()]);
});

it("plans by the traffic that there is", async () => {
  const load = await scenario.load();
  const { requests: before } = await load.counts();
  const { requests: now } = await load.until(before + 300);
  const planned = async (): Promise<number | ReturnType<typeof unmet>> => {
    const { code, stdout, stderr } = await scenario.plugin("plan", "-o", "json");
    expect(code, stderr).toBe(0);
    const { traffic } = JSON.parse(stdout) as PlanView;
    // An app of some minutes is not spread over the hour.
    expect(traffic.windowSeconds).toBeLessThan(3_600);
    const counted = traffic.requestsPerSecond * (traffic.windowSeconds ?? 0);
    return counted >= 0.95 * (now - before) ? counted : unmet(`${counted} requests`);
  };
  const counted = await waitFor(planned, 60_000, "what Prometheus has scraped");
  // increase() extrapolates a little.
  expect(counted).toBeLessThan(1.1 * (await load.counts()).requests);
});

it("the doctor finds nothing wrong with it", async () => {
  const { code, stdout } = await scenario.plugin("doctor", "-o", "json");
  expect((JSON.parse(stdout) as DoctorView).findings.filter(({ level }) => level === "broken")).toEqual([]);
  expect(code).toBe(0);
});
