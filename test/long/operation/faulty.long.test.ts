/**
 * Versions that hurt their users, step by step over both routers, each beside the same run by thresholds alone: none is promoted, and a
 * table says what each cost its users.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { printTable } from "../../bench/measure.ts";
import type { AnalysisSpec } from "../../../shared/core/objects/canary.ts";
import { importFaultyImages } from "../../app/install.ts";
import {
  faultyVersions,
  tryOut,
  type FaultyVersion,
  type Outcome,
  type Trial,
} from "../../e2e/judging/faulty-versions.ts";
import type { Provider } from "../../e2e/scenario.ts";

const routers: Provider[] = ["gatewayapi:v1", "linkerd"];
const analysis = { interval: "5s", threshold: 5, stepWeight: 10, maxWeight: 100 };
/** Of the rarest fault, which needs most requests to show itself before the last step. */
const longer: Record<string, Partial<AnalysisSpec>> = { "not-found": { interval: "15s" } };
const rows: string[][] = [];

beforeAll(() => importFaultyImages());

afterAll(() => {
  const head = ["a version that", "route", "goes", "bad answers", "by thresholds alone", "bad answers"];
  printTable(head, rows);
});

async function compared(version: FaultyVersion, provider: Provider): Promise<{ judged: Outcome; alone: Outcome }> {
  const paced = { ...analysis, ...longer[version.slug] };
  const trial: Trial = { prefix: `faulty-${provider.slice(0, 2)}`, provider, analysis: paced, rate: 25 };
  const off = { ...paced, comparison: { mode: "off" as const } };
  const [judged, alone] = await Promise.all([
    tryOut(version, trial),
    tryOut(version, { ...trial, prefix: `${trial.prefix}-alone`, analysis: off }),
  ]);
  const cost = ({ bad, counts }: Outcome): string => `${bad} of ${counts.requests}`;
  rows.push([
    version.what,
    provider === "linkerd" ? "TrafficSplit" : "HTTPRoute",
    ...[judged.end, cost(judged), alone.end, cost(alone)],
  ]);
  process.stdout.write(`${version.what}, ${provider}\n  ${judged.status.reason}\n  alone: ${alone.status.reason}\n`);
  return { judged, alone };
}

/** One router after the other: four apps that start at once leave requests of theirs unanswered on two cores. */
const tried = faultyVersions.flatMap((version) => routers.map((provider) => ({ ...version, version, provider })));

it.each(tried)("a version that $what is $ends, over $provider", async ({ version, provider }) => {
  const { judged } = await compared(version, provider);
  expect([judged.end, judged.status.reason]).toEqual([version.ends, expect.stringMatching(version.says)]);
});
