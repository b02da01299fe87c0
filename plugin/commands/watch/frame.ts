/** What `watch` shows on a terminal at one moment. Pure. */
import { formatDuration } from "../../../shared/core/format/duration.ts";
import type { Scope } from "../../context.ts";
import { renderList, sortByNeed } from "../list.ts";
import type { OutputFormat } from "../../render/output.ts";
import { renderCanary } from "../../render/canary.ts";
import { paint, type Style, symbol, wrap } from "../../terminal/style.ts";
import { viewCanary } from "../../view/canary-view.ts";
import { type Seen } from "../../view/types.ts";

export interface Frame {
  seen: Seen[];
  now: number;
  /** Since when the API server does not answer, and in which words. */
  awaySince?: number;
  away?: string;
}

interface Shown {
  /** One Canary, or all. */
  name?: string | undefined;
  allNamespaces: boolean;
  output: OutputFormat;
}

interface Place {
  scope: Scope;
  style: Style;
  /** Height of the terminal. */
  rows?: number | undefined;
}

const usualRows = 24;

export function renderFrame(frame: Frame, { name, allNamespaces, output }: Shown, place: Place): string {
  const { scope, style } = place;
  const { now } = frame;
  const views = frame.seen.map((seen) => viewCanary(seen, scope, now));
  const notice = noticeOf(frame, style);
  // The last line is the cursor's.
  const rows = (place.rows ?? usualRows) - 1 - notice.split("\n").length + 1;
  const options = { style, now, wide: output === "wide", namespaces: allNamespaces, rows };
  const [only] = views;
  return notice + (name !== undefined && only ? renderCanary(only, options) : renderList(sortByNeed(views), options));
}

// --- internal ---

function noticeOf({ now, awaySince }: Frame, style: Style): string {
  if (awaySince === undefined) return "";
  const since = formatDuration(Math.round((now - awaySince) / 1_000) * 1_000);
  const words = `${symbol(style, "warn")} The API server has not answered for ${since}; this is what was last seen.`;
  return `${paint(style, "warn", wrap(words, style.width, 2))}\n`;
}
