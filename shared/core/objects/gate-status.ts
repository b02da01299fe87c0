/** Where a run stands, and whom its end is still to be told, on the wire. Times are RFC 3339 strings. */
import type { GateType } from "./hook-types.ts";

/** What a run waits at: a webhook, or a pause that its Canary declares. */
export interface GateStatus {
  type: GateType;
  /** The webhook's; of a pause the weight. */
  name: string;
  since: string;
  /** When it is asked, or was. */
  askAt: string;
  /** Goes on by itself then. */
  until?: string;
  /** What it last came to, in a clause. */
  answer?: string;
}

/** A run that is over, and its `post-rollout` webhooks have not all heard of it. */
export interface AfterRunStatus {
  run: string;
  phase: "Succeeded" | "Failed";
  at: string;
}
