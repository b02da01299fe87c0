/** `kubectl canary events NAME`: what the controller said about a Canary, the newest last, as in a log. */
import type { CoreV1Event } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { resource } from "../../shared/kube/resources.ts";
import { type Deps, exitCode, type Scope } from "../context.ts";
import { missingPermission, Refusal } from "../errors.ts";
import { findCanary } from "../cluster/find-canary.ts";
import { type OutputFormat, printObject } from "../render/output.ts";
import { relative } from "../terminal/time.ts";
import { paint, printable, type RenderOptions, styleOf } from "../terminal/style.ts";
import { type Column, formatTable } from "../terminal/table.ts";

export interface EventsArgs {
  name: string;
  /** Newest events to show. */
  limit: number;
  output: OutputFormat;
}

export interface EventView {
  name: string;
  type: "Normal" | "Warning";
  reason: string;
  message: string;
  count: number;
  lastSeenAt: string;
}

export interface EventsView {
  apiVersion: "kubectl-canary/v1";
  kind: "EventsView";
  name: string;
  namespace: string;
  /** Oldest first. */
  items: EventView[];
}

export async function events(args: EventsArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  const items = await readEvents(canary, deps);
  const view = viewEvents(canary, items.slice(-args.limit));
  if (args.output === "json" || args.output === "yaml") await printObject(view, args.output, deps.stdout);
  else if (args.output === "name") deps.stdout.write(view.items.map(({ name }) => `event/${name}\n`).join(""));
  else if (items.length === 0)
    deps.stderr.write(
      `No events of Canary "${view.name}"; Kubernetes keeps them for an hour, unless told otherwise.\n`,
    );
  else {
    const options = { style: styleOf(deps.stdout, deps.env), now: deps.now(), wide: args.output === "wide" };
    deps.stdout.write(renderEvents(view.items, options));
  }
  return exitCode.ok;
}

/** Oldest first. Those of an earlier Canary of the same name are left out. */
export async function readEvents(canary: Canary, { cluster }: Deps): Promise<EventView[]> {
  const { name = "", namespace = "", uid } = canary.metadata;
  const fieldSelector = `involvedObject.kind=Canary,involvedObject.name=${name}`;
  try {
    const { items } = await cluster.list<CoreV1Event>(resource.coreEvents, { namespace, fieldSelector });
    const own = items.filter(({ involvedObject }) => !involvedObject.uid || involvedObject.uid === uid);
    return own.map(viewEvent).sort((a, b) => a.lastSeenAt.localeCompare(b.lastSeenAt) || (a.name < b.name ? -1 : 1));
  } catch (error) {
    const permission = missingPermission(error);
    if (permission) throw new Refusal(`You may not see the events: ${permission}.`);
    throw error;
  }
}

export function viewEvents({ metadata }: Canary, items: EventView[]): EventsView {
  const { name = "", namespace = "" } = metadata;
  return { apiVersion: "kubectl-canary/v1", kind: "EventsView", name, namespace, items };
}

export function renderEvents(items: readonly EventView[], { style, now, wide }: RenderOptions): string {
  const columns: Column[] = [
    { head: "SEEN" },
    { head: "TYPE" },
    ...(wide ? [{ head: "REASON" }] : []),
    { head: "COUNT", align: "right" },
    { head: "MESSAGE" },
  ];
  const rows = items.map((raw) => {
    const event = printable(raw);
    return [
      wide ? event.lastSeenAt : relative(event.lastSeenAt, now),
      paint(style, event.type === "Warning" ? "warn" : "plain", event.type),
      ...(wide ? [event.reason] : []),
      String(event.count),
      event.message,
    ];
  });
  const [head = "", ...body] = formatTable(columns, rows, style.width);
  return `${[paint(style, "strong", head), ...body].join("\n")}\n`;
}

// --- internal ---

function viewEvent(event: CoreV1Event): EventView {
  const { metadata, type, reason = "", message = "", count = 1 } = event;
  const at = event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? metadata.creationTimestamp ?? 0;
  return {
    name: metadata.name ?? "",
    type: type === "Warning" ? "Warning" : "Normal",
    reason,
    message,
    count,
    lastSeenAt: new Date(at).toISOString(),
  };
}
