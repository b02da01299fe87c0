/** `kubectl canary list`: all Canaries of a namespace or of the cluster, those that need a person first. */
import { stripVTControlCharacters } from "node:util";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { formatDuration } from "../../shared/core/format/duration.ts";
import { leaseName } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { type Deps, exitCode, type Scope } from "../context.ts";
import { requireNamespace } from "../cluster/find-canary.ts";
import { readLease, timeFor } from "../read/read-canary.ts";
import { changedContainers } from "../view/images.ts";
import { type OutputFormat, printObject } from "../render/output.ts";
import { distance } from "../terminal/time.ts";
import { paint, printable, type RenderOptions, type Style, styleOf, symbol } from "../terminal/style.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { viewCanary } from "../view/canary-view.ts";
import { type CanaryView } from "../view/types.ts";

export interface ListArgs {
  output: OutputFormat;
  allNamespaces: boolean;
  selector?: string | undefined;
}

/** The rows show what the Canaries' own status says: one request for all of them, one for the controller's Lease. */
export async function listCanaries(args: ListArgs, deps: Deps, scope: Scope): Promise<number> {
  const query = {
    ...(args.allNamespaces ? {} : { namespace: scope.namespace }),
    ...(args.selector ? { labelSelector: args.selector } : {}),
  };
  const [{ items }, lease] = await Promise.all([
    deps.cluster.list<Canary>(resource.canaries, query),
    readLease(deps.cluster, scope.controllerNamespace),
  ]);
  if (items.length === 0) return sayNone(args, deps, scope);
  const now = await timeFor(lease, deps);
  const views = items.map((canary) => viewCanary({ canary, lease, callers: [], unread: [] }, scope, now));
  await print(sortByNeed(views), args, { deps, now });
  const silence = views[0]?.controller.silentSeconds;
  if (lease === null)
    deps.stderr.write(
      `No controller is alive: namespace ${scope.controllerNamespace} has no Lease ${leaseName}. If it runs in another one: --controller-namespace.\n`,
    );
  if (silence) deps.stderr.write(`The controller has been silent for ${formatDuration(silence * 1_000)}.\n`);
  return exitCode.ok;
}

export function renderList(views: readonly CanaryView[], options: RenderOptions & { namespaces: boolean }): string {
  const columns: Column[] = [
    ...(options.namespaces ? [{ head: "NAMESPACE" }] : []),
    { head: "NAME" },
    { head: "PHASE" },
    { head: "STEP", align: "right" },
    { head: "WEIGHT", align: "right" },
    { head: "FOR", align: "right" },
    { head: "IMAGES" },
  ];
  const shown = views.map((view) => printable(view));
  const [head = "", ...body] = formatTable(
    columns,
    shown.map((view) => row(view, options)),
  );
  const reasons = ["WHY", ...shown.map((view) => view.reason || view.verdict.text)];
  const [first = "", ...rest] = withReasons([head, ...body], reasons, options);
  return `${[paint(options.style, "strong", first), ...rest].join("\n")}\n`;
}

/** Those that need a person first. */
export function sortByNeed(views: CanaryView[]): CanaryView[] {
  const key = (view: CanaryView): string => `${view.namespace}/${view.name}`;
  return views.sort((a, b) => needs[a.verdict.level] - needs[b.verdict.level] || (key(a) < key(b) ? -1 : 1));
}

// --- internal ---

async function print(views: CanaryView[], args: ListArgs, { deps, now }: { deps: Deps; now: number }): Promise<void> {
  const { output } = args;
  if (output === "json" || output === "yaml") return printObject(listOf(views), output, deps.stdout);
  const style = styleOf(deps.stdout, deps.env);
  const options = { style, now, wide: output === "wide", namespaces: args.allNamespaces };
  deps.stdout.write(output === "name" ? names(views) : renderList(views, options));
}

function listOf(items: CanaryView[]): unknown {
  return { apiVersion: "kubectl-canary/v1", kind: "CanaryViewList", items };
}

const needs: Record<CanaryView["verdict"]["level"], number> = { bad: 0, warn: 1, busy: 2, good: 3 };

function row(view: CanaryView, { style, now, namespaces }: RenderOptions & { namespaces: boolean }): string[] {
  const { level } = view.verdict;
  return [
    ...(namespaces ? [view.namespace] : []),
    view.name,
    paint(style, level, `${symbol(style, level)} ${view.phase || "New"}`),
    view.run ? `${view.run.step}/${view.run.steps}` : "-",
    `${view.canaryWeightPercent}%`,
    view.phaseSince ? distance(view.phaseSince, now) : "-",
    imagesCell(view),
  ];
}

/** `podinfo:1.7.0 > 1.7.1`, without registry and path. */
function imagesCell(view: CanaryView): string {
  const { stable } = view.images;
  const canary = view.images.canary ?? view.unvetted?.images;
  const changed = canary ? changedContainers(stable, canary) : [];
  const rows = changed.length > 0 ? changed.map((name) => change(stable[name], canary?.[name])) : Object.values(stable);
  return rows.map((image) => image.replaceAll(/[^\s/]*\//g, "")).join(", ") || "-";
}

function change(from = "none", to = "none"): string {
  const repository = from.slice(0, from.lastIndexOf(":") + 1);
  return `${from} > ${repository !== "" && to.startsWith(repository) ? to.slice(repository.length) : to}`;
}

/** Less than this of a sentence says nothing. */
const leastReason = 20;

/** The lines with the reasons as their last column, cut to the terminal; without it where there is no room. */
function withReasons(lines: readonly string[], reasons: readonly string[], options: RenderOptions): string[] {
  const widths = lines.map((line) => stripVTControlCharacters(line).length);
  const before = Math.max(...widths) + 3;
  const room = options.wide ? Infinity : options.style.width - before;
  if (room < leastReason) return [...lines];
  return lines.map((line, index) => {
    const reason = reasons[index] ?? "";
    return line + " ".repeat(before - (widths[index] ?? 0)) + cut(reason, room, options.style);
  });
}

function cut(text: string, room: number, { unicode }: Style): string {
  const mark = unicode ? "…" : "...";
  return text.length > room ? text.slice(0, room - mark.length).trimEnd() + mark : text;
}

function names(views: readonly CanaryView[]): string {
  return views.map((view) => `canary.flagger.app/${view.name}\n`).join("");
}

async function sayNone(args: ListArgs, deps: Deps, scope: Scope): Promise<number> {
  if (args.output === "json" || args.output === "yaml") await printObject(listOf([]), args.output, deps.stdout);
  if (!args.allNamespaces) await requireNamespace(deps.cluster, scope.namespace);
  const where = args.allNamespaces ? "in any namespace" : `in namespace "${scope.namespace}"`;
  const chosen = args.selector ? ` with labels ${args.selector}` : "";
  deps.stderr.write(`No Canary${chosen} ${where}.\n`);
  return exitCode.ok;
}
