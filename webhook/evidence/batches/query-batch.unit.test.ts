import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Sample } from "../../../shared/prometheus.ts";
import { PrometheusError } from "../../../shared/prometheus-error.ts";
import { QueryBatch } from "./query-batch.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(1_000_000);
});
afterEach(() => {
  vi.useRealTimers();
});

/** A batch whose queries are the sorted keys of what they cover, all recorded. */
function aBatch(
  rememberMs = 60_000,
  answer: (promql: string) => Promise<Sample[]> = () => Promise.resolve([]),
  spaceMs = 0,
) {
  const asked: string[] = [];
  const batch = new QueryBatch<string>({
    timers: systemClock,
    query(promql) {
      asked.push(promql);
      return answer(promql);
    },
    queryFor: (subjects) => [...subjects].sort().join(" "),
    now: () => Date.now(),
    gatherMs: 20,
    keepMs: () => 1000,
    spaceMs: () => spaceMs,
    rememberMs,
  });
  return { batch, asked };
}

async function ask(batch: QueryBatch<string>, keys: string[], notBefore = Date.now()): Promise<number> {
  const answer = batch.ask(subjectsOf(...keys), notBefore);
  await vi.advanceTimersByTimeAsync(25);
  return (await answer).askedAt;
}

function subjectsOf(...keys: string[]): Map<string, string> {
  return new Map(keys.map((key) => [key, key]));
}

