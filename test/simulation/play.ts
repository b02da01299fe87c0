/** Plays a script against the core: observe, decide, save, perform, until nothing is left to happen. */
import { decide, initialState } from "../../shared/core/decide.ts";
import type { Policy } from "../../shared/core/spec/policy.ts";
import type { CanaryState } from "../../shared/core/state.ts";
import type { Decision } from "../../shared/core/action.ts";
import type { Observation } from "../../shared/core/observation.ts";
import { aPolicy } from "../builders.ts";
import { observe, perform } from "./cluster.ts";
import { askHooks } from "./hooks.ts";
import { advanceTo, aWorld, nextChange, settle, type World } from "./world.ts";

/** What happens from outside, in order; each waits for the one before it. */
export interface Cue {
  say: string;
  /** When it may happen; at once if it is left out. */
  when?: (stage: Stage) => boolean;
  /** And so long after that. */
  afterMs?: number;
  act: (world: World) => void;
}

export interface Script {
  title: string;
  policy?: Partial<Policy>;
  world?: Partial<World>;
  cues: Cue[];
}

/** The controller's own interruption: it loses what it has not done yet of its n-th decision, and is away for a while. */
export interface Crash {
  /** 0-based count of actions over the whole run after which it happens. */
  beforeAction: number;
  awayMs: number;
}

export interface Turn {
  seen: Observation;
  before: CanaryState;
  decision: Decision;
}

export interface Stage {
  world: World;
  state: CanaryState;
}

export interface Played extends Stage {
  turns: ({ kind: "turn"; turn: Turn } | { kind: "cue"; at: number; say: string })[];
  /** Actions performed, in all. */
  performed: number;
}

/** A run that does not come to rest within this is endless. */
const mostTurns = 4_000;

export function play(script: Script, crash?: Crash): Played {
  const world = aWorld(script.world && structuredClone(script.world));
  const played: Played = { world, state: initialState(), turns: [], performed: 0 };
  const policy = aPolicy(script.policy);
  const cues = waiting(script.cues);
  settle(world);
  for (let count = 0; count < mostTurns; count++) {
    const before = JSON.stringify(played.state);
    const decision = turn(played, policy, crash);
    const cued = cues(played);
    // Every write of a status or of an object comes back as an event, upon which is decided again.
    const busy = decision.actions.length > 0 || JSON.stringify(played.state) !== before;
    if (cued.happened || busy) continue;
    const times = [nextChange(world), cued.at, due(world, decision)].filter((at) => at !== undefined);
    if (times.length === 0) return played;
    advanceTo(world, Math.min(...times));
  }
  throw new Error(`"${script.title}" does not come to rest: ${played.state.reason}`);
}

/** What is left when a run is over, without the times at which it happened. */
export function outcomeOf({ world, state }: Stage): object {
  const { target, canary, route, services } = world;
  return {
    phase: state.phase,
    weight: state.weight,
    stable: state.stable,
    run: state.run?.stage,
    rejected: state.rejected.map((entry) => entry.hash),
    history: state.history.map(({ outcome, run }) => `${run} ${outcome}`),
    target: { ...target, rollingSince: 0, pods: target.pods.map((pod) => pod.tag) },
    canary: { tag: canary?.tag, replicas: canary?.replicas },
    route,
    services,
  };
}

// --- internal ---

function turn(played: Played, policy: Policy, crash: Crash | undefined): Decision {
  const { world } = played;
  const before = played.state;
  const seen = observe(world, before, policy);
  const decision = decide(before, seen, policy);
  played.turns.push({ kind: "turn", turn: { seen, before, decision } });
  played.state = decision.state;
  askHooks(world, decision.questions);
  for (const action of decision.actions) {
    const crashes = crash !== undefined && crash.beforeAction === played.performed;
    played.performed += 1;
    if (crashes) {
      // Its successor knows what was saved, and no answer.
      world.calls = [];
      if (crash.awayMs > 0) passTime(world, crash.awayMs);
      return decision;
    }
    perform(world, action, decision.state);
  }
  return decision;
}

function passTime(world: World, ms: number): void {
  const until = world.now + ms;
  for (let at = nextChange(world); at !== undefined && at < until; at = nextChange(world)) advanceTo(world, at);
  advanceTo(world, until);
}

function due(world: World, decision: Decision): number | undefined {
  return decision.requeueAfterMs === undefined ? undefined : world.now + decision.requeueAfterMs;
}

/** Gives each cue its turn: whether one happened now, or else when the next one will. */
function waiting(cues: readonly Cue[]): (played: Played) => { happened: boolean; at?: number } {
  const left = [...cues];
  let armedAt: number | undefined;
  return (played) => {
    const [cue] = left;
    if (!cue) return { happened: false };
    const { world } = played;
    if (armedAt === undefined && !(cue.when?.(played) ?? true)) return { happened: false };
    armedAt ??= world.now + (cue.afterMs ?? 0);
    if (world.now < armedAt) return { happened: false, at: armedAt };
    armedAt = undefined;
    left.shift();
    cue.act(world);
    settle(world);
    played.turns.push({ kind: "cue", at: world.now, say: cue.say });
    return { happened: true };
  };
}
