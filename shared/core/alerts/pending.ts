/**
 * Alerts on their way. They are saved with the decision that they are about, each with those who have not got it yet; whoever leads
 * next sends the rest. So everyone gets each at least once, and again only where a controller dies between sending and saving that.
 */
import { referredNamespace } from "../objects/canary.ts";
import type { Decision } from "../action.ts";
import { cut } from "../format/cut.ts";
import { formatDuration } from "../format/duration.ts";
import type { Observation } from "../observation.ts";
import { alertSeverities, type AlertSeverity } from "../objects/alerts/alert-provider.ts";
import type { AlertRule } from "../spec/alert-rules.ts";
import type { Alert, CanaryState } from "../state.ts";
import { event } from "../turn/event-messages.ts";
import { formatImages, type Turn } from "../turn/turn.ts";
import { newsOf, type News } from "./news.ts";

/** The chart's own provider, among an alert's receivers. */
export const chartProvider = "chart";
/** Nobody is helped by news that are older. */
export const freshMs = 3_600_000;
/** Of one Canary, beside those that are new. */
const most = 10;
/** In characters; long enough for a sentence with numbers, short enough for every chat. */
const longest = 700;

/** The decision with the alerts that it makes, and without those that have arrived. */
export function withAlerts(turn: Turn, decision: Decision): Decision {
  const { state, seen, policy } = turn;
  const { left, failures } = undelivered(state.alerts, seen);
  const added = addressed(newsOf(turn, decision), { rules: policy.alerts, after: decision.state, turn });
  const alerts = numbered(left, added, seen.now).slice(-most);
  const events = failures.map((failure) => event.warning(failure));
  return { ...decision, state: { ...decision.state, alerts }, events: [...decision.events, ...events] };
}

/** Of a Canary that cannot be read: what is known of it is its words, and who is told comes from `rules`, as far as they can be read. */
export function alertsOfUnreadable(
  known: readonly Alert[],
  { reason, isNew }: { reason: string; isNew: boolean },
  { rules, seen }: { rules: readonly AlertRule[]; seen: Receiving & { targetName: string } },
): Alert[] {
  const { left } = undelivered(known, seen);
  if (!isNew) return left;
  const to = receivers("error", rules, seen);
  const fields = [targetField(seen)];
  const added =
    to.length === 0 ? [] : [{ code: "unreadable", severity: "error" as const, message: reason, fields, to }];
  return numbered(left, added, seen.now).slice(-most);
}

/** Everyone who may be told of this Canary. */
export function receiversOf(rules: readonly AlertRule[], seen: Receiving): string[] {
  return receivers("error", rules, seen);
}

type Receiving = Pick<Observation, "now" | "namespace" | "chartAlerts" | "deliveries">;

// --- internal ---

/** Without what has come to an end, one way or the other. */
function undelivered(
  alerts: readonly Alert[],
  { now, deliveries = [] }: Receiving,
): { left: Alert[]; failures: string[] } {
  const isOver = (at: number, to: string): boolean => deliveries.some((one) => one.at === at && one.to === to);
  const open = alerts.map((alert) => ({ ...alert, to: alert.to.filter((to) => !isOver(alert.at, to)) }));
  const stale = open.filter(({ at, to }) => to.length > 0 && now - at >= freshMs);
  const failed = deliveries.flatMap(({ failure }) => failure ?? []);
  return {
    left: open.filter((alert) => alert.to.length > 0 && !stale.includes(alert)),
    failures: [...failed, ...stale.map(staleWords)],
  };
}

function staleWords({ code, to }: Alert): string {
  return `The alert ${code} did not reach ${to.join(", ")} within ${formatDuration(freshMs)} and is given up.`;
}

type Unnumbered = Omit<Alert, "at">;

function addressed(
  news: readonly News[],
  { rules, after, turn }: { rules: readonly AlertRule[]; after: CanaryState; turn: Turn },
): Unnumbered[] {
  return news.flatMap(({ code, severity, message, isBeginning }) => {
    const to = receivers(severity, rules, turn.seen);
    if (to.length === 0) return [];
    const fields = [...fieldsOf(turn, after), ...(isBeginning ? analysisFields(turn) : [])];
    return [{ code, severity, message: cut(message, longest), fields, to }];
  });
}

/** Each once, however many rules name it. The chart's own provider is for Canaries that name none. */
function receivers(severity: AlertSeverity, rules: readonly AlertRule[], seen: Receiving): string[] {
  const reaches = (least: AlertSeverity): boolean =>
    alertSeverities.indexOf(severity) >= alertSeverities.indexOf(least);
  if (rules.length === 0) return seen.chartAlerts !== undefined && reaches(seen.chartAlerts) ? [chartProvider] : [];
  const named = rules.filter((rule) => reaches(rule.severity));
  return [...new Set(named.map(({ provider }) => `${referredNamespace(provider, seen.namespace)}/${provider.name}`))];
}

/** A time of its own for each: what has arrived is known by it. */
function numbered(left: readonly Alert[], added: readonly Unnumbered[], now: number): Alert[] {
  const from = Math.max(now, ...left.map(({ at }) => at + 1));
  return [...left, ...added.map((alert, index) => ({ at: from + index, ...alert }))];
}

type Field = Alert["fields"][number];

function targetField({ targetName, namespace }: { targetName: string; namespace: string }): Field {
  return { name: "Target", value: `Deployment/${targetName}.${namespace}` };
}

function fieldsOf({ state, seen }: Turn, after: CanaryState): Field[] {
  const { run = state.run, stable, next } = after;
  const asked = run && { name: "Version", value: formatImages(run.images) };
  const serving = stable && { name: "Stable", value: formatImages(stable.images) };
  const weight = after.run && { name: "Weight", value: `${after.weight}%` };
  const then = next === "" ? undefined : { name: "Next", value: next };
  const found = [targetField(seen), asked, serving, weight, then].filter((field) => field !== undefined);
  return found.map(({ name, value }) => ({ name, value: cut(value, longest) }));
}

/** As Flagger names them. */
function analysisFields({ policy }: Turn): Field[] {
  return [
    { name: "Failed checks threshold", value: String(policy.threshold) },
    { name: "Progress deadline", value: `${policy.progressDeadlineMs / 1_000}s` },
    { name: "Traffic routing", value: routingWords(policy) },
  ];
}

function routingWords({ strategy, weights }: Turn["policy"]): string {
  if (strategy.kind === "canary") return `Weight steps: ${weights.join(",")}`;
  return strategy.kind === "ab-testing" ? "A/B Testing" : "Blue/Green";
}
