/**
 * The view of one Canary: everything that `status` prints and `-o json` promises, computed from what was read.
 * Pure. Units are in the names; null where there is no number; times are RFC 3339.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import { apexOf, type Canary, isLeftToFlagger, isWithoutService } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus, RunStatus } from "../../shared/core/objects/canary-status.ts";
import type { GateStatus } from "../../shared/core/objects/gate-status.ts";
import { canaryName } from "../../shared/core/objects/names.ts";
import { strategyOf } from "../../shared/core/spec/strategy.ts";
import { leafEmpty } from "../../shared/core/turn/empty-leaf.ts";
import { iterationOf } from "../../shared/core/turn/step-words.ts";
import { imagesOf } from "../../shared/core/objects/pod-template.ts";
import { advise, canaryCommand } from "./suggestions.ts";
import { viewCallers } from "./callers.ts";
import type { Scope } from "../context.ts";
import { certificateWarning, viewController } from "./controller-health.ts";
import { drainCommand, viewRoute } from "./route.ts";
import { viewEta } from "./eta.ts";
import { viewTree } from "./object-tree.ts";
import { headlineOf } from "./headline.ts";
import type { CanaryFacts, CanaryView, RunView, Seen, TrackView } from "./types.ts";

/** `now` as in {@link viewController}. */
export function viewCanary(seen: Seen, scope: Scope, now: number): CanaryView {
  const controller = viewController(seen.lease, now);
  const facts: CanaryFacts = {
    ...identity(seen.canary),
    ...routeFacts(seen, scope),
    ...phaseFacts(seen.canary),
    keptUntil: keptUntil(seen.canary),
    ...evidenceFacts(seen.canary),
    ...runFacts(seen, now),
    stableReadyPods: seen.target ? (podsOf(seen.target).ready ?? 0) : null,
    ...measurements(seen),
    callers: viewCallers(seen.callers, scope.clusterFlags),
    warnings: [...warningsOf(seen.canary), certificateWarning(controller)].filter((one) => one !== undefined),
    unread: [...seen.unread, ...(seen.objects?.unread ?? [])],
    controller,
  };
  const tree = seen.objects ? viewTree(seen, seen.objects, facts) : null;
  if (isLeftToFlagger(seen.canary)) return { ...facts, tree, ...leftView(facts, scope) };
  return { ...facts, tree, verdict: headlineOf(facts), advice: advise(facts, scope) };
}

// --- internal ---

/** Whatever else it says is Flagger's. */
function leftView({ name }: CanaryFacts, scope: Scope): Pick<CanaryView, "verdict" | "advice"> {
  return {
    verdict: { level: "warn", text: "left to Flagger: nothing is held, judged or kept for it here" },
    advice: [{ command: canaryCommand("migrate", name, scope), effect: "take it over again without a failed request" }],
  };
}

function identity(canary: Canary): Pick<CanaryView, "apiVersion" | "kind" | "name" | "namespace" | "target"> {
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "CanaryView",
    name: canary.metadata.name ?? "",
    namespace: canary.metadata.namespace ?? "",
    target: `${canary.spec.targetRef.kind.toLowerCase()}/${canary.spec.targetRef.name}`,
  };
}

function routeFacts(seen: Seen, scope: Scope): Pick<CanaryView, "route" | "routeChoice" | "drainCommand"> {
  const choice = seen.canary.status?.route;
  const routeChoice = choice ? { kind: choice.kind, name: choice.name, why: choice.why } : null;
  if (!seen.route || !choice) return { route: null, routeChoice, drainCommand: null };
  const apex = apexOf(seen.canary);
  const flags = ` -n ${seen.canary.metadata.namespace ?? scope.namespace}${scope.clusterFlags}`;
  return {
    routeChoice,
    route: viewRoute(seen.route, apex),
    drainCommand: drainCommand(seen.route, apex, flags) ?? null,
  };
}

function evidenceFacts({ spec }: Canary): Pick<CanaryView, "countsRequests" | "hasService"> {
  // A Canary that came past the schema may lack it.
  const analysis: Canary["spec"]["analysis"] = { ...spec.analysis };
  return {
    countsRequests: analysis.requests !== "none",
    hasService: !isWithoutService({ spec: { ...spec, analysis } }),
  };
}

type PhaseFacts =
  | "phase"
  | "phaseSince"
  | "reason"
  | "next"
  | "failedChecks"
  | "failedChecksLimit"
  | "canaryWeightPercent"
  | "isForMatching";

const keptUntil = ({ status }: Canary): string | null => status?.keptUntil ?? null;

function phaseFacts({ spec, status = {} }: Canary): Pick<CanaryView, PhaseFacts> {
  const { phase = "", reason = "", next = "", failedChecks = 0, canaryWeight = 0 } = status;
  return {
    phase,
    phaseSince: status.lastTransitionTime ?? null,
    reason,
    next,
    failedChecks,
    failedChecksLimit: Math.max(1, spec.analysis?.threshold ?? 1),
    canaryWeightPercent: canaryWeight,
    isForMatching: isForMatching(status),
  };
}

const isForMatching = ({ run, canaryWeight = 0 }: CanaryStatus): boolean => run?.only !== undefined && canaryWeight > 0;

function runFacts(
  seen: Seen,
  now: number,
): Pick<CanaryView, "floor" | "run" | "images" | "lastCommand" | "unvetted" | "blocked" | "reasonCode" | "history"> {
  const status = seen.canary.status ?? {};
  return {
    floor: status.floor ?? null,
    run: viewRun(seen.canary, now),
    images: { stable: stableImages(seen), canary: status.run?.images ?? null },
    lastCommand: status.lastCommand ?? null,
    unvetted: status.unvetted ?? null,
    blocked: status.blocked ?? null,
    reasonCode: status.reasonCode ?? null,
    history: [...(status.history ?? [])].sort((a, b) => b.endedAt.localeCompare(a.endedAt)),
  };
}

