/** A played run as text for people: what was seen, what was decided and why, what was done, and what comes next. */
import { formatImages } from "../../shared/core/turn/turn.ts";
import type { CanaryState } from "../../shared/core/state.ts";
import type { Action } from "../../shared/core/action.ts";
import type { Observation } from "../../shared/core/observation.ts";
import { start } from "../builders.ts";
import type { Played, Turn } from "./play.ts";

/** Initialization is left out where others have shown it. */
export function transcriptOf(title: string, played: Played, since: "initialization" | "first cue"): string {
  const lines = [`# ${title}`];
  const first = since === "first cue" ? played.turns.findIndex((entry) => entry.kind === "cue") : 0;
  for (const entry of played.turns.slice(first)) {
    if (entry.kind === "cue") lines.push("", `${clock(entry.at)} *** ${entry.say}`);
    else if (saysSomething(entry.turn)) lines.push("", ...turnLines(entry.turn));
  }
  return `${lines.join("\n")}\n`;
}

// --- internal ---

function saysSomething({ before, decision }: Turn): boolean {
  const { state: next, actions, events } = decision;
  const facts = (state: CanaryState): unknown[] => [
    state.phase,
    state.weight,
    state.run?.stage,
    state.lastCommand?.id,
    state.reason,
  ];
  const now = facts(next);
  return actions.length > 0 || events.length > 0 || facts(before).some((fact, index) => fact !== now[index]);
}

function turnLines({ seen, before, decision }: Turn): string[] {
  const { state: next, actions, events } = decision;
  const answer = next.lastCommand;
  return [
    `${clock(seen.now)} ${placeOf(next)}`,
    `      seen   ${seenWords(seen)}`,
    ...(answer && answer.id !== before.lastCommand?.id ? [`      answer ${answer.message}`] : []),
    ...(next.reason !== before.reason ? [`      why    ${next.reason}`] : []),
    ...(next.next && next.next !== before.next ? [`      next   ${next.next}`] : []),
    ...events.map((event) => `      event  ${event.type} ${event.message}`),
    ...actions.map((action) => `      do     ${actionWords(action)}`),
    ...(decision.requeueAfterMs ? [`      again  in ${decision.requeueAfterMs / 1_000}s`] : []),
  ];
}

function clock(at: number): string {
  const seconds = Math.floor((at - start) / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}

function placeOf({ phase, run, weight, failedChecks }: CanaryState): string {
  const stage = run ? ` ${run.stage} step ${run.step + 1}` : "";
  return `${phase}${stage}, weight ${weight}${failedChecks > 0 ? `, ${failedChecks} failed` : ""}`;
}

function seenWords({ target, workload, endpoints, route, metrics }: Observation): string {
  const spec = target ? `spec ${formatImages(target.images)}${target.held ? " held" : ""}` : "no target";
  const pods = target ? target.active.map((version) => `${formatImages(version.images)}`).join("+") : "none";
  const primary = `primary ${endpoints.primary.ready} of ${target?.replicas ?? 0} ready (${pods})`;
  const canary = workload ? `canary ${endpoints.canary.ready} of ${workload.replicas} ready` : "no canary";
  return [spec, primary, canary, routeWords(route), metricWords(metrics)].filter((words) => words !== "").join("; ");
}

function routeWords(route: Observation["route"]): string {
  if (!route) return "no route";
  return route.weight === route.ownWeight ? `route ${route.weight}` : `route ${route.weight} (ours ${route.ownWeight})`;
}

function metricWords(metrics: Observation["metrics"]): string {
  if (!metrics) return "";
  if (!metrics.ok) return "Prometheus silent";
  const { requests, failures, latencyMs } = metrics.canary;
  return requests === 0
    ? "no canary requests"
    : `${requests} canary requests, ${failures} failed, p99 ${latencyMs.p99}ms`;
}

function actionWords(action: Action): string {
  const { kind, ...rest } = action;
  const words = Object.entries(rest).map(([key, value]) => `${key} ${textOf(value)}`);
  return [kind, ...words].join(", ");
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
