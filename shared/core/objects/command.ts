export const commandVerbs = ["promote", "rollback", "pause", "resume", "retry", "adopt", "undo", "undo-now"] as const;
export type Verb = (typeof commandVerbs)[number];

/** What a verb of the plugin asks for; JSON in an annotation of the Canary, consumed once by its `id`. */
export interface Command {
  /** Unique per command; a command whose id equals `status.lastCommand.id` has been consumed. */
  id: string;
  verb: Verb;
  /** The run it was meant for; refused when that run is over. */
  run?: string;
  /** `promote` only: go to this step (1-based) now, instead of to the end. */
  toStep?: number;
  /** `pause` only: go on by itself after this duration (`30m`). */
  for?: string;
  force?: boolean;
  reason?: string;
  /** Who asked: stamped by our webhook from the API server's userInfo, never believed from the client. */
  by?: string;
}
