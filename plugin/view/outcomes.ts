/** How good the end of a run is: its colour on a terminal, its mark on a page. */
import type { RunOutcome } from "../../shared/core/objects/canary-status.ts";

export const outcomeLevels: Record<RunOutcome | "running", "good" | "bad" | "warn" | "busy"> = {
  promoted: "good",
  rejected: "bad",
  aborted: "bad",
  reverted: "warn",
  superseded: "warn",
  running: "busy",
};
