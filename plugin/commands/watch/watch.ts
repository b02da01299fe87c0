/** `kubectl canary watch [NAME]`: the status as it changes; redrawn on a terminal, a line a change elsewhere. */
import { canaryName } from "../../../shared/core/objects/names.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { Place } from "../../../shared/kube/cluster.ts";
import { CanaryError, hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { lineOf } from "./line.ts";
import { type Deps, exitCode, type Scope } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { findCanary, requireNamespace } from "../../cluster/find-canary.ts";
import { readCanary, readLease, timeFor } from "../../read/read-canary.ts";
import { type Frame, renderFrame } from "./frame.ts";
import { sortByNeed } from "../list.ts";
import { type OutputFormat, printLine } from "../../render/output.ts";
import { routeResource } from "../../view/route.ts";
import { Screen } from "../../terminal/screen.ts";
import { styleOf } from "../../terminal/style.ts";
import { Trigger } from "../../cluster/change-watcher.ts";
import { viewCanary } from "../../view/canary-view.ts";
import type { CanaryView, Seen } from "../../view/types.ts";

export interface WatchArgs {
  /** Without: all Canaries of the namespace. */
  name?: string | undefined;
  allNamespaces: boolean;
  selector?: string | undefined;
  output: OutputFormat;
}

export async function watch(args: WatchArgs, deps: Deps, scope: Scope): Promise<number> {
  const trigger = new Trigger(deps);
  const source =
    args.name === undefined ? manySource(args, trigger, deps, scope) : oneSource(args.name, trigger, deps, scope);
  const screen = deps.stdout.isTTY === true && !isForPrograms(args.output) ? new Screen(deps.stdout) : undefined;
  // Not in a `finally`: after Ctrl-C the process may end before it.
  const close = (): void => screen?.close();
  deps.signal.addEventListener("abort", close);
  try {
    await run(await source, { args, deps, scope, trigger, screen });
  } finally {
    close();
    await trigger.stop();
  }
  return exitCode.interrupted;
}

// --- internal ---

/** What is shown, read anew. */
interface Source {
  read(): Promise<Seen[]>;
}

interface Watching {
  args: WatchArgs;
  deps: Deps;
  scope: Scope;
  trigger: Trigger;
  screen: Screen | undefined;
}

const isForPrograms = (output: OutputFormat): boolean => output !== "text" && output !== "wide";

/** What nothing tells us of, such as the controller's Lease, is read this often. */
const rereadMs = 10_000;
/** While the API server is away. */
const retryMs = 2_000;
/** On a terminal, so that "4s ago" stays true. */
const tickMs = 1_000;
/** Pods that come up one by one change a Deployment many times a second. */
const shortestMs = 250;

async function run(source: Source, watching: Watching): Promise<void> {
  const { deps, trigger, screen } = watching;
  const print = screen ? drawer(watching, screen) : appender(watching);
  let frame: Frame = { seen: [], now: deps.now() };
  let readAt = -Infinity;
  let changed = true;
  while (!deps.signal.aborted) {
    const due = deps.timers.now() - readAt >= (frame.awaySince === undefined ? rereadMs : retryMs);
    if (changed || due) {
      frame = await readFrame(source, frame, watching);
      readAt = deps.timers.now();
    } else frame = { ...frame, now: deps.now() };
    if (deps.signal.aborted) return;
    await print(frame);
    changed = (await trigger.next(screen ? tickMs : waitMs(frame, readAt, deps))) === "changed";
    // Changes that come in quick succession are read together.
    if (changed) await trigger.restUntil(readAt + shortestMs);
  }
}

function waitMs(frame: Frame, readAt: number, { timers }: Deps): number {
  const every = frame.awaySince === undefined ? rereadMs : retryMs;
  return Math.max(0, readAt + every - timers.now());
}

async function readFrame(source: Source, before: Frame, { deps }: Watching): Promise<Frame> {
  try {
    const seen = await source.read();
    return { seen, now: await timeFor(seen[0]?.lease, deps) };
  } catch (error) {
    if (!(error instanceof CanaryError) || !error.retry) throw error;
    const now = deps.now();
    return { ...before, now, awaySince: before.awaySince ?? now, away: error.message };
  }
}

async function oneSource(name: string, trigger: Trigger, deps: Deps, scope: Scope): Promise<Source> {
  const found = await findCanary(name, deps, scope);
  const { namespace } = scope;
  const at = { name: found.metadata.name ?? "", namespace };
  const target = found.spec.targetRef.name;
  const byName = (one: string): { namespace: string; fieldSelector: string } => ({
    namespace,
    fieldSelector: `metadata.name=${one}`,
  });
  trigger.follow(resource.canaries, byName(at.name));
  trigger.follow(resource.deployments, byName(target));
  trigger.follow(resource.deployments, byName(canaryName(target)));
  const route = found.status?.route;
  if (route) trigger.follow(routeResource(route), byName(route.name));
  return {
    read: async () => {
      return [await readCanary(await getOrRefuse(at, deps), deps, scope)];
    },
  };
}

async function getOrRefuse(at: Place, { cluster }: Deps): Promise<Canary> {
  try {
    return await cluster.get<Canary>(resource.canaries, at);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    throw new Refusal(`Canary "${at.name}" was deleted.`, exitCode.notFound);
  }
}

async function manySource(args: WatchArgs, trigger: Trigger, deps: Deps, scope: Scope): Promise<Source> {
  if (!args.allNamespaces) await requireNamespace(deps.cluster, scope.namespace);
  const selection = {
    ...(args.allNamespaces ? {} : { namespace: scope.namespace }),
    ...(args.selector ? { labelSelector: args.selector } : {}),
  };
  // What may not be listed, or is not there at all, is better said now than retried for ever.
  for await (const _ of deps.cluster.pages<Canary>(resource.canaries, { ...selection, limit: 1 })) break;
  const canaries = trigger.follow<Canary>(resource.canaries, selection);
  await Promise.race([canaries.whenSynced(), aborted(deps.signal)]);
  return {
    read: async () => {
      const lease = await readLease(deps.cluster, scope.controllerNamespace);
      return canaries.list().map((canary) => ({ canary, lease, callers: [], unread: [] }));
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

type Print = (frame: Frame) => Promise<void> | void;

function drawer({ args, deps, scope }: Watching, screen: Screen): Print {
  return (frame) => {
    const style = styleOf(deps.stdout, deps.env);
    const { rows } = deps.stdout;
    screen.draw(renderFrame(frame, args, { scope, style, rows }));
  };
}

/** A line for each Canary whose line has changed; to programs a whole view, as soon as anything in it has. */
function appender({ args, deps, scope }: Watching): Print {
  const printed = new Map<string, string>();
  let wasAway = false;
  return async (frame) => {
    const isAway = frame.awaySince !== undefined;
    if (isAway && !wasAway) deps.stderr.write(`${frame.away} Going on when it answers.\n`);
    wasAway = isAway;
    const views = sortByNeed(frame.seen.map((seen) => viewCanary(seen, scope, frame.now)));
    const gone = new Set(printed.keys());
    for (const view of views) {
      const key = `${view.namespace}/${view.name}`;
      gone.delete(key);
      const { fingerprint, text } = lineOf(view, { namespaces: args.allNamespaces, now: frame.now });
      if (printed.get(key) === fingerprint) continue;
      printed.set(key, fingerprint);
      await printChange(view, text, { args, deps });
    }
    for (const key of gone) {
      printed.delete(key);
      deps.stderr.write(`Canary ${key} was deleted.\n`);
    }
  };
}

async function printChange(
  view: CanaryView,
  text: string,
  { args, deps }: Pick<Watching, "args" | "deps">,
): Promise<void> {
  if (isForPrograms(args.output)) return printLine(view, args.output, deps.stdout);
  deps.stdout.write(`${text}\n`);
}
