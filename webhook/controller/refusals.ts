/**
 * What the API server refused, by Canary: told at the next look, which comes at once, and tried again with patience. Kept in memory
 * alone, for it is found again by trying.
 */
import type { Action } from "../../shared/core/action.ts";
import type { Refusal } from "../../shared/core/observation.ts";
import { canaryName, keptName } from "../../shared/core/objects/names.ts";
import { backoffMs } from "../../shared/kube/backoff.ts";
import type { Clock } from "../../shared/kube/clock.ts";
import { CanaryError, type ErrorCode } from "../../shared/kube/errors.ts";

interface Kept {
  kind: Action["kind"];
  refusal?: Refusal;
  attempts: number;
  /** When the first of these attempts failed, in milliseconds. */
  since: number;
}

export interface Names {
  targetName: string;
  apexName: string;
}

export class Refusals {
  private readonly kept = new Map<string, Kept>();
  private readonly random: () => number;
  private readonly clock: Pick<Clock, "now">;

  constructor(random: () => number, clock: Pick<Clock, "now">) {
    this.random = random;
    this.clock = clock;
  }

  /** What is refused now. */
  of(key: string): Refusal | undefined {
    return this.kept.get(key)?.refusal;
  }

  /**
   * How soon to try again what failed with `error`; undefined where it is left to the next look: no answer, or a world that moved,
   * be it by another leader. A conflict or a failing server is a refusal when it stays.
   */
  note(key: string, action: Action, { error, names }: { error: unknown; names: Names }): number | undefined {
    if (!isAnswer(error)) return undefined;
    const now = this.clock.now();
    const last = this.kept.get(key);
    const before: Kept = last?.kind === action.kind ? last : { kind: action.kind, attempts: 0, since: now };
    const failed = { ...before, attempts: before.attempts + 1 };
    const isSure = refusals.includes(error.code) || stays(failed, now);
    // That the world moved meanwhile does not take back what was refused before.
    this.kept.set(key, isSure ? { ...failed, refusal: refusalOf(action, error, names) } : failed);
    // The status hears of it at once.
    if (isSure && before.refusal === undefined) return 0;
    // What is gone may stay gone without anything that wakes us.
    return isSure || !error.retry ? backoffMs(patience, failed.attempts, this.random) : undefined;
  }

  /** Everything that was due has been done. */
  done(key: string): void {
    this.kept.delete(key);
  }
}

// --- internal ---

/** Nobody has answered, so nothing was refused. */
const unheard: readonly ErrorCode[] = ["Unreachable", "Timeout", "Unauthorized"];
/** Of all others the next look may make something else: an object that is there, gone or changed is no refusal by itself. */
const refusals: readonly ErrorCode[] = ["Invalid", "Forbidden", "NoSuchKind"];
const patience = { firstMs: 1_000, capMs: 30_000 };
/** This many times in a row, and for that long, the world has not merely moved: a watch that broke off is back by then. */
const staying = 5;
const stayingMs = 10_000;
/** A validation error may name every field of an object. */
const longest = 400;

function stays({ attempts, since }: Kept, now: number): boolean {
  return attempts >= staying && now - since >= stayingMs;
}

/** Somebody has answered, and not that the namespace goes: that takes everything along, and needs no word. */
function isAnswer(error: unknown): error is CanaryError {
  return (
    error instanceof CanaryError && !unheard.includes(error.code) && !error.causes.includes("NamespaceTerminating")
  );
}

const objects: Record<Action["kind"], (names: Names) => string> = {
  optIn: target,
  markStable: target,
  releaseTarget: target,
  unholdTarget: target,
  markConfigs: target,
  restoreStable: target,
  consumeBypass: target,
  markRejected: target,
  clearRejected: target,
  applyServices: ({ apexName }) => `the Services of ${apexName}`,
  applyRoute: route,
  setWeight: route,
  removeOtherRoute: route,
  runCanary: canary,
  scaleCanary: canary,
  keepStable: ({ targetName }) => `ControllerRevision ${keptName(targetName)}`,
  removeOurs: ({ targetName }) => `the deletion of what was made for ${targetName}`,
};

function target({ targetName }: Names): string {
  return `Deployment ${targetName}`;
}

function canary({ targetName }: Names): string {
  return `Deployment ${canaryName(targetName)}`;
}

function route({ apexName }: Names): string {
  return `the route ${apexName}`;
}

function refusalOf(action: Action, error: CanaryError, names: Names): Refusal {
  return { write: `${action.kind}/${error.code}`, what: sentence(action, error, names) };
}

function sentence(action: Action, error: CanaryError, names: Names): string {
  const status = error.status === undefined ? error.code : String(error.status);
  const line = error.message.replace(/\s+/g, " ").replace(/\.$/, "");
  const words = line.length > longest ? `${line.slice(0, longest)}...` : line;
  return `The API server refuses ${objects[action.kind](names)} (${action.kind}, ${status}): ${words}. It is tried again.`;
}
