/** One run of a canary whose rates are known, from its start to its end, by the very decisions that a controller takes. */
import { noCounts, type TrackCounts } from "../analysis/track-counts.ts";
import { checkIsDue, decide, initialState } from "../decide.ts";
import { waitCauses } from "../objects/wait-causes.ts";
import type { Policy } from "../spec/policy.ts";
import { defaultWindowSeconds, windowSeconds } from "../queries/queries.ts";
import type { CanaryState, Run } from "../state.ts";
import type { Random } from "./random.ts";
import { drawRequests, type Rates } from "./requests.ts";
import { plus, scraped, Scrapes } from "./scraped.ts";
import { observed, stable } from "./seen.ts";

export interface RunInput {
  policy: Policy;
  /** Users' requests per second to both tracks together. */
  rps: number;
  scrapeIntervalMs: number;
  /** Part of 1 of the requests that the canary's weight is for; all unless given. */
  matching?: number;
  canary: Rates;
  primary: Rates;
}

export type Outcome = "promoted" | "back" | "waiting" | "open";

export interface SimulatedRun {
  /** `waiting`: for a person. `open`: it was not over after a month. */
  outcome: Outcome;
  /** From the canary's first request to weight 0, or to the promotion. */
  ms: number;
  /** The step that it had reached, 1-based; 0 where it got no weight. */
  step: number;
  /** What users got from the canary. */
  canary: TrackCounts;
  /** How long each step had its weight, and users' requests to the canary meanwhile. */
  steps: { ms: number; requests: number }[];
  /** How often it was decided. */
  looks: number;
}

/** A run that is not over by then waits for something that does not come. */
const mostDays = 30;
/** However often it is looked at. */
const mostLooks = 20_000;
/** A run is looked at as often as a controller does, an old one this part of its age apart: nobody reads a plan of days to the second. */
const patience = 1 / 200;
const youngMs = 3_600_000;
/** Far from 0, which means never. */
const startAt = 1_000_000_000;

export function simulate(input: RunInput, random: Random): SimulatedRun {
  const run = new Simulation(input, random);
  while (!run.isOver()) run.look();
  return run.result();
}

// --- internal ---

class Simulation {
  private readonly input: RunInput;
  private readonly random: Random;
  private readonly scrapes = new Scrapes();
  private readonly nextScrape: number[];
  /** As far back as a check reads. */
  private readonly readMs: number;
  private readonly steps: SimulatedRun["steps"] = [];
  private state: CanaryState = { ...initialState(), phase: "Initialized", stable };
  private now = startAt;
  private countedAt = startAt;
  private totals = { canary: noCounts, primary: noCounts };
  private firstAt?: number;
  private weightAt?: number;
  private looks = 0;

  constructor(input: RunInput, random: Random) {
    this.input = input;
    this.random = random;
    this.nextScrape = scraped.map(() => startAt + random() * input.scrapeIntervalMs);
    const windows = input.policy.metrics.flatMap(({ interval }) => windowSeconds(interval) ?? []);
    this.readMs = 1_000 * Math.max(defaultWindowSeconds, ...windows) + 2 * input.scrapeIntervalMs;
  }

  /** One decision, and what comes until the next one. */
  look(): void {
    const { policy, scrapeIntervalMs } = this.input;
    const { now, scrapes, state } = this;
    const weightAt = this.weightAt === undefined ? {} : { weightAt: this.weightAt };
    const warmAt = policy.warmupMs === 0 ? 0 : (this.firstAt ?? now) + policy.warmupMs + scrapeIntervalMs;
    const look = { now, state, policy, scrapeIntervalMs, scrapes, warmAt, ...weightAt };
    const decision = decide(state, observed(look, checkIsDue(state, now)), policy);
    this.looks += 1;
    this.state = decision.state;
    this.moved(state, decision.state);
    if (!this.isOver()) this.advanceTo(this.nextLook(Math.max(shortestMs, decision.requeueAfterMs ?? 1_000)));
  }

  isOver(): boolean {
    return this.outcome() !== undefined;
  }

