/**
 * More client errors than the primary's: whether they are a fault of the new version or what it is meant to answer, only a person knows.
 * So the run keeps its weight until someone says.
 */
import { verbLine } from "../turn/turn.ts";
import type { Observation } from "../observation.ts";
import type { Run } from "../state.ts";
import type { Policy } from "../spec/policy.ts";

/** It waits for a person because of them, and nobody has accepted them; the Canary may have been told meanwhile not to wait, or not to judge at all. */
export function waitsForClientErrors(
  { clientErrors }: Run,
  { comparison, skipAnalysis }: Pick<Policy, "comparison" | "skipAnalysis">,
): boolean {
  if (!clientErrors || clientErrors.acceptedBy !== undefined || skipAnalysis) return false;
  return comparison.mode !== "off" && comparison.clientErrors?.action === "hold";
}

/** What is said of it. */
export function clientErrorsWait(
  { cause }: { cause: string },
  seen: Observation,
): { cause: "client-errors"; reason: string; next: string } {
  return {
    cause: "client-errors",
    reason: `Held for a person: ${cause}. The mesh counts 4xx as success; whether the new version means them, only you know.`,
    next: `${verbLine(seen, "resume")} accepts them, or ${verbLine(seen, "promote")}, or ${verbLine(seen, "rollback")}`,
  };
}

/** The run when `by` has accepted what it waited for. */
export function acceptingClientErrors(run: Run, by: string): Run {
  return run.clientErrors ? { ...run, clientErrors: { ...run.clientErrors, acceptedBy: by } } : run;
}
