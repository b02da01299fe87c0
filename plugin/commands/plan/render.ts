/** A plan as text. Pure. */
import { formatDuration } from "../../../shared/core/format/duration.ts";
import type { Spread } from "../../../shared/core/plan/statistics.ts";
import type { StepPlan } from "../../../shared/core/plan/types.ts";
import type { Suggestion } from "../../../shared/core/plan/suggest.ts";
import type { Chance, VersionPlan } from "../../../shared/core/plan/versions.ts";
import { paint, printable, type Style, symbol, wrap } from "../../terminal/style.ts";
import { formatTable } from "../../terminal/table.ts";
import type { PlanView } from "./view.ts";

export function renderPlan(raw: PlanView, { style }: { style: Style }): string {
  const view = printable(raw);
  const blocks = [
    head(view, style),
    steps(view, style),
    versions(view, style),
    remarks(view, style),
    suggestion(view, style),
  ];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join("\n"))
    .join("\n\n")}\n`;
}

// --- internal ---

const seconds = (value: number): string => formatDuration(1_000 * value);
const percent = (value: number): string => `${Number(value.toPrecision(3))}%`;
const amount = (value: number): string => String(value >= 100 ? Number(value.toPrecision(3)) : value);

function head(view: PlanView, style: Style): string[] {
  const { name, namespace, traffic, run, good, scrapeIntervalSeconds, strategy } = view;
  const { windowSeconds, requestsPerSecond, failuresPercent, slowPercent } = traffic;
  const from = windowSeconds === null ? "as given" : `of the last ${seconds(windowSeconds)}`;
  const late = slowPercent > 0 ? `, ${percent(slowPercent)} above the limit of request-duration` : "";
  const place = namespace === "" ? name : `${name} in namespace ${namespace}`;
  const least = `at best ${seconds(run.leastSeconds)}`;
  const promoted = run.seconds
    ? `is promoted after ${spread(run.seconds, seconds)}, ${least}, in ${chance(good.promoted)} of runs`
    : `is not promoted in any run (${least})`;
  return [
    `Plan for ${place}: ${requestsPerSecond} requests/s, ${percent(failuresPercent)} failed${late} (${from})${matchingWords(view)}, scraped every ${seconds(scrapeIntervalSeconds)}`,
    `A version as good as stable ${promoted}; it is taken back in ${chance(good.takenBack)}${waits(good.stuck)}.`,
    `Times are from ${strategy === "blue-green" ? "the first iteration, of versions that go back from the switch" : "the canary's first request"}: pods' start and the rollout of a promotion come on top.`,
  ].map((line) => wrap(line, style.width, 2));
}

function matchingWords({ matching }: PlanView): string {
  if (!matching) return "";
  const from = matching.run === null ? "as given" : `measured in run ${matching.run}`;
  return `, ${percent(matching.percent)} of them match (${from})`;
}

function waits(stuck: Chance): string {
  return stuck.percent > 0 ? `, and waits in ${chance(stuck)}` : "";
}

function steps(view: PlanView, style: Style): string[] {
  if (view.steps.length === 0) return [];
  const right = (name: string) => ({ head: name, align: "right" as const });
  const columns = [right("STEP"), right("WEIGHT"), right("AT LEAST"), right("TAKES"), right("REQUESTS TO THE CANARY")];
  const rows = alike(view.steps).map((steps) => [
    steps.length === 1 ? String(steps[0]?.step) : `${steps[0]?.step}-${steps.at(-1)?.step}`,
    `${steps[0]?.weightPercent}%`,
    seconds(sum(steps.map(({ leastSeconds }) => leastSeconds)) ?? 0),
    dashed(sum(steps.map((step) => step.seconds?.median)), seconds),
    dashed(sum(steps.map(({ canaryRequests }) => canaryRequests?.median)), amount),
  ]);
  return headed(formatTable(columns, rows), style);
}

