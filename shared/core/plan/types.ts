/** What a plan is made of, and what it says. */
import type { Policy } from "../spec/policy.ts";
import type { Spread } from "./statistics.ts";
import type { Chance, Effort, Usual, VersionPlan } from "./versions.ts";

export interface PlanInput {
  policy: Policy;
  /** Users' requests per second to the Service. */
  rps: number;
  /** What stable's users get. */
  usual: Usual;
  scrapeIntervalMs: number;
  /** Of an A/B test: the part of users' requests that match, of 1. */
  matching?: number;
  seed: number;
  effort?: Effort;
}

export interface StepPlan {
  /** 1-based. */
  step: number;
  weightPercent: number;
  /** The shortest that it may take. */
  leastSeconds: number;
  /** As it stands, with a good version; undefined where no run came so far. */
  seconds: Spread | undefined;
  canaryRequests: Spread | undefined;
}

export interface Plan {
  steps: StepPlan[];
  /** From the canary's first request to the promotion; of Blue/Green from its first iteration, which no user is in. */
  run: { leastSeconds: number; seconds: Spread | undefined };
  /** A version that is as good as stable. */
  good: Pick<VersionPlan, "runs" | "promoted" | "stuck"> & { takenBack: Chance };
  /** Those that fail, then those that are slow where the Canary says what is slow. */
  versions: VersionPlan[];
  remarks: Remark[];
}

export type RemarkCode =
  | "step-too-short"
  | "not-promoted"
  | "stable-breaks-limit"
  | "limit-never-broken"
  | "threshold-out-of-reach"
  | "margin-hides"
  | "failures-not-judged"
  | "slowness-not-judged"
  | "comparison-off"
  | "takes-back-good"
  | "own-queries-taken-to-pass"
  | "gates-taken-to-pass"
  | "before-users-not-known"
  | "analysis-skipped";

export interface Remark {
  code: RemarkCode;
  text: string;
}