  result(): SimulatedRun {
    this.endStep();
    return {
      outcome: this.outcome() ?? "open",
      ms: this.firstAt === undefined ? 0 : this.now - this.firstAt,
      step: this.steps.length,
      canary: this.totals.canary,
      steps: this.steps,
      looks: this.looks,
    };
  }

  private outcome(): Outcome | undefined {
    const { run, weight, history } = this.state;
    if (this.looks === 0) return undefined;
    if (!run) return history.length === 0 ? "open" : "back";
    return outcomeOf(run, weight) ?? (this.isEndless() ? "open" : undefined);
  }

  private isEndless(): boolean {
    return this.looks >= mostLooks || this.now - startAt >= mostDays * dayMs;
  }

  /** Never past a check: what a step takes is exact. A wait's own end may come late by its part. */
  private nextLook(askedMs: number): number {
    const { now } = this;
    const { wait, waitSince = now, checkAt = now } = { ...this.state.run };
    const ageMs = now - (wait === undefined ? (this.firstAt ?? now) : waitSince);
    const patientMs = ageMs < youngMs ? 0 : patience * ageMs;
    return now + Math.max(askedMs, wait === undefined ? Math.min(patientMs, checkAt - now) : patientMs);
  }

  /** A step begins with its weight; an iteration, which moves none, when it is analysed. */
  private moved(before: CanaryState, { weight, run }: CanaryState): void {
    const isBegun = run?.stage === "analysing" && run.step >= this.steps.length;
    if (weight === before.weight && !isBegun) return;
    this.endStep();
    this.firstAt ??= this.now;
    if (weight === 0 && !isBegun) return;
    this.weightAt = this.now;
    this.steps.push({ ms: 0, requests: -this.totals.canary.requests });
  }

  /** Counts begin at minus what came before the step. */
  private endStep(): void {
    const step = this.steps.at(-1);
    if (!step || this.weightAt === undefined || step.ms > 0) return;
    step.ms = this.now - this.weightAt;
    step.requests += this.totals.canary.requests;
  }

  private advanceTo(due: number): void {
    this.skipTo(due - this.readMs);
    for (;;) {
      const next = Math.min(...this.nextScrape);
      if (next > due) break;
      const index = this.nextScrape.indexOf(next);
      this.countTo(next);
      const what = scraped[index];
      if (what !== undefined) this.scrapes.take(what, next, this.totals);
      this.nextScrape[index] = next + this.input.scrapeIntervalMs;
    }
    this.countTo(due);
    this.now = due;
    this.scrapes.forget(Math.min(this.weightAt ?? due, due - longestBaseMs));
  }

  /** Scrapes of which no window at the next look begins or ends are left out. */
  private skipTo(from: number): void {
    const { scrapeIntervalMs } = this.input;
    this.nextScrape.forEach((next, index) => {
      const missed = Math.floor((from - next) / scrapeIntervalMs);
      if (missed > 0) this.nextScrape[index] = next + missed * scrapeIntervalMs;
    });
  }

  private countTo(at: number): void {
    const { rps, canary, primary, matching = 1 } = this.input;
    const mean = (rps * (at - this.countedAt)) / 1_000;
    const share = (matching * this.state.weight) / 100;
    this.countedAt = at;
    this.totals = {
      canary:
        share === 0 ? this.totals.canary : plus(this.totals.canary, drawRequests(mean * share, canary, this.random)),
      primary:
        share === 1
          ? this.totals.primary
          : plus(this.totals.primary, drawRequests(mean * (1 - share), primary, this.random)),
    };
  }
}

/** Each write of a controller wakes it, but not at once. */
const shortestMs = 20;
const dayMs = 86_400_000;
/** No metric asks for more by itself. */
const longestBaseMs = 3_600_000;

function outcomeOf({ ending, stage, wait }: Run, weight: number): Outcome | undefined {
  if (ending) return weight > 0 ? undefined : "back";
  if (stage !== "scaling" && stage !== "analysing") return "promoted";
  const waits = wait !== undefined && wait !== "timed-pause" && waitCauses[wait].kind === "person";
  return waits ? "waiting" : undefined;
}
