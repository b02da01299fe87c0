import { describe, expect, it } from "vitest";
import { CanaryError } from "../../shared/kube/errors.ts";
import { ManualClock, settled } from "../../test/kube/manual-clock.ts";
import { type Looked, WorkQueue, type QueueOptions } from "./queue.ts";

interface Run {
  key: string;
  at: number;
  signal: AbortSignal;
  finish: (result?: Looked) => Promise<void>;
  fail: (error: Error) => Promise<void>;
}

function aQueue(options: QueueOptions = {}): {
  queue: WorkQueue;
  clock: ManualClock;
  runs: Run[];
  errors: { key: string; retryInMs: number | undefined }[];
} {
  const clock = new ManualClock();
  const runs: Run[] = [];
  const errors: { key: string; retryInMs: number | undefined }[] = [];
  const work = (key: string, signal: AbortSignal): Promise<Looked | undefined> =>
    new Promise((resolve, reject) => {
      const finish = (result?: Looked): Promise<void> => (resolve(result), settled());
      const fail = (error: Error): Promise<void> => (reject(error), settled());
      runs.push({ key, at: clock.now(), signal, finish, fail });
    });
  const onError = (key: string, _error: unknown, retryInMs: number | undefined): void =>
    void errors.push({ key, retryInMs });
  const queue = new WorkQueue({ clock, random: () => 1, work, onError }, options);
  return { queue, clock, runs, errors };
}

const keysOf = (runs: Run[]): string[] => runs.map(({ key }) => key);

