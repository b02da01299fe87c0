// A few rows of test/long/operation/crash.long.test.ts, those that have failed before: calls after which something was lost, and writes that
// a leader without a lead could still make. On an API server of its own; no container runs.
import { afterAll, beforeAll, expect, it } from "vitest";
import { startArena, type Arena } from "./arena.ts";
import { hasty, plays, type Play } from "./plays.ts";
import { dies, doubled, freezes, inParallel, undisturbed } from "./rows.ts";
import { soak } from "./soak.ts";
import { calling, type Call } from "./through.ts";

let arena: Arena;
let whole: { calls: Call[]; end: object };
let aborted: { calls: Call[]; end: object };
const named = (wanted: string): Play => plays.find(({ name }) => name === wanted)!;
const rollback = named("rollback");
const abort = named("abort");

beforeAll(async () => {
  arena = await startArena();
  [whole, aborted] = await Promise.all([undisturbed(arena, rollback), undisturbed(arena, abort)]);
});
afterAll(() => arena.stop());

it("a run that is reverted ends the same when the controller dies in it, or there are two", async () => {
  const { calls, end } = aborted;
  const words = ["replace canaries/status", "create events", "replace trafficsplits", "create deployments"];
  /** After the last such call. How many there are depends on how much is seen at one look. */
  const diesLast = async (one: string): Promise<Call | undefined> => {
    let died: Call | undefined;
    for (let nth = calls.filter(calling(one)).length; nth > 0 && !died; nth--)
      died = await dies(arena, abort, { after: { among: calling(one), nth }, end });
    return died;
  };
  const [died] = await Promise.all([inParallel(words, 4, diesLast), doubled(arena, abort, end)]);
  expect(died).not.toContain(undefined);
});

it("a few seconds of faults break no invariant, with two leaders", () => soak(arena, 8_000, [2]));

it("a leader that freezes in a write, and is let go on when its successor is done, changes nothing", async () => {
  const { end } = whole;
  const words = ["patch deployments/status", "replace canaries/status", "create deployments"];
  const frozen = await Promise.all([
    ...words.map((one) => freezes(arena, rollback, { before: { among: calling(one), nth: 1 }, end })),
    ...hasty.map(async ({ play: early, words: one, nth }) => {
      const undone = await undisturbed(arena, early);
      return freezes(arena, early, { before: { among: calling(one), nth }, end: undone.end });
    }),
  ]);
  expect(frozen.map((one) => one?.refusal instanceof Error)).toEqual(frozen.map(() => true));
});
