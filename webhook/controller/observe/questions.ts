/** What a Canary's decision asks Prometheus: its checks when they are due, the counters whenever users are on the canary. */
import { isConvicting, isLookedAt } from "../../../shared/core/comparison/comparison.ts";
import { callersMatter, checkIsDue } from "../../../shared/core/decide.ts";
import { newForMs } from "../../../shared/core/lifecycle/initialize.ts";
import type { Policy } from "../../../shared/core/spec/policy.ts";
import { canaryName } from "../../../shared/core/objects/names.ts";
import type { CanaryState } from "../../../shared/core/state.ts";
import type { CountersSeen, MetricsSeen, Workload } from "../../../shared/core/observation.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import type { StaleCaller } from "../../../shared/core/format/restart-command.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { messageOf } from "../../../shared/kube/errors.ts";
import type { Evidence, EvidenceRequest } from "../../evidence/types.ts";
import type { CanaryObjects } from "../cache/canary-objects.ts";
import { metaOf } from "../objects/from-objects.ts";

export interface AskDeps {
  evidence: Evidence;
  /** The controller's Prometheus, for Canaries without `spec.metricsServer`. */
  metricsServer: string;
  /** How often that Prometheus looks at the pods. */
  scrapeIntervalMs: number;
  now(): number;
}

export interface Due {
  state: CanaryState;
  policy: Policy;
  workload: Workload | undefined;
  now: number;
}

export interface Answers {
  metrics?: MetricsSeen;
  counters?: CountersSeen;
  staleCallers?: StaleCaller[];
}

/** What cannot be asked is an answer too: nothing that a question runs into may keep a run from being looked at. */
export async function askPrometheus(deps: AskDeps, objects: CanaryObjects, due: Due): Promise<Answers> {
  try {
    return await askWhatIsDue(deps, objects, due);
  } catch (error: unknown) {
    return { metrics: { ok: false, askedAt: due.now, error: messageOf(error), code: "not-asked" } };
  }
}

// --- internal ---

/** Checks are asked for only when they are due: between them nothing would be done with an answer. */
async function askWhatIsDue(deps: AskDeps, objects: CanaryObjects, due: Due): Promise<Answers> {
  const isDue = checkIsDue(due.state, due.now);
  // The reading before the first weight is what the first users are counted from.
  const isCounted = due.policy.countsRequests;
  const isWorthALook = isCounted && due.state.run !== undefined && (isDue || isLookedAt(due.state));
  const question = questionOf(deps, objects, due);
  const counters = isWorthALook ? await deps.evidence.look(question, isDue) : undefined;
  // A canary that is to be taken back does not wait for a metric that is slow to answer.
  const isWorthAsking = isDue && !(counters && isConvicting(due.state, counters, due.policy));
  const [metrics, staleCallers] = await Promise.all([
    isWorthAsking ? deps.evidence.ask(question) : undefined,
    isCounted ? staleCallersAtStart(deps, objects, { question, due }) : undefined,
  ]);
  return {
    ...optional("metrics", metrics),
    ...optional("counters", counters),
    ...optional("staleCallers", staleCallers),
  };
}

function questionOf(deps: AskDeps, objects: CanaryObjects, { state, policy, workload }: Due): EvidenceRequest {
  return {
    name: metaOf(objects.canary).name,
    namespace: objects.namespace,
    target: objects.targetName,
    canary: canaryName(objects.targetName),
    apex: { name: objects.apexName, port: objects.port },
    stableHash: state.stable?.podTemplateHash,
    canaryHash: workload?.podTemplateHash,
    prometheus: objects.canary.spec.metricsServer || deps.metricsServer,
    metrics: policy.metrics,
    minRequests: policy.minRequests,
    ...(policy.countsRequests ? {} : { isUncounted: true }),
    ...optional("ingress", objects.canary.spec.ingressRef?.name),
    ...optional("route", objects.canary.spec.routeRef?.name),
    warmupMs: policy.warmupMs,
    ...timesOf(state),
  };
}

function timesOf({
  run,
  weight,
  history,
  transitionAt,
}: CanaryState): Partial<EvidenceRequest> & { notBefore: number } {
  if (!run) return { notBefore: 0 };
  const earlier = history.filter((entry) => entry.intent === run.intent).map((entry) => entry.endedAt);
  return {
    // While pods are awaited, the weight is still that of the step before: what was asked since it moved is about it.
    notBefore: run.stage === "scaling" ? transitionAt : run.stageAt,
    runStartedAt: run.startedAt,
    ...(run.comparison ? { isResumed: true } : {}),
    ...(weight > 0 ? { weight } : {}),
    ...(earlier.length > 0 ? { earlierRunEndedAt: Math.max(...earlier) } : {}),
  };
}

const madeAt = ({ metadata }: RouteObject): number => new Date(metadata.creationTimestamp ?? 0).getTime();

/**
 * A route that was just made may be ignored by callers that are older: they are named when a Canary is initialized, and at rest when its
 * provider was changed. An HTTPRoute is ignored only by those that have followed a TrafficSplit before.
 */
async function staleCallersAtStart(
  deps: AskDeps,
  objects: CanaryObjects,
  { question, due }: { question: EvidenceRequest; due: Due },
): Promise<StaleCaller[] | undefined> {
  const { route } = objects;
  const isNew = route !== undefined && !due.state.run && deps.now() - madeAt(route) < newForMs;
  const isFirst = route?.kind === "TrafficSplit" && callersMatter(due.state, deps.now());
  if (!isFirst && !isNew) return undefined;
  return deps.evidence.staleCallers({ ...question, metrics: [] });
}
