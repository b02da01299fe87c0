/** One Canary's way, from look to look: what comes next is derived from the objects, so that any start goes on from there. */
import type { V1Deployment } from "@kubernetes/client-node";
import { optional } from "../../../shared/core/format/compact.ts";
import { formatDuration } from "../../../shared/core/format/duration.ts";
import { isSwitched } from "../../../shared/core/migrate/left-by-flagger.ts";
import { rehearse } from "../../../shared/core/migrate/rehearsal.ts";
import {
  type MigrationRefusal,
  type MigrationSeen,
  type MigrationStep,
  type MigrationWait,
  type MigrationWrite,
  writeKey,
} from "../../../shared/core/migrate/seen.ts";
import { cureText } from "../../../shared/core/preconditions/preconditions.ts";
import { pause } from "../../../shared/kube/clock.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import type { Deps } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { forbiddenWrites, carryOut } from "./write.ts";
import { readGuards, readMigration } from "./read.ts";

export interface Journey {
  place: { name: string; namespace: string };
  next: (seen: MigrationSeen) => MigrationStep;
  /** Flagger's controllers as they are now, where they can be listed: GitOps may start one again in the middle. */
  flaggers(): Promise<readonly V1Deployment[] | undefined>;
  /** Give up when nothing has moved for this time. */
  timeoutMs: number;
  /** Flags that choose the cluster, for commands that are printed. */
  clusterFlags: string;
  /** Told of each step, a line without a full stop. */
  say: (line: string) => void;
}

export type Arrival = "moved" | "nothing-to-do" | "interrupted";

/** Throws a refusal where it cannot go on. */
export async function travel(journey: Journey, deps: Deps): Promise<Arrival> {
  await requirePermissions(journey, deps);
  const memory: Memory = {
    writes: 0,
    waitsFor: "",
    movedAt: deps.timers.now(),
    times: new Map(),
    floorsLost: 0,
    isFloorWritten: false,
  };
  for (;;) {
    if (deps.signal.aborted) return "interrupted";
    const seen = await look(journey, deps, memory);
    const step = seen && journey.next(seen);
    if (!step) await wait(unanswered, journey, deps, memory);
    else if (step.kind === "done") return memory.writes === 0 ? "nothing-to-do" : "moved";
    else if (step.kind === "refuse") throw migrateRefusal(step, journey.clusterFlags);
    else if (step.kind === "wait") await wait(step, journey, deps, memory);
    else await advance(step.write, journey, deps, memory);
  }
}

/** The steps that would be taken; the last is `done` or a refusal. */
export async function rehearsed(journey: Journey, deps: Deps): Promise<MigrationStep[]> {
  const read = await readMigration(deps, journey.place);
  const policies = await readGuards(deps.cluster, journey.place.namespace, journey.say);
  return rehearse({ ...read, ...policies, flaggers: await journey.flaggers(), quietMs: 0 }, journey.next);
}

export function migrateRefusal({ why, cure }: MigrationRefusal, clusterFlags: string): Refusal {
  const cured = cureText(cure, clusterFlags);
  return new Refusal(cured === "" ? why : `${why}\n  ${cured}`);
}

/** Before the first write: half a migration that may not go on is nobody's wish. */
export async function requirePermissions(journey: Journey, deps: Deps): Promise<void> {
  const steps = await rehearsed(journey, deps);
  const last = steps.at(-1);
  if (last?.kind === "refuse") throw migrateRefusal(last, journey.clusterFlags);
  const { namespace } = journey.place;
  const forbidden = await forbiddenWrites(deps.cluster, steps, namespace);
  if (forbidden.length === 0) return;
  throw new Refusal(
    `Nothing was written: you need permission to ${forbidden.join(", ")} in namespace ${namespace} as well. Ask who administers the cluster (RBAC).`,
  );
}

// --- internal ---

