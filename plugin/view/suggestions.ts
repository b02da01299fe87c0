/** Commands worth typing next, ready to paste. Pure. */
import type { Stage, Phase } from "../../shared/core/objects/canary-status.ts";
import { shellQuoted } from "../../shared/core/format/shell.ts";
import type { Scope } from "../context.ts";
import { changedContainers } from "./images.ts";
import { isGone } from "./controller-health.ts";
import { weightNow } from "./headline.ts";
import type { Advice, CanaryFacts, RunView } from "./types.ts";

export function advise(facts: CanaryFacts, scope: Scope): Advice[] {
  if (isGone(facts.controller)) return withoutController(facts, scope);
  if (facts.run?.ending) return [];
  if (facts.run) return duringRun(facts, scope, facts.run);
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
    effect: facts.controller.state === "missing" ? "see whether a controller runs" : "see why the controller is silent",
  };
  if (!facts.drainCommand || weightNow(facts) === 0) return [look];
  return [{ command: facts.drainCommand, effect: "give stable every request now, by hand" }, look];
}

function duringRun(facts: CanaryFacts, scope: Scope, run: RunView): Advice[] {
  const verb = (name: string, effect: string): Advice => ({ command: canaryCommand(name, facts.name, scope), effect });
  const rollback = verb("rollback", "give stable every request and reject the change");
  const promote = verb("promote", "end the analysis now and roll out");
  // Before any pod of it runs there is no analysis that could be ended.
  const isUnbegun = run.gate?.type === "confirm-rollout";
  const ways = [...unblock(facts, scope, run), ...(isUnbegun ? [] : [promote]), rollback];
  const inAnalysis = [...ways, ...pause(facts, scope, run)];
  const back = [verb("rollback", "go back to stable, pods too")];
  const byStage: Record<Stage, Advice[]> = {
    scaling: inAnalysis,
    analysing: inAnalysis,
    promoting: back,
    returning: back,
    restoring: [],
    draining: [],
  };
  return byStage[run.stage as Stage] ?? inAnalysis;
}

/** What takes the cause of a hold away, where a command does. */
function unblock(facts: CanaryFacts, scope: Scope, run: RunView): Advice[] {
  const resume = { command: canaryCommand("resume", facts.name, scope), effect: "go on with the analysis" };
  const rolloutResume = {
    command: `kubectl rollout resume ${facts.target}${flagsOf(scope)}`,
    effect: "let the Deployment be promoted again",
  };
  if (run.hold === "paused-by-user") return [rolloutResume];
  if (run.gate && gateHolds.has(run.hold ?? "")) return [{ ...resume, effect: resumeEffect(run.gate) }];
  if (waitsForClientErrors(run)) return [{ ...resume, effect: "the client errors are meant: go on with the analysis" }];
  return run.paused || run.ceilingPercent !== null || run.hold === "lowered-by-hand" ? [resume] : [];
}

const gateHolds: ReadonlySet<string> = new Set(["gate", "declared-pause", "timed-pause"]);

function resumeEffect({ type, name }: NonNullable<RunView["gate"]>): string {
  return type === "pause" ? `end the pause at weight ${name}` : `let it through gate ${name}`;
}

function waitsForClientErrors({ clientErrors }: RunView): boolean {
  return clientErrors !== null && clientErrors.acceptedBy === null;
}

function pause(facts: CanaryFacts, scope: Scope, run: RunView): Advice[] {
  const isWaiting = run.hold === "paused-by-user" || gateHolds.has(run.hold ?? "");
  if (run.paused || isWaiting || waitsForClientErrors(run)) return [];
  return [{ command: canaryCommand("pause", facts.name, scope), effect: "keep the weight as it is until resume" }];
}

function idle(facts: CanaryFacts, scope: Scope): Advice[] {
  if (facts.unvetted) return unvetted(facts, scope);
  if (facts.blocked?.code === "flagger-primary")
    return [
      {
        command: canaryCommand("migrate", facts.name, scope),
        effect: "take it over from Flagger without a failed request",
      },
    ];
  const byPhase: Partial<Record<Phase, Advice[]>> = {
    Initialized: start(facts, scope),
    Succeeded: start(facts, scope),
    Failed: [...lookAt(facts, scope), ...retry(facts, scope), ...takeBack(facts, scope), ...start(facts, scope)],
  };
  return byPhase[facts.phase as Phase] ?? [];
}

function unvetted({ name, unvetted: change }: CanaryFacts, scope: Scope): Advice[] {
  if (change?.undoneBy) return [];
  return [
    { command: canaryCommand("diff", name, scope), effect: "see what changed" },
    { command: canaryCommand("adopt", name, scope), effect: "accept it as the new stable" },
    { command: canaryCommand("undo", name, scope), effect: "put the version before it back" },
  ];
}

function lookAt({ name, keptUntil }: CanaryFacts, scope: Scope): Advice[] {
  if (keptUntil === null) return [];
  return [{ command: canaryCommand("rollback", name, scope), effect: "let the rejected canary's pods go now" }];
}

function retry(facts: CanaryFacts, scope: Scope): Advice[] {
  if (facts.history[0]?.outcome !== "rejected") return [];
  return [
    { command: canaryCommand("retry", facts.name, scope), effect: "start another canary of the rejected change" },
  ];
}

function start(facts: CanaryFacts, scope: Scope): Advice[] {
  const [container, image] = Object.entries(facts.images.stable)[0] ?? [];
  if (!container || !image) return [];
  const change = `${container}=${withoutTag(image)}:TAG`;
  return [{ command: setImage(facts, scope, [change]), effect: "start a canary of another version" }];
}

function takeBack(facts: CanaryFacts, scope: Scope): Advice[] {
  const rejected = facts.history[0]?.images ?? {};
  const { stable } = facts.images;
  const changed = changedContainers(stable, rejected);
  if (changed.length === 0 || changed.some((name) => !stable[name] || !rejected[name])) return [];
  const changes = changed.map((name) => `${name}=${stable[name] ?? ""}`);
  return [{ command: setImage(facts, scope, changes), effect: "take the rejected change back (restarts no pod)" }];
}

function setImage(facts: CanaryFacts, scope: Scope, changes: readonly string[]): string {
  return `kubectl set image ${facts.target} ${changes.map(shellQuoted).join(" ")}${flagsOf(scope)}`;
}

function withoutTag(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
}
