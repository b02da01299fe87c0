/** Types of webhook, with Flagger's spelling; in the order in which a run comes to them. */
export const hookTypes = [
  "confirm-rollout",
  "pre-rollout",
  "rollout",
  "confirm-traffic-increase",
  "confirm-promotion",
  "rollback",
  "post-rollout",
  "event",
] as const;
export type HookType = (typeof hookTypes)[number];

/** What a run can stand at: webhooks that it goes no further without, and a pause that its Canary declares. */
export const gateTypes = [
  "confirm-rollout",
  "pre-rollout",
  "confirm-traffic-increase",
  "confirm-promotion",
  "pause",
] as const;
export type GateType = (typeof gateTypes)[number];
