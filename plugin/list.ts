/** `kubectl canary list`: all Canaries of a namespace or of the cluster, those that need a person first. */
import { stripVTControlCharacters } from "node:util";
import type { Canary } from "../shared/core/canary.ts";
import { resource } from "../shared/kube/resources.ts";
import { type Deps, exitCode, type Scope } from "./deps.ts";
import { requireNamespace } from "./find.ts";
import { formatImages } from "./images.ts";
import { type OutputFormat, printObject } from "./output.ts";
import { distance } from "./relative.ts";
import { paint, printable, type RenderOptions, styleOf, symbol } from "./style.ts";
import { type Column, formatTable } from "./table.ts";
import { type CanaryView, viewCanary } from "./view.ts";

export interface ListArgs {
  output: OutputFormat;
  allNamespaces: boolean;
  selector?: string | undefined;
}

/** One request: the rows show what the Canaries' own status says. */
export async function listCanaries(args: ListArgs, deps: Deps, scope: Scope): Promise<number> {
  const { items } = await deps.cluster.list<Canary>(resource.canaries, {
    ...(args.allNamespaces ? {} : { namespace: scope.namespace }),
    ...(args.selector ? { labelSelector: args.selector } : {}),
  });
  if (items.length === 0) return sayNone(args, deps, scope);
  const now = deps.now();
  const views = sortByNeed(items.map((canary) => viewOf(canary, scope, now)));
  if (args.output === "json" || args.output === "yaml") {
    await printObject(
      { apiVersion: "kubectl-canary/v1", kind: "CanaryViewList", items: views },
      args.output,
      deps.stdout,
    );
    return exitCode.ok;
  }
  const style = styleOf(deps.stdout, deps.env);
  const options = { style, now, wide: args.output === "wide", namespaces: args.allNamespaces };
  deps.stdout.write(args.output === "name" ? names(views) : renderList(views, options));
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
    { head: "WHY" },
  ];
  const [head = "", ...body] = formatTable(
    columns,
    views.map((view) => row(printable(view), options)),
  );
  const lines = options.wide ? body : body.map((line) => cut(line, options.style.width));
  return `${[paint(options.style, "strong", head), ...lines].join("\n")}\n`;
}

// --- internal ---

function viewOf(canary: Canary, scope: Scope, now: number): CanaryView {
  return viewCanary({ canary, callers: [], unread: [] }, scope, now);
}

const needs: Record<CanaryView["verdict"]["level"], number> = { bad: 0, warn: 1, busy: 2, good: 3 };

function sortByNeed(views: CanaryView[]): CanaryView[] {
  const key = (view: CanaryView): string => `${view.namespace}/${view.name}`;
  return views.sort((a, b) => needs[a.verdict.level] - needs[b.verdict.level] || (key(a) < key(b) ? -1 : 1));
}

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
    view.reason || view.verdict.text,
  ];
}

function imagesCell(view: CanaryView): string {
  const { stable, canary } = view.images;
  const from = shorten(formatImages(stable));
  const to = canary ? shorten(formatImages(canary)) : from;
  return (from === to ? from : `${from} > ${to}`) || "-";
}

/** Without registry and path. */
function shorten(images: string): string {
  return images.replaceAll(/[^\s,=]*\//g, "");
}

/** The line's end is a sentence without escape sequences, of which as much is dropped as does not fit. */
function cut(line: string, width: number): string {
  const excess = stripVTControlCharacters(line).length - width;
  return excess > 0 ? `${line.slice(0, -excess - 1).trimEnd()}…` : line;
}

function names(views: readonly CanaryView[]): string {
  return views.map((view) => `canary.flagger.app/${view.name}\n`).join("");
}

async function sayNone(args: ListArgs, deps: Deps, scope: Scope): Promise<number> {
  if (args.output === "json" || args.output === "yaml")
    await printObject({ apiVersion: "kubectl-canary/v1", kind: "CanaryViewList", items: [] }, args.output, deps.stdout);
  if (!args.allNamespaces) await requireNamespace(deps.cluster, scope.namespace);
  const where = args.allNamespaces ? "in any namespace" : `in namespace "${scope.namespace}"`;
  const chosen = args.selector ? ` with labels ${args.selector}` : "";
  deps.stderr.write(`No Canary${chosen} ${where}.\n`);
  return exitCode.ok;
}
