import { expect, it } from "vitest";
import { FairShare } from "./fair-share.ts";
import { systemClock } from "../../shared/kube/clock.ts";

/** A question that is answered when told. */
function question(): { ask: () => Promise<string>; answer: () => void; isAsked: () => boolean } {
  let [answer, isAsked] = [(): void => undefined, false];
  const done = new Promise<string>((resolve) => (answer = () => resolve("done")));
  return {
    ask: () => {
      isAsked = true;
      return done;
    },
    answer: () => answer(),
    isAsked: () => isAsked,
  };
}

const flushed = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const of = (canary: string): { key: string; most: number }[] => [
  { key: canary, most: 2 },
  { key: "namespace a", most: 3 },
];

it("only a few questions are asked at once of a canary and of its namespace, and the rest in turn", async () => {
  const fair = new FairShare({ timers: systemClock });
  const questions = Array.from({ length: 5 }, question);
  const [first, second, third, other, last] = questions;
  const asked = [first, second, third].map((one) => fair.ask(of("canary one"), one!.ask));
  asked.push(...[other, last].map((one) => fair.ask(of("canary two"), one!.ask)));
  await flushed();
  expect(questions.map(({ isAsked }) => isAsked())).toEqual([true, true, false, true, false]);
  const stranger = question();
  void fair.ask([{ key: "namespace b", most: 1 }], stranger.ask);
  expect(stranger.isAsked()).toBe(true);
  first?.answer();
  await flushed();
  expect(questions.map(({ isAsked }) => isAsked())).toEqual([true, true, true, true, false]);
  for (const { answer } of questions) answer();
  expect(await Promise.all(asked)).toEqual(Array(5).fill("done"));
});

it("a question that waits too long is refused with whose share is full, and one that fails gives its place on", async () => {
  const fair = new FairShare({ timers: systemClock, patienceMs: 20 });
  const hanging = [question(), question()];
  for (const { ask } of hanging) void fair.ask(of("canary one"), ask);
  await expect(fair.ask(of("canary one"), () => Promise.resolve("x"))).rejects.toThrow(
    "2 queries of canary one are asked at once",
  );
  for (const { answer } of hanging) answer();
  await flushed();
  await expect(fair.ask(of("canary one"), () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await expect(fair.ask(of("canary one"), () => Promise.resolve("x"))).resolves.toBe("x");
});
