/** observe -> decide -> save -> apply. The save is the fence: a leader that was frozen fails there and does nothing more. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { decide } from "../../shared/core/decide.ts";
import { formatErrors, parsePolicy, unreadablePolicy, type Policy } from "../../shared/core/spec/policy.ts";
import type { Observation, Unmet } from "../../shared/core/observation.ts";
import { receiversOf } from "../../shared/core/alerts/pending.ts";
import { readableAlertRules } from "../../shared/core/spec/alert-rules.ts";
import type { CanaryState } from "../../shared/core/state.ts";
import type { Decision } from "../../shared/core/action.ts";
import { CanaryError, messageOf } from "../../shared/kube/errors.ts";
import { optional } from "../../shared/core/format/compact.ts";
import { kilobytes, mostKept } from "../../shared/core/objects/kept/kept-size.ts";
import { iterationsBegun } from "../../shared/core/turn/step-words.ts";
import { parseStatus, printStatus, UnreadableStatus } from "../../shared/canary-status.ts";
import { perform, type ApplyContext } from "./apply/apply.ts";
import { fillIn } from "./apply/whole.ts";
import { isTooLarge } from "./cache/outline.ts";
import { objectsOf, type CanaryObjects } from "./cache/canary-objects.ts";
import { sortedJson } from "../../shared/core/format/sorted-json.ts";
import { primaryLeaf } from "../../shared/core/objects/names.ts";
import type { PortChanges } from "./objects/port-changes.ts";
import type { Decided } from "./metrics.ts";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { Refusals } from "./refusals.ts";
import { keyOf } from "../../shared/kube/store.ts";
import { announce, fullNameOf, lead, receiving, sayInvalid, type StatusDeps, writeStatus } from "./status-writes.ts";
import type { UnsavedEvidence } from "./unsaved.ts";
import { configsOf, withConfigsSeen, type ConfigReads } from "./observe/configs.ts";
import { observe, type Observed, type ObserveDeps } from "./observe/observe.ts";
import { policiesSeen, withDenials } from "./observe/policies.ts";
import { unmetBy, withoutForeign } from "./observe/preconditions.ts";
import { metaOf } from "./objects/from-objects.ts";

export interface ReconcileDeps extends ObserveDeps, StatusDeps {
  unsaved: UnsavedEvidence;
  portChanges: PortChanges;
  refusals: Refusals;
  /** Undefined where the chart tracks no configuration. */
  configs?: Pick<ConfigReads, "look">;
  hooks: Pick<HookCalls, "answers" | "ask" | "tell">;
  /** Told what was decided, for the controller's metrics. */
  decided(decided: Decided): void;
}

export interface Looked {
  /** When to look again if nothing changes meanwhile. */
  requeueAfterMs?: number;
  /** A check was due, and Prometheus was asked. */
  isCheck: boolean;
}

/** How soon to try again to write an Event; nothing that we watch changes when it can be. */
const sayAgainMs = 2_000;

/** One look at one Canary. */
export async function reconcile(deps: ReconcileDeps, canary: Canary): Promise<Looked> {
  lead(deps);
  // What a controller before us decided, and perhaps did not live to say.
  await deps.eventWriter.say(canary);
  const { requeueAfterMs, said, isCheck } = await look(deps, canary);
  const again = said ? requeueAfterMs : Math.min(requeueAfterMs ?? sayAgainMs, sayAgainMs);
  return { ...optional("requeueAfterMs", again), isCheck };
}

// --- internal ---

/** `said`: every Event has been written. */
type Told = Looked & { said: boolean };

