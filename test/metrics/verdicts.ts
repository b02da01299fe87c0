// What an answer of Prometheus does to a run at weight 10 of 20, as text for people. What differs from run to run is left out.
import { decide } from "../../shared/core/decide.ts";
import { noCounts } from "../../shared/core/analysis/track-counts.ts";
import type { CountersSeen, MetricsSeen } from "../../shared/core/observation.ts";
import { aPolicy, aRunningState, aRunObservation, start } from "../builders.ts";

export interface Effect {
  kind: "goes on" | "counts" | "holds" | "ends";
  weight: number;
  failedChecks: number;
  reason: string;
}

const now = start + 40_000;
const tenMinutes = 600_000;

/** What the counters say of a canary whose only pod has just been reached by its first users. */
const warming: CountersSeen = {
  epoch: start,
  at: now,
  canary: noCounts,
  primary: noCounts,
  warmup: {
    canary: { ...noCounts, requests: 40, failures: 36 },
    primary: noCounts,
    pods: 1,
    evidenceAt: now + tenMinutes,
  },
};

/** Of a check that is due in the first of ten steps; `isWarming`: while the canary's first ten minutes are left out. */
export function effectOf(seen: MetricsSeen, isWarming = false): Effect {
  const metrics = { ...seen, askedAt: now, ...(seen.ok ? { sampledAt: now } : {}) } as MetricsSeen;
  const state = aRunningState(10, { stage: "analysing", stageAt: start, checkAt: start });
  const more = isWarming ? { counters: warming } : {};
  const policy = aPolicy(isWarming ? { warmupMs: tenMinutes } : {});
  const { state: next } = decide(state, aRunObservation(10, 4, { now, metrics, ...more }), policy);
  const { weight, failedChecks, run, reason } = next;
  const kind = !run || run.ending ? "ends" : failedChecks > 0 ? "counts" : run.wait ? "holds" : "goes on";
  return { kind, weight, failedChecks, reason };
}

/** One situation as it is kept in a transcript; `said` are the messages of its checks. */
export function rowOf(name: string, outcome: string, { effect, said }: { effect: Effect; said: string[] }): string {
  const { kind, weight, failedChecks, reason } = effect;
  const lines = [
    name,
    `  ${outcome}: ${kind}, weight ${weight}, ${failedChecks} failed`,
    `  why    ${reason}`,
    ...said.map((message) => `  check  ${message}`),
  ];
  return lines.map(settled).join("\n");
}

/** Without ports, and without counts and times that a scrape more or less would change. */
export function settled(text: string): string {
  return (
    text
      .replace(/http:\/\/127\.0\.0\.1:\d+/g, "http://prometheus:9090")
      .replace(/\b(podinfo|own)\.s\d+\b/g, "$1.test")
      .replace(/only \d+ requests? of/g, "only N requests of")
      .replace(
        /came in \d+s; \d+ more are needed: at [\d.]+ requests\/s in about [\dhms]+/g,
        "came in Ns; N more are needed: at N requests/s in about Ns",
      )
      .replace(/wait \d+s/g, "wait Ns")
      .replace(/\d+ of \d+ requests never answered/g, "N of N requests never answered")
      .replace(/none of \d+ requests/g, "none of N requests")
      // How many may yet be answered depends on the moment.
      .replace(
        /[\d.]+% < 99% \(N of N requests never answered, by its pods\)/g,
        "N% < 99% (N of N requests never answered, by its pods)",
      )
      .replace(/over \d+s and \d+ requests/g, "over Ns and N requests")
      .replace(/\d+ (user )?requests in \d+s/g, "N $1requests in Ns")
      .replace(/\(\d+ requests\)/g, "(N requests)")
      .replace(/\(\d+ bytes\)/g, "(N bytes)")
  );
}