/** Iterations have one weight, and there may be a thousand of them. */
function alike(steps: readonly StepPlan[]): StepPlan[][] {
  const groups: StepPlan[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last?.[0]?.weightPercent === step.weightPercent) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

/** Undefined where one is. */
function sum(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((all, value) => (all === undefined || value === undefined ? undefined : all + value), 0);
}

const dashed = (value: number | undefined, text: (value: number) => string): string =>
  value === undefined ? "-" : text(value);

function versions(view: PlanView, style: Style): string[] {
  const columns = ["A VERSION THAT", "GOES BACK AFTER", "AT STEP", "BAD REQUESTS", "PROMOTED ALL THE SAME"].map(
    (name) => ({
      head: name,
    }),
  );
  const rows = view.versions.map((version) => [what(version), ...backCells(version), chance(version.promoted)]);
  const runs = view.versions.map((version) => version.runs);
  const [fewest, most] = [Math.min(...runs), Math.max(...runs)];
  const many = fewest === most ? `${most} runs` : `${fewest} to ${most} runs`;
  const told = `Medians, and what 9 of 10 runs lie between; ${many} each in simulation (seed ${view.seed}), judged by the controller's own code. Bad requests are users' that it failed or answered late until it went back. The last column: with 95 % confidence.`;
  return [...headed(formatTable(columns, rows), style), paint(style, "dim", wrap(told, style.width, 2))];
}

function what({ fault, percent: share }: VersionPlan): string {
  return fault === "slow" ? `is slow in ${share}%` : `fails ${share}%`;
}

function backCells({ back }: VersionPlan): string[] {
  if (!back) return ["never", "-", "-"];
  return [spread(back.seconds, seconds), spread(back.step, String), spread(back.badRequests, amount)];
}

function spread({ low, median, high }: Spread, text: (value: number) => string): string {
  return low === high ? text(median) : `${text(median)} (${text(low)} to ${text(high)})`;
}

function chance({ percent: found, lowPercent, highPercent }: Chance): string {
  if (found === 0) return `0% (below ${percent(highPercent)})`;
  if (found === 100) return `100% (above ${percent(lowPercent)})`;
  return `${percent(found)} (${percent(lowPercent)} to ${percent(highPercent)})`;
}

function remarks({ remarks: found }: PlanView, style: Style): string[] {
  return found.map(({ text }) => paint(style, "warn", wrap(`${symbol(style, "warn")} ${text}`, style.width, 2)));
}

function suggestion({ suggestionAsked, suggestion: found, strategy }: PlanView, style: Style): string[] {
  if (!suggestionAsked) return [];
  if (!found) return [wrap(`Suggestion: none. ${whyNone[strategy]}`, style.width, 2)];
  const { before, after, stepWeights, iterations, intervalSeconds } = found;
  const costs = before.badRequests.map(
    ({ percent: share, mean }, index) =>
      `${amount(mean)} -> ${amount(after.badRequests[index]?.mean ?? 0)} where it fails ${share}%`,
  );
  return [
    paint(style, "strong", "Suggestion, for spec.analysis:"),
    `  interval: ${seconds(intervalSeconds)}`,
    stepWeights ? `  stepWeights: [${stepWeights.join(", ")}]` : `  iterations: ${iterations}`,
    wrap(`${timesOf(found)}; bad requests on average ${costs.join(", ")}.`, style.width, 2),
  ];
}

const nothingBetter = "Nothing that was tried costs clearly less, or takes clearly less time for the same.";
const whyNone: Record<PlanView["strategy"], string> = {
  canary: nothingBetter,
  "ab-testing": nothingBetter,
  "blue-green":
    "By Blue/Green all users get the version at once, after whatever number of iterations. Who wants a bad version to reach few of them gives weights in the place of iterations: spec.analysis.stepWeights.",
};

function timesOf({ before, after }: Suggestion): string {
  return `A good version takes ${seconds(after.seconds)} instead of ${seconds(before.seconds)}`;
}

function headed([first = "", ...rest]: string[], style: Style): string[] {
  return [paint(style, "strong", first), ...rest];
}