describe("a batch", () => {
  test("waits a little for others and asks once for all", async () => {
    const { batch, asked } = aBatch();
    const all = ["a", "b", "a"].map((key) => batch.ask(subjectsOf(key), Date.now()));
    await vi.advanceTimersByTimeAsync(25);
    await Promise.all(all);
    expect(asked).toEqual(["a b"]);
  });

  test("is probed by a subject that needs no answer of its own, and asks for it from then on", async () => {
    const { batch, asked } = aBatch();
    const askedAt = await ask(batch, ["a"]);
    expect((await batch.probe(subjectsOf("b"))).askedAt).toBe(askedAt);
    await ask(batch, ["a"], askedAt + 1);
    expect(asked).toEqual(["a", "a b"]);
    await vi.advanceTimersByTimeAsync(1001);
    const probed = batch.probe(subjectsOf("b"));
    await vi.advanceTimersByTimeAsync(25);
    expect((await probed).askedAt).toBeGreaterThan(askedAt);
  });

  test("gives an answer again while it is young, covers the asker and is not older than that allows", async () => {
    const { batch, asked } = aBatch();
    const askedAt = await ask(batch, ["a", "b"]);
    expect(await ask(batch, ["b"], askedAt)).toBe(askedAt);
    expect(asked).toHaveLength(1);
    await ask(batch, ["b"], askedAt + 1);
    expect(asked).toHaveLength(2);
    await ask(batch, ["c"], 0);
    expect(asked).toEqual(["a b", "a b", "a b c"]);
    await vi.advanceTimersByTimeAsync(1001);
    await ask(batch, ["a"], 0);
    expect(asked).toHaveLength(4);
  });

  test("forgets who has not asked for long", async () => {
    const { batch, asked } = aBatch(5000);
    await ask(batch, ["a"]);
    await vi.advanceTimersByTimeAsync(6000);
    await ask(batch, ["b"]);
    expect(asked).toEqual(["a", "b"]);
  });

  test("asks for everyone who waits, however late its timer fires", async () => {
    const { batch, asked } = aBatch(0);
    const first = batch.ask(subjectsOf("a"), Date.now());
    vi.setSystemTime(Date.now() + 5000);
    const second = batch.ask(subjectsOf("b"), Date.now());
    await vi.advanceTimersByTimeAsync(25);
    await Promise.all([first, second]);
    expect(asked).toEqual(["a b"]);
  });

  test("tells every asker of a failure, and asks again once that is old", async () => {
    let failing = true;
    const { batch, asked } = aBatch(0, () => (failing ? Promise.reject(new Error("down")) : Promise.resolve([])));
    const both = ["a", "b"].map((key) => expect(batch.ask(subjectsOf(key), Date.now())).rejects.toThrow("down"));
    await vi.advanceTimersByTimeAsync(25);
    await Promise.all(both);
    failing = false;
    await ask(batch, ["a"]);
    expect(asked).toHaveLength(2);
  });

  test("asks in halves where an answer is too large, counts each row once, and fails alone whose own is", async () => {
    const row = (pod: string): Sample => ({ labels: { pod }, value: 1, atMs: 0 });
    const { batch, asked } = aBatch(60_000, (promql) => {
      if (promql.includes("big")) return Promise.reject(new PrometheusError("TooLarge", "more than 10 MB"));
      return Promise.resolve([row("everybody's"), row(promql)]);
    });
    const [small, big] = [batch.ask(subjectsOf("a", "b"), 0), batch.ask(subjectsOf("big"), 0)];
    const refused = expect(big).rejects.toThrow("more than 10 MB");
    await vi.advanceTimersByTimeAsync(25);
    await refused;
    expect((await small).samples.map(({ labels }) => labels["pod"])).toEqual(["everybody's", "a b"]);
    expect(asked).toEqual(["a b big", "a b", "big"]);
    const other = batch.ask(subjectsOf("c"), Date.now() + 1);
    await vi.advanceTimersByTimeAsync(25);
    const pods = (await other).samples.map(({ labels }) => labels["pod"]);
    expect(pods).toEqual(["everybody's", "a b", "c"]);
  });

  test("where many ask, lets who is new or wants a younger answer wait for the next query's turn", async () => {
    const { batch, asked } = aBatch(60_000, undefined, 600);
    const askedAt = await ask(batch, ["a", "b"]);
    const waiting = [batch.ask(subjectsOf("c"), 0), batch.ask(subjectsOf("a"), askedAt + 1)];
    await vi.advanceTimersByTimeAsync(300);
    waiting.push(batch.ask(subjectsOf("d"), Date.now()));
    await vi.advanceTimersByTimeAsync(590 - (Date.now() - askedAt));
    expect(asked).toEqual(["a b"]);
    await vi.advanceTimersByTimeAsync(10);
    expect((await Promise.all(waiting)).map((answer) => answer.askedAt - askedAt)).toEqual([600, 600, 600]);
    expect(asked).toEqual(["a b", "a b c d"]);
  });

  test("does not make a subject that can do without wait for that turn, and asks for it then", async () => {
    const { batch, asked } = aBatch(60_000, undefined, 600);
    const askedAt = await ask(batch, ["a"]);
    expect(batch.askAtOnce(subjectsOf("b"), 0)).toBeUndefined();
    expect(batch.askAtOnce(subjectsOf("a"), askedAt + 1)).toBeUndefined();
    expect((await batch.askAtOnce(subjectsOf("a"), askedAt))?.askedAt).toBe(askedAt);
    const next = batch.ask(subjectsOf("a"), askedAt + 1);
    expect(batch.askAtOnce(subjectsOf("b"), 0)).toBeUndefined();
    await vi.advanceTimersByTimeAsync(600);
    expect(asked).toEqual(["a", "a b"]);
    expect(await batch.askAtOnce(subjectsOf("b"), askedAt + 1)).toEqual(await next);
  });

  test("asks at once for whoever can do without where the turn has come, or nobody has asked", async () => {
    const { batch, asked } = aBatch(60_000, undefined, 600);
    const first = batch.askAtOnce(subjectsOf("a"), 0);
    await vi.advanceTimersByTimeAsync(600);
    const second = batch.askAtOnce(subjectsOf("b"), 0);
    await vi.advanceTimersByTimeAsync(25);
    await Promise.all([first, second]);
    expect(asked).toEqual(["a", "a b"]);
  });
});
