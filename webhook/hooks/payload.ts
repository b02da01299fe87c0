/** What webhooks are sent: Flagger's payloads, field by field. */
import type { Question } from "../../shared/core/action.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { SaidStatus } from "../../shared/core/objects/canary-status.ts";
import type { Hook } from "../../shared/core/spec/hooks.ts";

/** `intervalMs`: of the analysis, for the time that is left. */
export function questionPayload({ hook, phase }: Question, canary: Canary, intervalMs: number): string {
  return JSON.stringify({ ...common(hook, canary, { phase, intervalMs }), ...metadataOf(hook.metadata) });
}

/** The Event stands in the metadata, where nothing of the Canary's own replaces it. */
export function eventPayload(hook: Hook, said: SaidStatus, { canary, intervalMs }: Told): string {
  const { at, type: eventType, message: eventMessage } = said;
  const metadata = { ...hook.metadata, eventMessage, eventType, timestamp: String(Date.parse(at)) };
  const phase = canary.status?.phase ?? "";
  return JSON.stringify({ ...common(hook, canary, { phase, intervalMs }), metadata });
}

export interface Told {
  canary: Canary;
  intervalMs: number;
}

// --- internal ---

function common(
  { type }: Hook,
  { metadata, status = {} }: Canary,
  { phase, intervalMs }: { phase: string; intervalMs: number },
) {
  const { run, failedChecks = 0, canaryWeight = 0, iterations = 0, lastAppliedSpec = "" } = status;
  const stepsLeft = run ? run.steps - run.step : 0;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    phase,
    checksum: lastAppliedSpec,
    ...(run ? { buildId: run.id } : {}),
    type,
    failedChecks,
    canaryWeight,
    iterations,
    // A duration of Go's: nanoseconds.
    remainingTime: stepsLeft * intervalMs * 1_000_000,
  };
}

const metadataOf = (metadata: Record<string, string>): { metadata?: Record<string, string> } =>
  Object.keys(metadata).length > 0 ? { metadata } : {};