async function look(deps: ReconcileDeps, canary: Canary): Promise<Told> {
  const policy = policyOf(canary);
  const read = readStatus(canary);
  if (typeof read === "string") return sayInvalid(deps, canary, { faults: read, rules: policy.alerts });
  const state = deps.unsaved.restore(canary, read);
  const { unreadable } = policy;
  // Of a spec that cannot be read one thing is still wanted: that a run under way may go back.
  if (unreadable !== undefined && !state.run)
    return sayInvalid(deps, canary, { faults: unreadable, rules: policy.alerts });
  const { objects, seen, configs, decision } = await decided(deps, canary, { state, policy }).catch(
    async (error: unknown) => {
      if (!(error instanceof CanaryError))
        await sayInvalid(deps, canary, { ...unforeseen(error), rules: policy.alerts });
      throw error;
    },
  );
  objects.canary = await save(deps, objects, decision, policy);
  callHooks(deps, objects.canary, { decision, policy });
  deps.alerts.saved(keyOf(canary), decision.state.alerts);
  const said = await announce(deps, objects.canary, decision.events);
  report(deps, { canary, policy, before: state, decision });
  const stage = { objects, progressDeadlineMs: policy.progressDeadlineMs };
  // After what moves traffic, and whether or not that was done.
  const retryInMs = await performAll(deps, stage, decision).finally(() =>
    deps.alerts.submit(objects.canary, decision.state.alerts),
  );
  const againMs = Math.min(...[retryInMs, configs?.againMs, objects.portsSettleInMs].map((ms) => ms ?? Infinity));
  return {
    ...(Number.isFinite(againMs) ? { requeueAfterMs: againMs } : {}),
    isCheck: seen.metrics !== undefined,
    said,
  };
}

interface Considered {
  /** From here on no action can touch what is not ours. */
  objects: CanaryObjects;
  seen: Observation;
  configs: Awaited<ReturnType<typeof configsOf>>;
  decision: Decision;
}

/** What there is, and what follows from it; nothing is written. */
async function decided(
  deps: ReconcileDeps,
  canary: Canary,
  { state, policy }: { state: CanaryState; policy: Policy },
): Promise<Considered> {
  await fillIn(deps, objectsOf(deps, canary));
  const found = withSettling(deps, objectsOf(deps, canary));
  const policies = await policiesSeen(deps, found);
  const configs = await configsOf(deps, found, state);
  const unmet =
    policy.unreadable === undefined ? unmetBy(deps, found, { policies, missingConfigs: configs?.missing }) : [];
  const objects = withoutForeign(found);
  const refusal = deps.refusals.of(keyOf(canary));
  const observed = withConfigsSeen(withUnmet(await observe(deps, objects, { state, policy }), unmet), configs);
  const answers = deps.hooks.answers(canary);
  const judged = { ...withDenials(observed, objects, policies), ...optional("refusal", refusal), answers };
  const seen = withTrouble(deps, { ...judged, ...receiving(deps, canary) }, policy);
  const decision = decide(state, seen, policy);
  return { objects, seen, configs, decision };
}

function withSettling(deps: ReconcileDeps, objects: CanaryObjects): CanaryObjects {
  const { canary, namespace, apexName, ports } = objects;
  const leaf = deps.world.services.get(namespace, primaryLeaf(apexName));
  const leftMs = deps.portChanges.settleInMs(keyOf(canary), { ports, leaf }, deps.now());
  return { ...objects, ...optional("portsSettleInMs", leftMs) };
}

/** An object whose shape nobody foresaw keeps its Canary from being looked at, and no other; where it was met, the log says. */
function unforeseen(error: unknown): { faults: string; next: string } {
  const kind = error instanceof Error ? error.name : typeof error;
  return {
    faults: `an object that belongs to it has a shape that this version does not know (${kind})`,
    next: "the controller's log says where it was met: correct that object",
  };
}

/** What is saved is asked, and told; an answer brings the next look. */
function callHooks(
  { hooks }: ReconcileDeps,
  canary: Canary,
  { decision, policy }: { decision: Decision; policy: Policy },
): void {
  hooks.ask(canary, decision.questions, policy.intervalMs);
  const { length } = decision.events;
  const news = length === 0 ? [] : (canary.status?.said ?? []).slice(-length);
  for (const said of news) hooks.tell(policy.hooks, said, { canary, intervalMs: policy.intervalMs });
}

