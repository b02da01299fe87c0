/** What is written into a Canary's status and said in its Events, by the leader alone. */
import type { EventText } from "../../shared/core/action.ts";
import { alertsOfUnreadable } from "../../shared/core/alerts/pending.ts";
import { optional } from "../../shared/core/format/compact.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import type { Observation } from "../../shared/core/observation.ts";
import type { AlertRule } from "../../shared/core/spec/alert-rules.ts";
import type { Alert } from "../../shared/core/state.ts";
import { unreadableCode, unreadableWords } from "../../shared/core/turn/turn.ts";
import { printAlerts, readableAlerts } from "../../shared/alert-status.ts";
import { printUnreadable, type Unreadable } from "../../shared/canary-status.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { keyOf } from "../../shared/kube/store.ts";
import type { Logger } from "../../shared/log.ts";
import { floorLeftMs } from "../../shared/status-since.ts";
import type { AlertSender } from "../alerts/alert-sender.ts";
import type { EventWriter } from "./apply/event-writer.ts";
import type { WriteDeps } from "./cache/canary-objects.ts";
import { shaped } from "./cache/slim.ts";
import { metaOf } from "./objects/from-objects.ts";

export interface StatusDeps extends WriteDeps {
  log: Logger;
  eventWriter: EventWriter;
  alerts: AlertSender;
  /** Asked right before every write. */
  isLeader(): boolean;
}

/** `name.namespace`. */
export function fullNameOf(canary: Canary): string {
  return `${metaOf(canary).name}.${metaOf(canary).namespace}`;
}

/** Throws a Conflict where another replica leads by now. */
export function lead(deps: StatusDeps): void {
  if (!deps.isLeader()) throw new CanaryError("Conflict", "The lead was lost: its successor goes on.");
}

/** What is known of its alerts. */
export function receiving({ alerts }: StatusDeps, canary: Canary): Pick<Observation, "chartAlerts" | "deliveries"> {
  return { ...optional("chartAlerts", alerts.chartAlerts), deliveries: alerts.deliveries(keyOf(canary)) };
}

export async function writeStatus(deps: StatusDeps, canary: Canary, status: CanaryStatus): Promise<Canary> {
  lead(deps);
  // Of its writers only a few words are kept in memory; without any, the API server keeps what it has.
  const { managedFields: _known, ...metadata } = canary.metadata;
  const written = await tryAgain(() =>
    deps.cluster.replace<Canary>(resource.canaries, { ...canary, metadata, status }, { subresource: "status" }),
  );
  const kept = shaped(written);
  deps.world.canaries.wrote(kept);
  return kept;
}

/** False: some of it could not be said, and must be tried again. */
export async function announce(deps: StatusDeps, canary: Canary, events: readonly EventText[]): Promise<boolean> {
  for (const text of events) deps.log.info({ canary: fullNameOf(canary), type: text.type }, text.message);
  return deps.eventWriter.say(canary);
}

/** A spec that came past admission (an older CRD, say) and cannot be read: nothing moves until it is mended. */
export async function sayInvalid(
  deps: StatusDeps,
  canary: Canary,
  { faults, rules, next }: { faults: string; rules: readonly AlertRule[]; next?: string },
): Promise<{ requeueAfterMs?: number; isCheck: false; said: boolean }> {
  const words = { reason: unreadableWords(faults), reasonCode: unreadableCode(faults), ...optional("next", next) };
  const isNew = canary.status?.reasonCode !== words.reasonCode;
  const known = readableAlerts(canary.status ?? {});
  const { namespace } = metaOf(canary);
  const seen = { now: deps.now(), namespace, targetName: canary.spec.targetRef.name, ...receiving(deps, canary) };
  const alerts = alertsOfUnreadable(known, { reason: words.reason, isNew }, { rules, seen });
  const events: EventText[] = isNew ? [{ type: "Warning", message: words.reason }] : [];
  const floorMs = floorLeftMs({ ...canary.status }, deps.now());
  const isNews =
    isNew ||
    floorMs === 0 ||
    alerts.length !== known.length ||
    alerts.some(({ to }, index) => to.length !== known[index]?.to.length);
  const written = isNews ? await saveInvalid(deps, canary, { words, alerts, events }) : canary;
  deps.alerts.saved(keyOf(canary), alerts);
  deps.alerts.submit(written, alerts);
  const again = floorMs ? { requeueAfterMs: floorMs } : {};
  return { ...again, isCheck: false, said: isNew ? await announce(deps, written, events) : true };
}

// --- internal ---

/** A status that is refused cannot say so itself; all that is left is not to rest on it. */
async function tryAgain<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error: unknown) {
    if (!(error instanceof CanaryError) || error.retry) throw error;
    throw new CanaryError(error.code, `The status cannot be written: ${error.message}`, { retry: true, cause: error });
  }
}

async function saveInvalid(
  deps: StatusDeps,
  canary: Canary,
  { words, alerts, events }: { words: Unreadable; alerts: Alert[]; events: EventText[] },
): Promise<Canary> {
  const said = deps.eventWriter.withNew(canary, events);
  const { alerts: _past, ...status } = printUnreadable(words, { now: deps.now(), previous: canary.status });
  const pending = optional("alerts", printAlerts(alerts));
  return writeStatus(deps, canary, { ...status, ...(said.length > 0 ? { said } : {}), ...pending });
}