describe("a work queue", () => {
  it("works on a key at once, and on a key that was added twice meanwhile only once more", async () => {
    const { queue, runs } = aQueue();
    queue.add("ns/a");
    expect(keysOf(runs)).toEqual(["ns/a"]);
    queue.add("ns/a");
    queue.add("ns/a");
    expect(runs).toHaveLength(1);
    await runs[0]!.finish();
    expect(runs).toHaveLength(2);
    await runs[1]!.finish();
    expect(runs).toHaveLength(2);
  });

  it("looks at a key that never rests as often as its pace allows, and meanwhile at others at once", async () => {
    const { queue, clock, runs } = aQueue({ pace: { burst: 3, perSecond: 5 } });
    queue.add("busy");
    const looksOf = (key: string): Run[] => runs.filter((run) => run.key === key);
    const stirUntil = async (end: number): Promise<void> => {
      for (; clock.now() < end; await clock.advance(10)) {
        queue.add("busy");
        await looksOf("busy").at(-1)?.finish();
      }
    };
    await stirUntil(1_000);
    expect(looksOf("busy").length).toBeLessThanOrEqual(3 + 5);
    expect(looksOf("busy").length).toBeGreaterThanOrEqual(3 + 4);
    queue.add("other");
    expect(looksOf("other")).toHaveLength(1);
    await clock.advance(200);
    expect(looksOf("busy").at(-1)!.at).toBeGreaterThan(900);
  });

  it("works on as many keys at once as it may, in the order of their arrival", async () => {
    const { queue, runs } = aQueue({ concurrency: 2 });
    for (const key of ["a", "b", "c", "d", "c"]) queue.add(key);
    expect(keysOf(runs)).toEqual(["a", "b"]);
    await runs[1]!.finish();
    expect(keysOf(runs)).toEqual(["a", "b", "c"]);
    await runs[0]!.finish();
    expect(keysOf(runs)).toEqual(["a", "b", "c", "d"]);
  });

  it("works on no more keys of a group at once than its share, and meanwhile on others", async () => {
    const share = { groupOf: (key: string) => key.charAt(0), most: 2 };
    const { queue, runs } = aQueue({ concurrency: 3, share });
    for (const key of ["a1", "a2", "a3", "b1", "a4"]) queue.add(key);
    expect(keysOf(runs)).toEqual(["a1", "a2", "b1"]);
    await runs[2]!.finish();
    expect(keysOf(runs)).toHaveLength(3);
    await runs[0]!.finish();
    await runs[1]!.finish();
    expect(keysOf(runs)).toEqual(["a1", "a2", "b1", "a3", "a4"]);
  });

  it("lets other keys pass one that must wait for its own run to end", async () => {
    const { queue, runs } = aQueue({ concurrency: 2 });
    queue.add("a");
    queue.add("a");
    queue.add("b");
    expect(keysOf(runs)).toEqual(["a", "b"]);
    await runs[0]!.finish();
    expect(keysOf(runs)).toEqual(["a", "b", "a"]);
  });

  it("keeps the earliest of several delays of a key, in one timer", async () => {
    const { queue, clock, runs } = aQueue();
    queue.addAfter("a", 500);
    queue.addAfter("a", 200);
    queue.addAfter("a", 900);
    expect(clock.timers).toEqual([200]);
    await clock.advance(199);
    expect(runs).toHaveLength(0);
    await clock.advance(1);
    expect(runs.map(({ at }) => at)).toEqual([200]);
    expect(clock.timers).toEqual([]);
  });

  it("runs at once on an explicit add, whatever delay there was", async () => {
    const { queue, clock, runs } = aQueue();
    queue.addAfter("a", 500);
    queue.add("a");
    expect(runs).toHaveLength(1);
    await runs[0]!.finish();
    await clock.advance(1000);
    expect(runs).toHaveLength(1);
  });

  it("looks again when the last look asked for it", async () => {
    const { queue, clock, runs } = aQueue();
    queue.add("a");
    await runs[0]!.finish({ requeueAfterMs: 10_000 });
    await clock.advance(9_999);
    expect(runs).toHaveLength(1);
    await clock.advance(1);
    expect(runs).toHaveLength(2);
  });

  it("looks again at once when asked for a delay of nothing", async () => {
    const { queue, runs } = aQueue();
    queue.add("a");
    await runs[0]!.finish({ requeueAfterMs: 0 });
    expect(runs).toHaveLength(2);
  });

  it("waits longer after each failure, up to a cap, and starts over after a success", async () => {
    const { queue, clock, runs, errors } = aQueue({ backoff: { firstMs: 100, capMs: 500 } });
    queue.add("a");
    for (let i = 0; i < 5; i++) {
      await runs.at(-1)!.fail(new CanaryError("Unreachable", "No answer."));
      await clock.advance(errors.at(-1)!.retryInMs!);
    }
    expect(errors.map(({ retryInMs }) => retryInMs)).toEqual([100, 200, 400, 500, 500]);
    expect(runs).toHaveLength(6);
    await runs.at(-1)!.finish();
    queue.add("a");
    await runs.at(-1)!.fail(new Error("A fault of ours is tried again too."));
    expect(errors.at(-1)).toEqual({ key: "a", retryInMs: 100 });
  });

  it("waits as long as the server wishes, if that is longer", async () => {
    const { queue, runs, errors } = aQueue();
    queue.add("a");
    await runs[0]!.fail(new CanaryError("TooManyRequests", "Later.", { retryAfterMs: 7_000 }));
    expect(errors).toEqual([{ key: "a", retryInMs: 7_000 }]);
  });

  it("does not retry what a person must put right, until the key is added again", async () => {
    const { queue, clock, runs, errors } = aQueue();
    queue.add("a");
    await runs[0]!.fail(new CanaryError("Invalid", "No."));
    await clock.advance(3_600_000);
    expect(errors).toEqual([{ key: "a", retryInMs: undefined }]);
    expect(runs).toHaveLength(1);
    queue.add("a");
    expect(runs).toHaveLength(2);
  });

  it("keeps one failing key from delaying another", async () => {
    const { queue, runs } = aQueue({ concurrency: 1 });
    queue.add("bad");
    queue.add("good");
    await runs[0]!.fail(new Error("no"));
    expect(keysOf(runs)).toEqual(["bad", "good"]);
  });

  it("forgets a key, with its delay and its failures", async () => {
    const { queue, clock, runs, errors } = aQueue();
    queue.add("a");
    await runs[0]!.fail(new Error("no"));
    queue.forget("a");
    expect(clock.timers).toEqual([]);
    queue.add("a");
    await runs[1]!.fail(new Error("no"));
    expect(errors.map(({ retryInMs }) => retryInMs)).toEqual([100, 100]);
  });

  it("forgets a key whose look found that there is nothing of it any more, however often it was looked at", async () => {
    const { queue, runs } = aQueue({ pace: { burst: 1, perSecond: 0.001 } });
    queue.add("a");
    await runs[0]!.finish({ isGone: true });
    queue.add("a");
    expect(runs).toHaveLength(2);
  });

  it("tells when it has nothing to do, delays aside", async () => {
    const { queue, runs } = aQueue({ concurrency: 1 });
    let drained = false;
    queue.add("a");
    queue.add("b");
    queue.addAfter("c", 100);
    void queue.drain().then(() => (drained = true));
    await runs[0]!.finish();
    expect(drained).toBe(false);
    await runs[1]!.finish();
    expect(drained).toBe(true);
    expect(queue.size).toEqual({ waiting: 0, inFlight: 0, delayed: 1 });
  });

  it("stops: tells the running, waits for them, and starts nothing more", async () => {
    const { queue, clock, runs } = aQueue({ concurrency: 1 });
    queue.add("a");
    queue.add("b");
    queue.addAfter("c", 100);
    let stopped = false;
    void queue.stop().then(() => (stopped = true));
    await settled();
    expect([runs[0]!.signal.aborted, stopped]).toEqual([true, false]);
    await runs[0]!.finish({ requeueAfterMs: 10 });
    queue.add("d");
    await clock.advance(1_000);
    expect(stopped).toBe(true);
    expect(keysOf(runs)).toEqual(["a"]);
  });
});
