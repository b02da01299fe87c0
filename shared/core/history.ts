/** What a Canary's status remembers of the runs that are over. */
export const runOutcomes = ["promoted", "rejected", "reverted", "superseded", "aborted"] as const;
export type RunOutcome = (typeof runOutcomes)[number];

export interface HistoryEntry {
  run: string;
  /** Hash of the template that was tried; missing in entries of earlier versions. */
  intent?: string;
  images: Record<string, string>;
  requestedBy: string;
  outcome: RunOutcome;
  cause: string;
  startedAt: string;
  endedAt: string;
}