/** In order, up to the first that is refused: what comes after may rest on it. Returns when to look again. */
async function performAll(deps: ReconcileDeps, stage: ApplyContext, decision: Decision): Promise<number | undefined> {
  const { objects } = stage;
  const key = keyOf(objects.canary);
  const { requeueAfterMs } = decision;
  for (const action of decision.actions) {
    lead(deps);
    try {
      await perform(deps, stage, action);
    } catch (error: unknown) {
      const retryInMs = deps.refusals.note(key, action, { error, names: objects });
      if (retryInMs === undefined) throw error;
      deps.log.warn(
        { canary: fullNameOf(objects.canary), action, reason: messageOf(error), retryInMs },
        "a write was refused",
      );
      return Math.min(retryInMs, requeueAfterMs ?? retryInMs);
    }
    deps.log.info({ canary: fullNameOf(objects.canary), action }, `did ${action.kind}`);
  }
  deps.refusals.done(key);
  return requeueAfterMs;
}

function policyOf({ spec }: Canary): Policy {
  const unreadable = (faults: string): Policy => ({ ...unreadablePolicy(faults), alerts: readableAlertRules(spec) });
  if (isTooLarge(spec)) return unreadable(`spec: takes more than ${kilobytes(mostKept)}, and no more is kept of it`);
  try {
    const parsed = parsePolicy(spec);
    return parsed.ok ? parsed.policy : unreadable(formatErrors(parsed.errors));
  } catch (error: unknown) {
    // Past an older CRD's schema a spec may have any shape.
    return unreadable(`spec: ${messageOf(error)}`);
  }
}

/** Metrics of ours are no part of a decision: what a spec holds cannot keep it from being carried out. */
function report(deps: ReconcileDeps, decided: Decided): void {
  try {
    deps.decided(decided);
  } catch (error: unknown) {
    deps.log.warn({ canary: fullNameOf(decided.canary), err: error }, "metrics of this decision were left out");
  }
}

function withUnmet(seen: Observed, unmet: readonly Unmet[]): Observation {
  const warnings = unmet.flatMap(({ level, what }) => (level === "warning" ? [what] : []));
  return { ...seen, unmet, warnings: [...seen.warnings, ...warnings] };
}

/** With a warning for each receiver that its alerts do not reach. */
function withTrouble({ alerts }: ReconcileDeps, seen: Observation, policy: Policy): Observation {
  const trouble = alerts.trouble(`${seen.namespace}/${seen.name}`, receiversOf(policy.alerts, seen));
  return { ...seen, warnings: [...seen.warnings, ...trouble] };
}

/** A status that something else has written is said to its user, not only to the log. */
function readStatus(canary: Canary): CanaryState | string {
  try {
    return parseStatus(canary);
  } catch (error: unknown) {
    if (error instanceof UnreadableStatus) return error.message;
    throw error;
  }
}

/** Writes the status if it says something new, with the Canary's resourceVersion as the condition. */
async function save(deps: ReconcileDeps, objects: CanaryObjects, decision: Decision, policy: Policy): Promise<Canary> {
  const { canary } = objects;
  const route = routeStatus(objects);
  const said = deps.eventWriter.withNew(canary, decision.events);
  const printed = printStatus(decision.state, {
    generation: metaOf(canary).generation,
    steps: policy.weights.length,
    now: deps.now(),
    previous: canary.status,
    ...(route ? { route } : {}),
    ...(said.length > 0 ? { said } : {}),
  });
  const status = { ...printed, ...optional("iterations", iterationsBegun(policy, decision.state.run?.step)) };
  if (sameStatus(status, canary.status)) return canary;
  const timing = { now: deps.now(), intervalMs: policy.intervalMs };
  return deps.unsaved.keeps(canary, { status, next: decision.state, ...timing })
    ? canary
    : writeStatus(deps, canary, status);
}

function routeStatus({ served, apexName, routeWhy }: CanaryObjects): CanaryStatus["route"] {
  if (!served) return undefined;
  const apiVersion = `${served.resource.group}/${served.resource.version}`;
  return { kind: served.router.kind, apiVersion, name: apexName, why: routeWhy };
}

function sameStatus(a: CanaryStatus, b: CanaryStatus | undefined): boolean {
  return sortedJson(a) === sortedJson(b ?? {});
}