function measurements(seen: Seen): Pick<CanaryView, "tracks" | "trend" | "measuredAt" | "windowSeconds" | "checks"> {
  const status = ofThisRun(seen.canary.status ?? {});
  return {
    tracks: viewTracks(seen, status),
    trend: status.trend ?? [],
    measuredAt: status.tracks?.at ?? null,
    windowSeconds: status.tracks?.windowSeconds ?? null,
    // A merge patch of the status leaves nulls out.
    checks: (status.checks ?? []).map((check) => ({
      ...check,
      value: check.value ?? null,
      requests: check.requests ?? null,
    })),
  };
}

function viewRun(canary: Canary, now: number): RunView | null {
  const { run } = canary.status ?? {};
  if (!run) return null;
  return {
    id: run.id,
    stage: run.stage,
    step: Math.min(run.step + 1, run.steps),
    steps: run.steps,
    iteration: iterationIn(canary, run),
    requestedBy: run.requestedBy,
    startedAt: run.startedAt,
    stageAt: run.stageAt,
    checkAt: run.checkAt ?? null,
    hold: run.hold ?? null,
    holdSince: run.holdSince ?? null,
    paused: run.paused ? { until: null, reason: null, ...run.paused } : null,
    ceilingPercent: run.ceiling ?? null,
    ...findingsOf(run),
    ending: run.ending ?? null,
    eta: viewEta(canary, now),
    share: shareOf(run),
  };
}

function iterationIn({ spec }: Canary, { step }: RunStatus): RunView["iteration"] {
  return iterationOf(strategyOf(spec.analysis ?? {}), step) ?? null;
}

function shareOf({ share }: RunStatus): RunView["share"] {
  return share && share.all > 0 ? { canary: share.canary, all: share.all } : null;
}

function findingsOf({
  clientErrors,
  comparison,
  gate,
}: RunStatus): Pick<RunView, "clientErrors" | "slowBoundMs" | "gate"> {
  return {
    gate: gate ? gateOf(gate) : null,
    clientErrors: clientErrors ? { acceptedBy: null, ...clientErrors } : null,
    slowBoundMs: comparison?.slow?.boundMs ?? null,
  };
}

function gateOf({ type, name, since, until, answer }: GateStatus): NonNullable<RunView["gate"]> {
  return { type, name, since, until: until ?? null, answer: answer ?? null };
}

/** Before the first status, what the target's template says is what it runs. */
function stableImages(seen: Seen): Record<string, string> {
  return seen.canary.status?.stable?.images ?? imagesOf(seen.target?.spec?.template);
}

const noNumbers = { successPercent: null, requestsPerSecond: null, latencyMsP50: null, latencyMsP95: null };
const emptyTrack = { replicas: 0, ready: 0, ...noNumbers, latencyMsP99: null, requests: null };

/** What an earlier run left behind, or an older controller, is no number of the canary that runs now. */
function ofThisRun(status: CanaryStatus): CanaryStatus {
  const since = status.run ? Date.parse(status.run.startedAt) : -Infinity;
  const isOf = ({ at }: { at: string }): boolean => Date.parse(at) >= since;
  const { tracks, trend, checks, ...rest } = status;
  return {
    ...rest,
    ...(tracks && isOf(tracks) ? { tracks } : {}),
    ...(trend ? { trend: trend.filter(isOf) } : {}),
    ...(checks ? { checks: checks.filter(isOf) } : {}),
  };
}

function viewTracks(seen: Seen, status: CanaryStatus): TrackView[] {
  const { spec } = seen.canary;
  const target = spec.targetRef.name;
  const weight = viewedWeight(seen) ?? status.canaryWeight ?? 0;
  const primary: TrackView = {
    ...emptyTrack,
    ...status.tracks?.primary,
    ...podsOf(seen.target),
    name: "primary",
    weightPercent: round(100 - weight),
    deployment: target,
    images: stableImages(seen),
  };
  const canary: TrackView = {
    ...emptyTrack,
    ...status.tracks?.canary,
    ...podsOf(seen.workload),
    name: "canary",
    weightPercent: weight,
    deployment: canaryName(target),
    images: imagesOf(seen.workload?.spec?.template),
  };
  return [primary, canary];
}

function viewedWeight(seen: Seen): number | null {
  return seen.route ? viewRoute(seen.route, apexOf(seen.canary)).canaryPercent : null;
}

/** Live counts win over the status, which is an interval old. */
function podsOf(deployment: V1Deployment | undefined): { replicas?: number; ready?: number } {
  if (!deployment) return {};
  return { replicas: deployment.spec?.replicas ?? 1, ready: deployment.status?.readyReplicas ?? 0 };
}

function warningsOf(canary: Canary): string[] {
  const status = canary.status ?? {};
  const warnings = [...(status.warnings ?? [])];
  // Every other cause is the reason itself.
  if (status.blocked?.code === leafEmpty) warnings.push(status.blocked.what);
  const { generation } = canary.metadata;
  if (status.observedGeneration !== undefined && generation !== undefined && status.observedGeneration < generation)
    warnings.push("The controller has not yet read the last change of this Canary's spec.");
  if (canary.spec.suspend)
    warnings.push("spec.suspend is true: no run starts, no weight rises; a run under traffic may still be taken back.");
  return [...new Set(warnings)];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
