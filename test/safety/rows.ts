/** What must hold whatever becomes of the controllers: each row is one play, and ends where the play ends undisturbed. */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { Controller as RunningController } from "../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import type { Arena } from "./arena.ts";
import { Auditor } from "./auditor.ts";
import { endStateOf, isDraining } from "./endstate.ts";
import { canaryWeight, imageOf, Stage, type Play } from "./plays.ts";
import { Frozen, Mortal, Passing, wordsOf, type Call, type Gate, type Nth } from "./through.ts";

let stages = 0;

/** One play in a namespace of its own, watched from outside. */
class Row {
  readonly stage: Stage;
  readonly auditor: Auditor;
  private readonly arena: Arena;
  private readonly play: Play;
  private readonly pods: string[];
  private readonly loops: RunningController[] = [];

  private constructor({ arena, play }: { arena: Arena; play: Play }, stage: Stage, seen: [Auditor, string[]]) {
    this.arena = arena;
    this.play = play;
    this.stage = stage;
    [this.auditor, this.pods] = seen;
  }

  static async begin(arena: Arena, play: Play): Promise<Row> {
    stages += 1;
    const stage = new Stage(arena.cluster, arena.node, `${play.name}-${stages}`);
    await stage.set();
    const auditor = await Auditor.start(arena.cluster, { namespace: stage.namespace, provider: "linkerd" });
    return new Row({ arena, play }, stage, [auditor, await stage.pods()]);
  }

  /** A controller of this row; one with a Lease of its own leads beside others. */
  async control(gate: Gate, lease: "shared" | "own" = "shared", identity = "one"): Promise<RunningController> {
    const { namespace } = this.stage;
    const leaseNamespace = lease === "own" ? `${namespace}-lease` : namespace;
    if (lease === "own") await this.stage.addNamespace(leaseNamespace);
    const loop = await this.arena.startController({ identity, leaseNamespace, namespace, gate });
    this.loops.push(loop);
    return loop;
  }

  act(frozen?: Promise<unknown>): Promise<void> {
    return this.play.act(this.stage, frozen);
  }

  /** Waits until all is as it is when nothing disturbs the play. */
  async reaches(end: object): Promise<void> {
    const seen: { state?: object } = {};
    const look = async (): Promise<true | ReturnType<typeof unmet>> => {
      seen.state = await endStateOf(this.stage);
      return isDeepStrictEqual(seen.state, end) || unmet("another end");
    };
    // The difference says more than that there is one.
    await waitFor(look, 20_000, "the end", 250).catch(() => expect(seen.state).toEqual(end));
    await this.judge();
  }

  /** Waits until all is so, or `isCut` says that it never will be. */
  endsUnless(isCut: () => boolean, end: object): Promise<true> {
    const look = async (): Promise<true | ReturnType<typeof unmet>> =>
      isCut() || isDeepStrictEqual(await endStateOf(this.stage), end) || unmet("neither cut nor at its end");
    return waitFor(look, 20_000, "the end, or a cut before it", 250);
  }

  async judge(): Promise<void> {
    const { phase, image, weight, outcomes } = this.play.ends;
    const { status, target, route } = {
      status: await this.stage.status(),
      target: await this.stage.target(),
      route: await this.stage.route(),
    };
    expect(status.phase).toBe(phase);
    expect((status.history ?? []).map(({ outcome }) => outcome)).toEqual(outcomes);
    expect(target.spec?.template.spec?.containers[0]?.image).toBe(imageOf(image));
    expect(canaryWeight(route)).toBe(weight);
    if (!this.play.restarts) expect(await this.stage.pods()).toEqual(this.pods);
  }

  async end(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()));
    await this.auditor.stop();
    await this.stage.end();
    expect(this.auditor.violations).toEqual([]);
  }
}

/** The play with one controller that nothing happens to: its calls, and where it ends. */
export async function undisturbed(arena: Arena, play: Play): Promise<{ calls: Call[]; end: object }> {
  const row = await Row.begin(arena, play);
  const gate = new Passing();
  await row.control(gate);
  await row.act();
  const rested = await atRest(row.stage);
  await row.judge();
  await row.end();
  return { calls: gate.calls, end: rested };
}

/** The controller dies after its n-th call, and is started again. Returns what it died of; undefined if it made fewer calls. */
export async function dies(
  arena: Arena,
  play: Play,
  { after, end }: { after: Nth; end: object },
): Promise<Call | undefined> {
  const row = await Row.begin(arena, play);
  const mortal = new Mortal(after);
  const first = await row.control(mortal);
  const died = mortal.died.then(async (call) => {
    await first.stop();
    await row.control(new Passing());
    return call;
  });
  await row.act();
  await row.reaches(end);
  const call = mortal.closed.aborted ? await died : undefined;
  await row.end();
  return call;
}

export interface Thawed {
  call: Call;
  /** What the API server had against it; undefined: it took it. */
  refusal: unknown;
}

/** The leader freezes in its n-th write; another finishes, and only then is the write sent. */
export async function freezes(
  arena: Arena,
  play: Play,
  { before, end }: { before: Nth; end: object },
): Promise<Thawed | undefined> {
  const row = await Row.begin(arena, play);
  const frozen = new Frozen(before);
  await row.control(frozen);
  const successor = frozen.frozen.then(async (call) => {
    await play.succeed?.(row.stage);
    await row.control(new Passing(), "own", "two");
    return call;
  });
  await row.act(frozen.frozen);
  // The play may be over for its user before the last writes of it.
  await row.endsUnless(() => frozen.isFrozen, end);
  if (!frozen.isFrozen) return void (await row.end());
  const call = await successor;
  await row.reaches(end);
  const refusal = await frozen.resume();
  // At once and for good: what it may have changed is not put right by its successor, but was not changed.
  expect(await endStateOf(row.stage), `${wordsOf(call)} of a leader that is none any more`).toEqual(end);
  await row.end();
  return { call, refusal };
}

/** Two controllers, each with a Lease of its own, from before the Canary is looked at to its end. */
export async function doubled(arena: Arena, play: Play, end: object): Promise<void> {
  const row = await Row.begin(arena, play);
  await Promise.all([row.control(new Passing(), "shared", "one"), row.control(new Passing(), "own", "two")]);
  await row.act();
  await row.reaches(end);
  await row.end();
}

/** How many at once. */
export async function inParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

// --- internal ---

/** The end state once it has been the same for longer than any timer of the loop takes, and a promoted canary's pods have gone. */
async function atRest(stage: Stage): Promise<object> {
  let [last, since] = [await endStateOf(stage), performance.now()];
  return waitFor(
    async () => {
      const now = await endStateOf(stage);
      if (!isDeepStrictEqual(now, last)) [last, since] = [now, performance.now()];
      const isOver = performance.now() - since > 3_000 && !(await isDraining(stage));
      return isOver ? now : unmet("changes");
    },
    30_000,
    `rest in ${stage.namespace}`,
    250,
  );
}
