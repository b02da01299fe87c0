/** One line for the present state of a Canary, and what of it makes another line worth printing. Pure. */
import { printable } from "../../terminal/style.ts";
import { awaitedPerson, weightNow } from "../../view/headline.ts";
import type { CanaryView } from "../../view/types.ts";

export interface Change {
  /** Equal for two views whose lines say the same. */
  fingerprint: string;
  text: string;
}

export function lineOf(raw: CanaryView, { now, namespaces }: { now: number; namespaces: boolean }): Change {
  const view = printable(raw);
  const place = namespaces ? `${view.namespace}/${view.name}` : view.name;
  const step = view.run ? ` step ${view.run.step}/${view.run.steps}` : "";
  const said = `${place} ${view.phase || "New"}${step}, canary ${weightNow(view)}%: ${wordsOf(view)}`;
  return { fingerprint: said, text: `${new Date(now).toISOString().slice(0, 19)}Z ${said}` };
}

// --- internal ---

/** Without any "4s ago": such a line would be another each second. */
function wordsOf(view: CanaryView): string {
  const { controller, reason, verdict } = view;
  if (controller.state === "silent") return `the controller has been silent since ${controller.renewedAt}`;
  if (controller.state === "missing") return verdict.text;
  const waits = awaitedPerson(view);
  return `${reason || verdict.text}${waits ? ` [${waits}]` : ""}`;
}
