/** Event texts. Those that Flagger has keep its wording to the letter, since dashboards and scripts look for them. */
import type { EventText } from "../action.ts";

const normal = (message: string): EventText => ({ type: "Normal", message });
const warning = (message: string): EventText => ({ type: "Warning", message });

/** `full` is `name.namespace`. */
export const event = {
  initialized: (full: string): EventText => normal(`Initialization done! ${full}`),
  newRevision: (full: string): EventText => normal(`New revision detected! Scaling up ${full}`),
  restarting: (full: string): EventText => normal(`New revision detected! Restarting analysis for ${full}`),
  starting: (full: string): EventText => normal(`Starting canary analysis for ${full}`),
  advance: (full: string, weight: number): EventText => normal(`Advance ${full} canary weight ${weight}`),
  advanceIteration: (full: string, { index, of }: { index: number; of: number }): EventText =>
    normal(`Advance ${full} canary iteration ${index}/${of}`),
  routingToCanary: (): EventText => normal("Routing all traffic to canary"),
  copying: (full: string, primary: string): EventText => normal(`Copying ${full} template spec to ${primary}`),
  advancePrimary: (full: string, weight: number): EventText => normal(`Advance ${full} primary weight ${weight}`),
  routingToPrimary: (): EventText => normal("Routing all traffic to primary"),
  promoted: (full: string): EventText => normal(`Promotion completed! Scaling down ${full}`),
  promotedUnjudged: (full: string): EventText => normal(`Promotion completed! Canary analysis was skipped for ${full}`),
  thresholdReached: (full: string, failed: number): EventText =>
    warning(`Rolling back ${full} failed checks threshold reached ${failed}`),
  rollingBack: (full: string, cause: string): EventText => warning(`Rolling back ${full}: ${cause}`),
  failed: (full: string): EventText => warning(`Canary failed! Scaling down ${full}`),
  normal,
  warning,
} as const;
