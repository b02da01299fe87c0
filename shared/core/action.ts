import type { Hook } from "./spec/hooks.ts";
import type { RouteRules } from "./routes/routes.ts";
import type { CanaryState, Phase } from "./state.ts";

export type Action =
  /** Put the opt-in and stable labels on the target. */
  | { kind: "optIn"; podTemplateHash: string }
  /** Create or correct the leaf Services, and the apex if it is missing. */
  | { kind: "applyServices" }
  /** Make the route, which starts at 100/0; or let the one that is there follow the spec, at the weights that it has. */
  | { kind: "applyRoute" }
  /** With the run that is over, if one is: whoever still means to write for it has seen an older route, and fails. */
  | { kind: "setWeight"; weight: number; over?: string; rules?: RouteRules }
  /** Delete our route of the kind that the provider was before. */
  | { kind: "removeOtherRoute" }
  /**
   * Canary Deployment with the target's present template, which must hash to `intent`, at `replicas`; a new one is made without
   * pods, and scaled when it is seen: to make it is nothing that could be refused to who comes too late.
   */
  | { kind: "runCanary"; intent: string; replicas: number }
  /** `over` as for `setWeight`. */
  | { kind: "scaleCanary"; replicas: number; over?: string }
  /** Let the target roll to `intent`, if that is still its template. */
  | { kind: "releaseTarget"; intent: string; run: string }
  /** The target runs what it should: take our promoting mark off, name the new stable. */
  | { kind: "markStable"; podTemplateHash: string }
  /** The intent went back to stable: give the rollout back to its user as it was. */
  | { kind: "unholdTarget" }
  /** Put this mark on the target's template, or take it off, and hold the rollout: `changed` names what it is for. */
  | { kind: "markConfigs"; mark?: string; changed: string }
  /** Write stable's template back into the target's spec, paused as the user had it. */
  | { kind: "restoreStable"; podTemplateHash: string }
  /** The target is gone for good: delete canary Deployment, leaf Services and route. */
  | { kind: "removeOurs" }
  /** Keep stable's template, as long as its ReplicaSet has it, in the place of an earlier one. */
  | { kind: "keepStable"; podTemplateHash: string }
  /** Take the break-glass label off: it was good for one change. */
  | { kind: "consumeBypass" }
  /** Say on the target that its template `intent` was rejected, and why. */
  | { kind: "markRejected"; intent: string; words: string }
  | { kind: "clearRejected" };

export interface EventText {
  type: "Normal" | "Warning";
  message: string;
}

/** What a webhook is to be asked: once for each `since`, and again where a restart has lost the answer. */
export interface Question {
  hook: Hook;
  /** An answer to what was asked earlier does not count. */
  since: number;
  /** Id of the run that it is about. */
  run: string;
  /** Flagger's word for where it is asked. */
  phase: Phase;
}

export interface Decision {
  state: CanaryState;
  actions: readonly Action[];
  events: readonly EventText[];
  /** Webhooks that are to be asked now, or are being asked. */
  questions: readonly Question[];
  /** When to decide again, even if nothing is seen to change; undefined: only when something does. */
  requeueAfterMs?: number;
}
