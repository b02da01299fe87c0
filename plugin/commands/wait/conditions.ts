/**
 * What `wait` waits for, and whether it has come about, or can no longer. A version is known by the hash of its template, so
 * that a run which has not begun yet is not mistaken for one that is over. Pure.
 */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type {
  HistoryEntry,
  RunOutcome,
  CanaryStatus,
  UnvettedStatus,
  RunStatus,
} from "../../../shared/core/objects/canary-status.ts";
import { exitCode } from "../../context.ts";
import { imagesText, isImage } from "../../view/images.ts";
import { awaitedPerson } from "../../view/headline.ts";

export const conditions = ["promoted", "failed", "paused", "initialized"] as const;
export type Condition = (typeof conditions)[number] | "step";

export interface Awaited {
  condition: Condition;
  /** `step` only, 1-based. */
  step?: number;
  /** Only a version with this image counts. */
  image?: string | undefined;
}

/** The target's template, as it is now. */
export interface TargetTemplate {
  hash: string;
  images: Record<string, string>;
  /** Held, and its user had paused it before: no run starts. */
  pausedByUser?: boolean;
}

/** What is kept from one look to the next. */
export interface Memory {
  /** Hash of the version that is waited for; undefined until it is known. */
  intent?: string;
  /** Runs of it that were seen under way. */
  runs: ReadonlySet<string>;
}

export interface WaitResult {
  code: number;
  /** After the Canary's name and a colon. */
  words: string;
  outcome: "promoted" | "failed" | "paused" | "initialized" | "step" | "superseded" | "waits";
}

export interface Look {
  memory: Memory;
  /** Undefined: go on waiting. */
  verdict?: WaitResult;
}

export const nothingYet: Memory = { runs: new Set() };

/** `target` is undefined where it is not there or may not be read. */
export function assess(awaited: Awaited, canary: Canary, target: TargetTemplate | undefined, before: Memory): Look {
  const status = canary.status ?? {};
  if (awaited.condition === "initialized") return { memory: before, ...optionalVerdict(initialized(status)) };
  const memory = remember(awaited, status, target, before);
  if (memory.intent === undefined) return { memory };
  return { memory, ...optionalVerdict(judgeVersion(awaited, status, target, memory)) };
}

// --- internal ---

type Maybe = WaitResult | undefined;

const optionalVerdict = (verdict: Maybe): { verdict?: WaitResult } => (verdict ? { verdict } : {});

function initialized({ phase = "", stable }: CanaryStatus): Maybe {
  if (!stable || ["", "Initializing"].includes(phase)) return undefined;
  return { code: exitCode.ok, outcome: "initialized", words: `initialized, ${imagesText(stable.images)} is stable` };
}

function remember(awaited: Awaited, status: CanaryStatus, target: TargetTemplate | undefined, before: Memory): Memory {
  const { run } = status;
  const intent = before.intent ?? wantedVersion(awaited, status, target);
  const isOurs = run !== undefined && run.intent === intent;
  return {
    runs: isOurs ? new Set([...before.runs, run.id]) : before.runs,
    ...(intent === undefined ? {} : { intent }),
  };
}

/** The target's own word first: the controller may not have seen the change yet. */
function wantedVersion(
  { image }: Awaited,
  status: CanaryStatus,
  target: TargetTemplate | undefined,
): string | undefined {
  const { run, stable } = status;
  const last = newest(status.history);
  const known = [
    target,
    run && { hash: run.intent, images: run.images },
    !target && last?.intent !== undefined && { hash: last.intent, images: last.images },
    stable,
  ].filter((version) => version !== undefined && version !== false);
  const wanted = image === undefined ? known : known.filter(({ images }) => hasImage(images, image));
  return wanted[0]?.hash;
}

const hasImage = (images: Record<string, string>, typed: string): boolean =>
  Object.values(images).some((image) => isImage(typed, image));

function newest(history: readonly HistoryEntry[] = []): HistoryEntry | undefined {
  return [...history].sort((a, b) => b.endedAt.localeCompare(a.endedAt))[0];
}

