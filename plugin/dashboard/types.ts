/** What the dashboard's server tells its page: the views of `status`, `history`, `events` and `explain`, and what belongs to a page. */
import type { EventView } from "../commands/events.ts";
import type { TestView } from "../commands/explain/compared.ts";
import type { RunEntry } from "../commands/history.ts";
import type { CanaryView } from "../view/types.ts";

/** Commands that the page can give; those that need more than a click, such as `promote --force`, are for the terminal. */
export const dashboardVerbs = ["promote", "rollback", "pause", "resume", "retry"] as const;
export type DashboardVerb = (typeof dashboardVerbs)[number];

/** Null where nothing was measured. Percent, per second, milliseconds. */
export interface SampleNumbers {
  successPercent: number | null;
  requestsPerSecond: number | null;
  latencyMsP50: number | null;
  latencyMsP95: number | null;
  latencyMsP99: number | null;
}

/** One measurement of both tracks; `at` is RFC 3339. */
export interface Sample {
  at: string;
  primary: SampleNumbers;
  canary: SampleNumbers;
}

/** The canary's weight from `at` on. */
export interface WeightChange {
  at: string;
  percent: number;
}

/** Of one run, as far as this dashboard has seen it. Oldest first. */
export interface SeriesView {
  samples: Sample[];
  weights: WeightChange[];
}

export interface StepView {
  /** 1-based. */
  number: number;
  weightPercent: number;
  state: "done" | "current" | "ahead";
  /** The earliest that it can begin; null where nobody can know, and for steps that have begun. */
  earliestAt: string | null;
}

export interface ActionView {
  verb: DashboardVerb;
  /** What will happen, in sentences. */
  consequences: string[];
}

export interface PageView {
  /** As `status -o json` prints it. */
  canary: CanaryView;
  series: SeriesView;
  steps: StepView[];
  compared: TestView[];
  /** Newest first. */
  history: RunEntry[];
  /** Newest first. */
  events: EventView[];
  /** Why there are none; null where they could be read. */
  eventsRefused: string | null;
  actions: ActionView[];
}

/** `gone`: the Canary is not there. `away`: it could not be read, in these words. */
export type PageNews = { page: PageView } | { gone: true } | { away: string };

/** What is sent when a page connects, and then what has changed. */
export interface OverviewChange {
  /** All that are there; absent where only `changed` and `gone` count. */
  all?: CanaryView[];
  changed: CanaryView[];
  /** As `namespace/name`. */
  gone: string[];
  /** Since when the Canaries cannot be read, and in which words; null while they can. */
  away: { since: string; words: string } | null;
}

/** How the dashboard was started. */
export interface Setup {
  /** `namespace test` or `all namespaces`. */
  where: string;
  allowActions: boolean;
}

export interface ActionRequest {
  namespace: string;
  name: string;
  verb: DashboardVerb;
  /** The run that the person saw; null where none was under way. */
  run: string | null;
  reason?: string;
}

/** What became of a command, in the controller's words. */
export interface ActionAnswer {
  accepted: boolean;
  message: string;
}
