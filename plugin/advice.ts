/** Commands worth typing next, ready to paste. Pure. */
import type { Phase, Stage } from "../shared/core/canary.ts";
import type { Scope } from "./deps.ts";
import { changedContainers } from "./images.ts";
import { weightNow } from "./verdict.ts";
import type { CanaryFacts } from "./view.ts";

export interface Advice {
  command: string;
  /** What it does, a few words. */
  effect: string;
}

export function advise(facts: CanaryFacts, scope: Scope): Advice[] {
  if (facts.controller.state === "silent") return withoutController(facts, scope);
  if (facts.run?.ending) return [];
  if (facts.run) return duringRun(facts, scope, facts.run.stage as Stage);
  return idle(facts, scope);
}

/** `kubectl canary VERB NAME` for this very Canary. */
export function canaryCommand(verb: string, name: string, scope: Scope): string {
  return `kubectl canary ${verb} ${name}${flagsOf(scope)}`;
}

// --- internal ---

function flagsOf(scope: Scope): string {
  return ` -n ${scope.namespace}${scope.clusterFlags}`;
}

function withoutController(facts: CanaryFacts, scope: Scope): Advice[] {
  const look = {
    command: `kubectl get pods -n ${scope.controllerNamespace}${scope.clusterFlags}`,
    effect: "see why the controller is silent",
  };
  if (!facts.drainCommand || weightNow(facts) === 0) return [look];
  return [{ command: facts.drainCommand, effect: "give stable every request now, by hand" }, look];
}

function duringRun(facts: CanaryFacts, scope: Scope, stage: Stage): Advice[] {
  const promote = {
    command: canaryCommand("promote", facts.name, scope),
    effect: "end the analysis now and roll out",
  };
  const rollback = {
    command: canaryCommand("rollback", facts.name, scope),
    effect: "give stable every request and reject the change",
  };
  const both = [promote, rollback];
  const back = [{ ...rollback, effect: "go back to stable, pods too" }];
  const byStage: Record<Stage, Advice[]> = {
    scaling: both,
    analysing: both,
    promoting: back,
    returning: back,
    restoring: [],
    draining: [],
  };
  return byStage[stage] ?? both;
}

function idle(facts: CanaryFacts, scope: Scope): Advice[] {
  const byPhase: Partial<Record<Phase, Advice[]>> = {
    Initialized: start(facts, scope),
    Succeeded: start(facts, scope),
    Failed: [...takeBack(facts, scope), ...start(facts, scope)],
  };
  return byPhase[facts.phase as Phase] ?? [];
}

function start(facts: CanaryFacts, scope: Scope): Advice[] {
  const [container, image] = Object.entries(facts.images.stable)[0] ?? [];
  if (!container || !image) return [];
  const change = `${container}=${withoutTag(image)}:TAG`;
  return [{ command: setImage(facts, scope, change), effect: "start a canary of another version" }];
}

function takeBack(facts: CanaryFacts, scope: Scope): Advice[] {
  const rejected = facts.history[0]?.images ?? {};
  const { stable } = facts.images;
  const changed = changedContainers(stable, rejected);
  if (changed.length === 0 || changed.some((name) => !stable[name] || !rejected[name])) return [];
  const change = changed.map((name) => `${name}=${stable[name] ?? ""}`).join(" ");
  return [{ command: setImage(facts, scope, change), effect: "take the rejected change back (restarts no pod)" }];
}

function setImage(facts: CanaryFacts, scope: Scope, change: string): string {
  return `kubectl set image ${facts.target} ${change}${flagsOf(scope)}`;
}

function withoutTag(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
}
