/**
 * What the API server refused, by Canary: told at the next look, which comes at once, and tried again with patience. Kept in memory
 * alone, for it is found again by trying.
 */
import type { Action } from "../../shared/core/action.ts";
import { canaryName, keptName } from "../../shared/core/objects/names.ts";
import { backoffMs } from "../../shared/kube/backoff.ts";
import { CanaryError, type ErrorCode } from "../../shared/kube/errors.ts";

interface Kept {
  kind: Action["kind"];
  what?: string;
  attempts: number;
}

export interface Names {
  targetName: string;
  apexName: string;
}

export class Refusals {
  private readonly kept = new Map<string, Kept>();
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** What is refused now, as a sentence with the API server's own words. */
  of(key: string): string | undefined {
    return this.kept.get(key)?.what;
  }

  /**
   * How soon to try again what failed with `error`; undefined where it is no refusal: no answer, or a world that moved. A conflict or
   * a failing server is one when it stays.
   */
  note(key: string, action: Action, { error, names }: { error: unknown; names: Names }): number | undefined {
    if (!(error instanceof CanaryError) || isNone(error)) return undefined;
    const before = this.kept.get(key);
    const attempts = attemptsAfter(before, action);
    const isSure = refusals.includes(error.code) || attempts >= staying;
    const isNews = isSure && before?.what === undefined;
    this.kept.set(key, { kind: action.kind, attempts, ...(isSure ? { what: sentence(action, error, names) } : {}) });
    if (!isSure) return undefined;
    // The status hears of it at once.
    return isNews ? 0 : backoffMs(patience, attempts, this.random);
  }

  /** Everything that was due has been done. */
  done(key: string): void {
    this.kept.delete(key);
  }
}

// --- internal ---

/** Nobody has answered, so nothing was refused. */
const unheard: readonly ErrorCode[] = ["Unreachable", "Timeout", "Unauthorized"];
/** That it exists already is what two leaders tell each other, and no refusal unless it stays. */
const refusals: readonly ErrorCode[] = ["Invalid", "Forbidden", "NoSuchKind"];
const patience = { firstMs: 1_000, capMs: 30_000 };
/** So many times in a row the world has not merely moved. */
const staying = 5;
/** A validation error may name every field of an object. */
const longest = 400;

function attemptsAfter(before: Kept | undefined, { kind }: Action): number {
  return before?.kind === kind ? before.attempts + 1 : 1;
}

/** Nobody has answered; or a namespace goes, which takes everything along and needs no word. */
function isNone({ code, message }: CanaryError): boolean {
  return unheard.includes(code) || message.includes("being terminated");
}

const objects: Record<Action["kind"], (names: Names) => string> = {
  optIn: target,
  settleTarget: target,
  releaseTarget: target,
  unholdTarget: target,
  restoreStable: target,
  consumeBypass: target,
  markRejected: target,
  clearRejected: target,
  applyServices: ({ apexName }) => `the Services of ${apexName}`,
  applyRoute: route,
  setWeight: route,
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

function sentence(action: Action, error: CanaryError, names: Names): string {
  const status = error.status === undefined ? error.code : String(error.status);
  const line = error.message.replace(/\s+/g, " ").replace(/\.$/, "");
  const words = line.length > longest ? `${line.slice(0, longest)}...` : line;
  return `The API server refuses ${objects[action.kind](names)} (${action.kind}, ${status}): ${words}. It is tried again.`;
}
