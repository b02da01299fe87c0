// The controller dies after every single call of a promotion, a rollback, a supersede, an abort and the way back out of a
// promotion, is started again, and all ends as if it had not; so it does with two leaders at once; a leader that was frozen before any of its writes changes nothing
// once its successor is done.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startArena, type Arena } from "../../safety/arena.ts";
import { plays } from "../../safety/plays.ts";
import { dies, doubled, freezes, inParallel, undisturbed } from "../../safety/rows.ts";
import { any, isWrite, wordsOf, type Call } from "../../safety/through.ts";

/** More than any of the plays makes; those that come after its last call are not reached. */
const spare = 15;
const atOnce = Number(process.env["AT_ONCE"] ?? 12);

let arena: Arena;

beforeAll(async () => {
  arena = await startArena();
});
afterAll(() => arena.stop());

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const tally = (words: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
};

describe.each(plays.map((play) => [play.name, play] as const))("%s", (name, play) => {
  let whole: { calls: Call[]; end: object };

  beforeAll(async () => {
    whole = await undisturbed(arena, play);
  });

  it("ends the same when the controller dies after any one call", async () => {
    const { calls, end } = whole;
    const died = await inParallel(upTo(calls.length + spare), atOnce, (nth) =>
      dies(arena, play, { after: { among: any, nth }, end }),
    );
    const reached = died.filter((call) => call !== undefined);
    // The last ones lived to the end: no call was left out.
    expect(died.at(-1)).toBeUndefined();
    process.stdout.write(`${name}: died ${reached.length} times, of ${tally(reached.map(wordsOf))}\n`);
  });

  it("is not changed by a leader that was frozen before any of its writes and goes on when its successor is done", async () => {
    const writes = whole.calls.filter(isWrite).length;
    const frozen = await inParallel(upTo(writes + spare), atOnce, (nth) =>
      freezes(arena, play, { before: { among: isWrite, nth }, end: whole.end }),
    );
    expect(frozen.at(-1)).toBeUndefined();
    const thawed = frozen.filter((one) => one !== undefined);
    const words = thawed.map(({ call, refusal }) => `${wordsOf(call)}: ${refusal ? "refused" : "taken"}`);
    process.stdout.write(`${name}: froze ${thawed.length} times, before ${tally(words)}\n`);
  });

  it("ends the same with two leaders, time and again for a minute", async () => {
    let rounds = 0;
    for (const end = performance.now() + 60_000; performance.now() < end; rounds += 3)
      await Promise.all(upTo(3).map(() => doubled(arena, play, whole.end)));
    process.stdout.write(`${name}: ${rounds} times with two leaders\n`);
  });
});
