/** `kubectl canary history NAME`: what was tried here, by whom, and what became of it; the newest first. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { HistoryEntry, CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { formatDuration } from "../../shared/core/format/duration.ts";
import { type Deps, exitCode, type Scope } from "../context.ts";
import { findCanary } from "../cluster/find-canary.ts";
import { imagesText } from "../view/images.ts";
import { outcomeLevels } from "../view/outcomes.ts";
import { type OutputFormat, printObject } from "../render/output.ts";
import { distance, relative } from "../terminal/time.ts";
import { paint, printable, type RenderOptions, styleOf } from "../terminal/style.ts";
import { type Column, formatTable } from "../terminal/table.ts";

export interface HistoryArgs {
  name: string;
  /** Newest runs to show. */
  limit: number;
  output: OutputFormat;
}

export interface HistoryView {
  apiVersion: "kubectl-canary/v1";
  kind: "HistoryView";
  name: string;
  namespace: string;
  /** Newest first; the controller keeps a bounded number of them. */
  items: RunEntry[];
}

export interface RunEntry {
  run: string;
  /** Hash of the template; null in entries of earlier versions. */
  intent: string | null;
  images: Record<string, string>;
  requestedBy: string;
  /** `running` while it is under way. */
  outcome: HistoryEntry["outcome"] | "running";
  reason: string;
  startedAt: string;
  endedAt: string | null;
  durationSeconds: number | null;
}

export async function history(args: HistoryArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  const view = viewHistory(canary, args.limit);
  if (args.output === "json" || args.output === "yaml") await printObject(view, args.output, deps.stdout);
  else if (args.output === "name") deps.stdout.write(view.items.map(({ run }) => `${run}\n`).join(""));
  else if (view.items.length === 0) deps.stderr.write(`Nothing has been tried yet for Canary "${view.name}".\n`);
  else {
    const options = { style: styleOf(deps.stdout, deps.env), now: deps.now(), wide: args.output === "wide" };
    deps.stdout.write(renderHistory(view, options));
  }
  return exitCode.ok;
}

export function viewHistory({ metadata, status = {} }: Canary, limit: number): HistoryView {
  const past = [...(status.history ?? [])].sort((a, b) => b.endedAt.localeCompare(a.endedAt)).map(pastEntry);
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "HistoryView",
    name: metadata.name ?? "",
    namespace: metadata.namespace ?? "",
    items: [...presentEntry(status), ...past].slice(0, limit),
  };
}

export function renderHistory(view: HistoryView, options: RenderOptions): string {
  const { style, now, wide } = options;
  const columns: Column[] = [
    ...["RUN", "IMAGES", "ASKED BY", "STARTED"].map((head) => ({ head })),
    { head: "TOOK", align: "right" },
    { head: "OUTCOME" },
    ...(wide ? [{ head: "HASH" }] : []),
    { head: "WHY" },
  ];
  const rows = view.items.map((raw) => {
    const entry = printable(raw);
    return [
      entry.run,
      wide ? imagesText(entry.images) : imagesText(entry.images).replaceAll(/[^\s/=]*\//g, ""),
      entry.requestedBy || "unknown",
      wide ? entry.startedAt : relative(entry.startedAt, now),
      entry.durationSeconds === null ? distance(entry.startedAt, now) : formatDuration(entry.durationSeconds * 1_000),
      paint(style, outcomeLevels[entry.outcome] ?? "plain", entry.outcome),
      ...(wide ? [entry.intent ?? "-"] : []),
      entry.reason,
    ];
  });
  const [head = "", ...body] = formatTable(columns, rows, style.width);
  return `${[paint(style, "strong", head), ...body].join("\n")}\n`;
}

// --- internal ---

function presentEntry({ run, reason = "" }: CanaryStatus): RunEntry[] {
  if (!run) return [];
  const { id, intent, images, requestedBy, startedAt, ending } = run;
  const why = ending ? `being ended: ${ending.cause}` : reason;
  const open = { outcome: "running", endedAt: null, durationSeconds: null } as const;
  return [{ run: id, intent, images, requestedBy, startedAt, reason: why, ...open }];
}

function pastEntry(entry: HistoryEntry): RunEntry {
  const { run, intent = null, images, requestedBy, outcome, cause, startedAt, endedAt } = entry;
  const ms = new Date(endedAt).getTime() - new Date(startedAt).getTime();
  const durationSeconds = Number.isNaN(ms) ? null : Math.max(0, Math.round(ms / 1_000));
  return { run, intent, images, requestedBy, outcome, reason: cause, startedAt, endedAt, durationSeconds };
}