function judgeVersion(
  awaited: Awaited,
  status: CanaryStatus,
  target: TargetTemplate | undefined,
  memory: Memory,
): Maybe {
  const { run } = status;
  if (run && run.intent === memory.intent) return underWay(awaited, status, run);
  const unvetted = unvettedIn(status);
  if (unvetted && unvetted.hash === memory.intent) return waiting(unvettedWords(unvetted));
  const ended = endOf(status, memory) ?? stableNow(status, memory) ?? replaced(run, target, memory);
  if (ended) return over(awaited, ended);
  return run ? undefined : startedBy(target, unvetted);
}

const waiting = (what: string): WaitResult => ({
  code: exitCode.waitsForPerson,
  outcome: "waits",
  words: `waits for a person: ${what}`,
});

/** A change that is being undone needs no person. */
const unvettedIn = ({ unvetted }: CanaryStatus): UnvettedStatus | undefined =>
  unvetted?.undoneBy ? undefined : unvetted;

const unvettedWords = ({ images }: UnvettedStatus): string =>
  `${imagesText(images)} went live without a canary; adopt or undo it`;

/** What a person must do before a run of the target's version begins. */
function startedBy(target: TargetTemplate | undefined, unvetted: UnvettedStatus | undefined): Maybe {
  if (unvetted) return waiting(`${unvettedWords(unvetted)}, no canary starts before`);
  if (!target?.pausedByUser) return undefined;
  return waiting("its user paused the Deployment; no canary starts before it is resumed");
}

function stableNow({ run, stable }: CanaryStatus, { intent }: Memory): End | undefined {
  if (run || stable?.hash !== intent) return undefined;
  return { outcome: "promoted", words: `${imagesText(stable?.images ?? {})} is stable` };
}

function replaced(run: RunStatus | undefined, target: TargetTemplate | undefined, { intent }: Memory): End | undefined {
  const now = target ?? (run && { hash: run.intent, images: run.images });
  if (!now || now.hash === intent) return undefined;
  return { outcome: "superseded", words: `${imagesText(now.images)} was asked for instead` };
}

function underWay(awaited: Awaited, status: CanaryStatus, run: RunStatus): Maybe {
  if (run.ending) return undefined;
  if (hasReached(awaited, run))
    return { code: exitCode.ok, outcome: "step", words: `step ${run.step + 1} of ${run.steps} (run ${run.id})` };
  const waits = awaitedPerson({ phase: status.phase ?? "", run, unvetted: null });
  const isPaused = waits !== undefined || run.paused !== undefined;
  const reason = status.reason ?? waits ?? "";
  if (awaited.condition === "paused")
    return isPaused ? { code: exitCode.ok, outcome: "paused", words: `paused: ${reason}` } : undefined;
  if (waits === undefined) return undefined;
  return waiting(reason);
}

/** A step is reached when the canary has its weight, not while pods for it start. */
function hasReached({ condition, step = Infinity }: Awaited, run: RunStatus): boolean {
  return condition === "step" && (run.step >= step || (run.step + 1 === step && run.stage !== "scaling"));
}

interface End {
  outcome: RunOutcome;
  words: string;
}

/** By a run that was seen, or by what is said of a version that is not tried again. An older run of it says nothing. */
function endOf(status: CanaryStatus, { intent, runs }: Memory): End | undefined {
  const entry = (status.history ?? []).find(({ run }) => runs.has(run));
  if (entry) return { outcome: entry.outcome, words: `${imagesText(entry.images)}: ${entry.cause} (run ${entry.run})` };
  const rejection = status.rejected?.find(({ hash }) => hash === intent);
  if (!rejection || status.run) return undefined;
  return { outcome: "rejected", words: rejection.cause };
}

const failedOutcomes: readonly RunOutcome[] = ["rejected", "aborted"];

function over({ condition }: Awaited, { outcome, words }: End): WaitResult {
  const isFailed = failedOutcomes.includes(outcome);
  const verdict: WaitResult["outcome"] = outcome === "promoted" ? "promoted" : isFailed ? "failed" : "superseded";
  const said = `${outcome}: ${words}`;
  const codes: Record<string, number> = {
    promoted: exitCode.ok,
    failed: exitCode.failed,
    superseded: exitCode.superseded,
  };
  const isAwaited = verdict === condition || (condition === "step" && verdict === "promoted");
  if (isAwaited) return { code: exitCode.ok, outcome: verdict, words: said };
  // What was waited for can no longer come about: a promotion is then no success either.
  const code = verdict === "promoted" ? exitCode.superseded : (codes[verdict] ?? exitCode.error);
  return { code, outcome: verdict, words: said };
}