interface Memory {
  writes: number;
  /** The wait that was told last: its code, and how far it had come. */
  waitsFor: string;
  /** When something last moved, and since when nothing sends to the primary; ms of the timers. */
  movedAt: number;
  quietSince?: number;
  /** How often each write was made, by its key. */
  times: Map<string, number>;
  /** How often a floor that was written was gone at the next look. */
  floorsLost: number;
  isFloorWritten: boolean;
}

const lookAgainMs = 500;

/** Undefined: the API server could not be asked just now. */
async function look(journey: Journey, deps: Deps, memory: Memory): Promise<MigrationSeen | undefined> {
  try {
    const read = await readMigration(deps, journey.place);
    const { floorTimes, ...rest } = read;
    if (memory.isFloorWritten && !read.canary.status?.floor) lostFloor(journey, memory);
    memory.isFloorWritten = false;
    const kept = memory.floorsLost >= mostFloorsLost ? {} : optional("floorTimes", floorTimes);
    const seen = { ...rest, ...kept, flaggers: await journey.flaggers(), quietMs: 0 };
    const now = deps.timers.now();
    if (!isSwitched(seen)) delete memory.quietSince;
    else memory.quietSince ??= now;
    return { ...seen, quietMs: now - (memory.quietSince ?? now) };
  } catch (error) {
    if (hasCode(error, "Unreachable", "Timeout", "TooManyRequests", "ServerError")) return undefined;
    throw error;
  }
}

/** A look of the controller's at a target that it still knows without pods may take one away. */
const mostFloorsLost = 5;

function lostFloor({ say }: Journey, memory: Memory): void {
  memory.floorsLost += 1;
  if (memory.floorsLost !== mostFloorsLost) return;
  say(
    "status.floor does not stay in the Canary (an older CRD, or a clock that is wrong): the autoscaler may take idle pods away",
  );
}

async function advance(write: MigrationWrite, journey: Journey, deps: Deps, memory: Memory): Promise<void> {
  if (!(await carryOut(deps.cluster, write))) return;
  memory.isFloorWritten = isOfStatus(write);
  if (moved(journey, deps, memory, write) === "again") await pause(deps.timers, lookAgainMs, deps.signal);
}

const isOfStatus = ({ kind, subresource }: MigrationWrite): boolean => kind === "Canary" && subresource === "status";

/** To do the same so often, somebody must undo it each time. */
const mostTimes = 10;

function moved({ say }: Journey, deps: Deps, memory: Memory, write: MigrationWrite): "again" | "new" {
  const { does } = write;
  const key = writeKey(write);
  memory.writes += 1;
  const times = (memory.times.get(key) ?? 0) + 1;
  memory.times.set(key, times);
  // A floor is written again while it lasts, and nothing has moved by that.
  if (isOfStatus(write) && times > 1) return "again";
  if (times >= mostTimes)
    throw new Refusal(
      `Written ${times} times: ${does}. Somebody undoes it each time, such as a GitOps tool or an autoscaler: pause that. What serves goes on serving; then the same command goes on from here.`,
    );
  memory.waitsFor = "";
  memory.movedAt = deps.timers.now();
  say(does);
  return "new";
}

const unanswered = { code: "unanswered", stand: 0, why: "the API server does not answer" } as const;

async function wait(
  { why, code, stand }: typeof unanswered | MigrationWait,
  journey: Journey,
  deps: Deps,
  memory: Memory,
): Promise<void> {
  const now = `${code}/${stand}`;
  if (now !== memory.waitsFor) {
    if (code !== "drain") memory.movedAt = deps.timers.now();
    memory.waitsFor = now;
    journey.say(why);
  }
  if (deps.timers.now() - memory.movedAt > journey.timeoutMs)
    throw new Refusal(
      `Nothing has moved for ${formatDuration(journey.timeoutMs)}: ${why}. What serves goes on serving; when it is mended, the same command goes on from here.`,
    );
  await pause(deps.timers, lookAgainMs, deps.signal);
}
