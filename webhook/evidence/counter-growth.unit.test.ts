import { describe, expect, it } from "vitest";
import type { Sample } from "../../shared/prometheus.ts";
import { createCounterGrowth, type CounterGrowth } from "./counter-growth.ts";

const canary = { namespace: "test", deployment: "podinfo-canary", podTemplateHash: "new" };
const primary = { namespace: "test", deployment: "podinfo", podTemplateHash: "old" };

const aMeter = (): CounterGrowth =>
  createCounterGrowth({
    canary,
    primary,
    leaf: "podinfo-canary",
    isToApex: ({ authority }) => authority === "podinfo",
  });

function counted(track: typeof canary, pod: string, [requests, failures]: [number, number]): Sample[] {
  const { podTemplateHash, ...labels } = track;
  const row = (classification: string, value: number): Sample => ({
    labels: { ...labels, pod, classification, pod_template_hash: podTemplateHash, question: "counted" },
    value,
    atMs: 0,
  });
  return [row("success", requests - failures), row("failure", failures)];
}

function sent(pod: string, service: string, value: number, authority = "podinfo"): Sample {
  const labels = { namespace: "shop", deployment: "load", pod, dst_service: service, authority, question: "sent" };
  return { labels, value, atMs: 0 };
}

function readings(meter: CounterGrowth, ...samples: Sample[][]): ReturnType<CounterGrowth["read"]> {
  return samples.map((all, index) => meter.read({ askedAt: 1_000 * (index + 1), samples: all })).at(-1);
}

describe("while pods warm up", () => {
  const warming = (): CounterGrowth =>
    createCounterGrowth({ canary, primary, leaf: "podinfo-canary", isToApex: () => false, warmupMs: 2_000 });
  const age = (track: typeof canary, pod: string): Sample => ({
    labels: { ...counted(track, pod, [0, 0])[0]!.labels, question: "age" },
    value: 0,
    atMs: 0,
  });
  const seen = (track: typeof canary, pod: string, counts: [number, number]): Sample[] => [
    ...counted(track, pod, counts),
    age(track, pod),
  ];

  it("what they answer is counted apart, beside what the primary got meanwhile, and what comes later as ever", () => {
    const meter = warming();
    const stable = (requests: number): Sample[] => seen(primary, "p", [requests, 0]);
    readings(meter, stable(100), [...stable(190), ...seen(canary, "c", [10, 7])]);
    expect(meter.total()).toMatchObject({
      canary: { requests: 0 },
      primary: { requests: 0 },
      warmup: { canary: { requests: 10, failures: 7 }, primary: { requests: 90 } },
    });
    expect(meter.warmth()).toEqual({ pods: 1, firstAt: 4_000, lastAt: 4_000 });
    // The sample at 4 s is the first that is warm: what it brought may have come before.
    meter.read({ askedAt: 4_000, samples: [...stable(280), ...seen(canary, "c", [20, 9])] });
    expect(meter.total()).toMatchObject({ canary: { requests: 0 }, warmup: { canary: { requests: 20, failures: 9 } } });
    expect(meter.warmth().pods).toBe(0);
    meter.read({ askedAt: 6_000, samples: [...stable(370), ...seen(canary, "c", [30, 9])] });
    expect(meter.total()).toMatchObject({
      canary: { requests: 10, failures: 0 },
      primary: { requests: 90 },
      warmup: { canary: { requests: 20, failures: 9 } },
    });
  });

  it("a pod that joins later is cold by itself, of the primary too", () => {
    const meter = warming();
    readings(meter, seen(primary, "p", [5, 0]), [], [], [], [], [], [], []);
    const joined = [...seen(primary, "p", [15, 0]), ...seen(primary, "q", [50, 50])];
    meter.read({ askedAt: 9_000, samples: joined });
    meter.read({ askedAt: 10_000, samples: [...seen(primary, "p", [25, 0]), ...seen(primary, "q", [70, 70])] });
    expect(meter.total()).toMatchObject({ primary: { requests: 20, failures: 0 } });
  });

  it("the share of traffic is judged by every request all the same", () => {
    const meter = warming();
    expect(readings(meter, [], seen(canary, "c", [10, 7]))?.canary).toMatchObject({ requests: 10, failures: 7 });
  });
});

describe("between two readings", () => {
  it("each pod's own growth is counted, and the first reading counts nothing", () => {
    const meter = aMeter();
    expect(readings(meter, [...counted(canary, "c", [50, 5]), ...counted(primary, "p", [900, 9])])).toBeUndefined();
    const more = [...counted(canary, "c", [60, 6]), ...counted(primary, "p", [990, 9])];
    expect(meter.read({ askedAt: 9_000, samples: more })).toMatchObject({
      from: 1_000,
      to: 9_000,
      canary: { requests: 10, failures: 1 },
      primary: { requests: 90, failures: 0 },
    });
    expect(meter.total()).toMatchObject({
      epoch: 1_000,
      canary: { requests: 10, failures: 1 },
      primary: { requests: 90, failures: 0 },
    });
  });

  it("an answer that was read before counts nothing", () => {
    const meter = aMeter();
    readings(meter, counted(canary, "c", [1, 0]));
    expect(meter.read({ askedAt: 1_000, samples: counted(canary, "c", [9, 0]) })).toBeUndefined();
  });

  it("a new canary pod counts from its birth, a new primary pod from when it is seen", () => {
    const more = [...counted(canary, "c", [4, 4]), ...counted(primary, "p", [100_000, 50_000])];
    expect(readings(aMeter(), [], more)).toMatchObject({
      canary: { requests: 4, failures: 4 },
      primary: { requests: 0, failures: 0 },
    });
  });

  it("a counter that restarted counts on from there, and takes nothing away", () => {
    const last = readings(
      aMeter(),
      counted(canary, "c", [50, 5]),
      counted(canary, "c", [3, 3]),
      counted(canary, "c", [5, 4]),
    );
    expect(last?.canary).toMatchObject({ requests: 2, failures: 1 });
  });

  it("a pod that was away for a scrape is taken up where it was", () => {
    const last = readings(aMeter(), counted(primary, "p", [50, 5]), [], counted(primary, "p", [70, 6]));
    expect(last?.primary).toMatchObject({ requests: 20, failures: 1 });
  });

  it("another version's pods are nobody's", () => {
    const other = { ...canary, podTemplateHash: "older" };
    expect(readings(aMeter(), [], counted(other, "c", [9, 9]))?.canary.requests).toBe(0);
  });

  it("callers count by the Service that their proxies chose, to this apex only", () => {
    const last = readings(
      aMeter(),
      [sent("a", "podinfo", 10), sent("b", "podinfo-canary", 10)],
      [
        sent("a", "podinfo", 30),
        sent("b", "podinfo-canary", 15),
        sent("b", "podinfo-primary", 45),
        sent("c", "x", 9, "x"),
      ],
    );
    expect(last?.sent.map(({ pod, canary: reached, all }) => [pod, reached, all])).toEqual([
      ["a", 0, 20],
      ["b", 5, 50],
    ]);
  });
});
