import { expect, it, vi } from "vitest";
import type { EvidenceDeps, EvidenceRequest } from "../types.ts";
import { createQueryBatches } from "./query-batches.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

const start = 1_000_000_000;

function aRequest(name: string, namespace = "test"): EvidenceRequest {
  return {
    name,
    namespace,
    target: name,
    canary: `${name}-canary`,
    apex: { name, port: 80 },
    stableHash: "s",
    canaryHash: "c",
    prometheus: "http://prometheus",
    metrics: [],
    notBefore: 0,
  };
}

it("a canary without users yet is told of its own pods, never what was asked for others alone", async () => {
  vi.useFakeTimers({ now: start });
  try {
    const asked: string[] = [];
    const prometheus = () => ({
      query: (promql: string) => {
        asked.push(promql);
        return Promise.resolve([]);
      },
    });
    const deps = {
      prometheus,
      now: () => Date.now(),
      timers: systemClock,
      scrapeIntervalMs: 10_000,
      gatherMs: 20,
    } as unknown as EvidenceDeps;
    const batches = createQueryBatches(deps);
    const answered = async (name: string): Promise<number> => {
      const answer = batches.counters(aRequest(name));
      await vi.advanceTimersByTimeAsync(60);
      return (await answer).askedAt;
    };
    const first = await answered("one");
    const second = await answered("two");
    expect(second).toBeGreaterThan(first);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toContain("two-canary");
    // What covers both serves both.
    expect(await answered("one")).toBe(second);
  } finally {
    vi.useRealTimers();
  }
});

it("a window that few ask for takes none of the connections by which many are asked for", async () => {
  vi.useFakeTimers({ now: start });
  try {
    const asked: string[][] = [];
    const prometheus = () => {
      const queries: string[] = [];
      asked.push(queries);
      return { query: (promql: string) => (queries.push(promql), Promise.resolve([])) };
    };
    const deps = { prometheus, now: () => Date.now(), timers: systemClock, scrapeIntervalMs: 10_000, gatherMs: 20 };
    const batches = createQueryBatches(deps as unknown as EvidenceDeps);
    const ask = async (window: number, ...namespaces: string[]): Promise<void> => {
      const all = namespaces.map((namespace) => batches.requests(aRequest("shop", namespace), window));
      await vi.advanceTimersByTimeAsync(60);
      await Promise.all(all);
    };
    await ask(60, "a", "b", "c");
    for (const window of [61, 62, 63]) await ask(window, "mallory");
    await ask(120, "d", "e", "f");
    expect(asked.map(({ length }) => length)).toEqual([2, 3]);
  } finally {
    vi.useRealTimers();
  }
});

it("what no proxy could have counted is left out: a sum with it would be no number, and its names fill the memory", async () => {
  vi.useFakeTimers({ now: start });
  try {
    const row = (value: number, labels = {}) => ({ labels, value, atMs: 0 });
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`l${n}`, "x"]));
    const odd = [row(7, { pod: "x".repeat(301) }), row(7, { pod: 5 }), row(7, many)];
    const samples = [row(7), row(1e308), row(NaN), row(-Infinity), row(NaN, { quantile: "p99" }), ...odd];
    const prometheus = () => ({ query: () => Promise.resolve(samples) });
    const deps = { prometheus, now: () => Date.now(), timers: systemClock, scrapeIntervalMs: 10_000, gatherMs: 20 };
    const answer = createQueryBatches(deps as unknown as EvidenceDeps).counters(aRequest("shop"));
    await vi.advanceTimersByTimeAsync(60);
    expect((await answer).samples).toEqual([samples[0], samples[4]]);
  } finally {
    vi.useRealTimers();
  }
});
