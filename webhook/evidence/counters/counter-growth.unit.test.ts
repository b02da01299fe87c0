import { describe, expect, it } from "vitest";
import type { Sample } from "../../../shared/prometheus.ts";
import { createCounterGrowth, type CounterGrowth, type GrowthSubject } from "./counter-growth.ts";

const both = { namespace: "test", service: "podinfo", deployments: ["podinfo", "podinfo-canary"] };
const canary = { ...both, deployment: "podinfo-canary", podTemplateHash: "new" };
const primary = { ...both, deployment: "podinfo", podTemplateHash: "old" };
const apex = { namespace: "test", service: "podinfo", port: 9898 };

const aGrowth = (more: Partial<GrowthSubject> = {}): CounterGrowth =>
  createCounterGrowth({ canary, primary, apex, recentMs: 2_000, ...more });

function podRow(track: typeof canary, pod: string, more: Record<string, string>, value: number): Sample {
  const { namespace, deployment, podTemplateHash } = track;
  const labels = { namespace, deployment, pod_template_hash: podTemplateHash, pod, side: "meshed", ...more };
  return { labels, value, atMs: 0 };
}

function counted(track: typeof canary, pod: string, [requests, failures]: [number, number], side = "meshed"): Sample[] {
  const row = (classification: string, value: number): Sample =>
    podRow(track, pod, { classification, side, question: "answered" }, value);
  return [row("success", requests - failures), row("failure", failures)];
}

/** Of the caller's proxy about a track: to its leaf, unless `more` says otherwise. */
function sent(pod: string, track: typeof canary, value: number, more: Record<string, string> = {}): Sample {
  const { namespace, deployment, podTemplateHash } = track;
  const about = { dst_namespace: namespace, dst_deployment: deployment, dst_pod_template_hash: podTemplateHash };
  const service = track === canary ? "podinfo-canary" : "podinfo-primary";
  const to = { dst_service: service, port: "9898", classification: "success", question: "sent" };
  return { labels: { namespace: "shop", deployment: "load", pod, ...about, ...to, ...more }, value, atMs: 0 };
}
const lost = { classification: "failure", outcome: "unanswered" };

function readings(growth: CounterGrowth, ...samples: Sample[][]): ReturnType<CounterGrowth["read"]> {
  return samples.map((all, index) => growth.read({ askedAt: 1_000 * (index + 1), samples: all })).at(-1);
}

function totals(...samples: Sample[][]): ReturnType<CounterGrowth["total"]> {
  const growth = aGrowth();
  readings(growth, ...samples);
  return growth.total();
}

describe("while pods warm up", () => {
  const warming = (): CounterGrowth => aGrowth({ warmupMs: 2_000 });
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
    const growth = warming();
    const stable = (requests: number): Sample[] => seen(primary, "p", [requests, 0]);
    readings(growth, stable(100), [...stable(190), ...seen(canary, "c", [10, 7])]);
    expect(growth.total()).toMatchObject({
      canary: { requests: 0 },
      primary: { requests: 0 },
      warmup: { canary: { requests: 10, failures: 7 }, primary: { requests: 90 } },
    });
    expect(growth.warmth()).toEqual({ pods: 1, firstAt: 4_000, lastAt: 4_000 });
    // The sample at 4 s is the first that is warm: what it brought may have come before.
    growth.read({ askedAt: 4_000, samples: [...stable(280), ...seen(canary, "c", [20, 9])] });
    expect(growth.total()).toMatchObject({
      canary: { requests: 0 },
      warmup: { canary: { requests: 20, failures: 9 } },
    });
    expect(growth.warmth().pods).toBe(0);
    growth.read({ askedAt: 6_000, samples: [...stable(370), ...seen(canary, "c", [30, 9])] });
    expect(growth.total()).toMatchObject({
      canary: { requests: 10, failures: 0 },
      primary: { requests: 90 },
      warmup: { canary: { requests: 20, failures: 9 } },
    });
  });

  it("a pod that joins later is cold by itself, of the primary too", () => {
    const growth = warming();
    readings(growth, seen(primary, "p", [5, 0]), [], [], [], [], [], [], []);
    const joined = [...seen(primary, "p", [15, 0]), ...seen(primary, "q", [50, 50])];
    growth.read({ askedAt: 9_000, samples: joined });
    growth.read({ askedAt: 10_000, samples: [...seen(primary, "p", [25, 0]), ...seen(primary, "q", [70, 70])] });
    expect(growth.total()).toMatchObject({ primary: { requests: 20, failures: 0 } });
  });

  it("the share of traffic is judged by every request all the same", () => {
    const growth = warming();
    expect(readings(growth, [], seen(canary, "c", [10, 7]))?.received).toEqual({ canary: 10, primary: 0 });
  });
});

describe("between two readings", () => {
  it("each pod's own growth is counted, and the first reading counts nothing", () => {
    const growth = aGrowth();
    expect(readings(growth, [...counted(canary, "c", [50, 5]), ...counted(primary, "p", [900, 9])])).toBeUndefined();
    const more = [...counted(canary, "c", [60, 6]), ...counted(primary, "p", [990, 9])];
    expect(growth.read({ askedAt: 9_000, samples: more })).toMatchObject({
      from: 1_000,
      to: 9_000,
      received: { canary: 10, primary: 90 },
    });
    expect(growth.total()).toMatchObject({
      epoch: 1_000,
      canary: { requests: 10, failures: 1 },
      primary: { requests: 90, failures: 0 },
    });
  });

  it("an answer that was read before counts nothing", () => {
    const growth = aGrowth();
    readings(growth, counted(canary, "c", [1, 0]));
    expect(growth.read({ askedAt: 1_000, samples: counted(canary, "c", [9, 0]) })).toBeUndefined();
  });

  it("a new canary pod counts from its birth, a new primary pod from when it is seen", () => {
    const more = [...counted(canary, "c", [4, 4]), ...counted(primary, "p", [100_000, 50_000])];
    expect(totals([], more)).toMatchObject({
      canary: { requests: 4, failures: 4 },
      primary: { requests: 0, failures: 0 },
    });
  });

  it("a counter that restarted counts on from there, and takes nothing away", () => {
    const last = totals(counted(canary, "c", [50, 5]), counted(canary, "c", [3, 3]), counted(canary, "c", [5, 4]));
    expect(last.canary).toMatchObject({ requests: 2, failures: 1 });
  });

  it("a pod that was away for a scrape is taken up where it was", () => {
    const last = totals(counted(primary, "p", [50, 5]), [], counted(primary, "p", [70, 6]));
    expect(last.primary).toMatchObject({ requests: 20, failures: 1 });
  });

  it("another version's pods are nobody's", () => {
    const other = { ...canary, podTemplateHash: "older" };
    expect(totals([], counted(other, "c", [9, 9])).canary.requests).toBe(0);
  });
});

describe("what callers' proxies count", () => {
  it("says by which Service they went, to this apex only", () => {
    const apart = { dst_service: "podinfo" };
    const last = readings(
      aGrowth(),
      [sent("a", primary, 10, apart), sent("b", canary, 10)],
      [
        sent("a", primary, 30, apart),
        sent("b", canary, 15),
        sent("b", primary, 45),
        sent("b", primary, 7, { dst_service: "other" }),
        sent("b", primary, 7, { port: "9797" }),
        sent("c", canary, 9, { dst_namespace: "else" }),
      ],
    );
    expect(last?.sent.map(({ pod, canary: reached, direct, all }) => [pod, reached, direct, all])).toEqual([
      ["a", 0, 20, 20],
      ["b", 5, 0, 50],
    ]);
    expect(last?.callers).toEqual(new Set(["shop/a", "shop/b"]));
  });

  it("is the same requests that pods count, and worse where only a caller can know", () => {
    const before = [sent("a", canary, 0), ...counted(canary, "c", [0, 0]), ...counted(primary, "p", [900, 9])];
    const after = [
      sent("a", canary, 13),
      sent("a", canary, 21, lost),
      ...counted(canary, "c", [13, 0]),
      ...counted(primary, "p", [990, 9]),
    ];
    expect(totals(before, after)).toMatchObject({
      canary: { requests: 34, failures: 21, slow: 0 },
      primary: { requests: 90, failures: 0 },
    });
  });

  it("counts nothing twice when a scrape of one side is late", () => {
    const [early, late] = [counted(canary, "c", [10, 1]), counted(canary, "c", [20, 2])];
    const failed = { classification: "failure" };
    const behind = [sent("a", canary, 9), sent("a", canary, 1, failed)];
    const caughtUp = [sent("a", canary, 18), sent("a", canary, 2, failed)];
    const last = totals([], [...early], [...early, ...behind], [...late, ...behind], [...late, ...caughtUp]);
    expect(last.canary).toMatchObject({ requests: 20, failures: 2 });
  });

  it("waits with failures whose requests the other side's scrape has yet to bring", () => {
    const failed = { classification: "failure" };
    const growth = aGrowth();
    readings(growth, [], [...counted(canary, "c", [100, 0]), sent("a", canary, 90)]);
    const more = (askedAt: number, answered: number): void =>
      void growth.read({ askedAt, samples: [sent("a", canary, answered), sent("a", canary, 10, failed)] });
    more(9_000, 90);
    expect(growth.total().canary).toMatchObject({ requests: 100, failures: 0 });
    more(10_000, 94);
    expect(growth.total().canary).toMatchObject({ requests: 104, failures: 4 });
    more(11_000, 120);
    expect(growth.total().canary).toMatchObject({ requests: 130, failures: 10 });
  });

  it("goes with a caller that is gone, and does not come again with one that was away for a scrape", () => {
    const others = counted(canary, "c", [1_000, 100]);
    const two = [sent("a", canary, 500), sent("b", canary, 500, { classification: "failure" })];
    const last = totals([...two, ...others], [two[0]!, ...others], [...two, ...others]);
    expect(last.canary).toMatchObject({ requests: 0, failures: 0 });
  });

  it("of a caller that is new counts what it sent to the canary, and to the primary from when it is seen", () => {
    const last = totals(
      [],
      [sent("a", canary, 5), sent("a", primary, 5_000)],
      [sent("a", canary, 6), sent("a", primary, 5_009)],
    );
    expect(last).toMatchObject({ canary: { requests: 6 }, primary: { requests: 9 } });
  });

  it("says who counted, and how many were never answered", () => {
    const lost = { classification: "failure", outcome: "unanswered" };
    const growth = aGrowth();
    expect(growth.canaryOrigin()).toBeUndefined();
    readings(growth, [], [sent("a", canary, 5), sent("a", canary, 3, lost)]);
    expect(growth.canaryOrigin()).toEqual({ side: "callers", unanswered: 3 });
  });

  it("has client errors that pods know nothing of only once a policy's refusal can be told from them", () => {
    const growth = aGrowth();
    const denied = podRow(canary, "c", { question: "denied" }, 6);
    const got4xx = (value: number): Sample => sent("a", canary, value, { outcome: "client-error" });
    const counts = (askedAt: number, ...samples: Sample[]): object => {
      growth.read({ askedAt, samples });
      return growth.total().canary;
    };
    counts(1_000);
    expect(counts(2_000, got4xx(6))).toMatchObject({ requests: 0 });
    expect(counts(3_000, got4xx(8), denied)).toMatchObject({ requests: 6, denied: 6, clientErrors: 0 });
    expect(counts(4_000, got4xx(8), denied)).toMatchObject({ requests: 6, denied: 6, clientErrors: 0 });
    expect(counts(5_000, got4xx(20), denied)).toMatchObject({ requests: 8, denied: 6, clientErrors: 2 });
  });

  it("has attempts that were retried as no requests", () => {
    const failed = { classification: "failure" };
    const retried = (value: number): Sample => ({
      labels: { question: "retried", namespace: "shop", pod: "a", parent_namespace: "test", parent_name: "podinfo" },
      value,
      atMs: 0,
    });
    const last = totals(
      [sent("a", canary, 0), retried(0)],
      [sent("a", canary, 40), sent("a", canary, 20, failed), sent("a", primary, 90), retried(15)],
    );
    expect(last).toMatchObject({ canary: { requests: 45, failures: 5 }, primary: { requests: 90 } });
  });
});

describe("what pods' proxies alone can tell", () => {
  it("is who was refused, and by which Server", () => {
    const growth = aGrowth();
    const refused = (value: number): Sample =>
      podRow(canary, "c", { question: "denied", srv_kind: "default", srv_name: "deny" }, value);
    readings(growth, [], [...counted(canary, "c", [21, 0]), refused(19)]);
    expect(growth.total().canary).toMatchObject({ requests: 40, failures: 0, clientErrors: 0, denied: 19 });
    expect(growth.deniedBy()).toEqual({ server: "default:deny" });
  });

  it("is what came from outside the mesh and was never answered, once it is too old to be", () => {
    const growth = aGrowth();
    const asked = (value: number): Sample => podRow(canary, "c", { question: "asked" }, value);
    const at = (seconds: number, [requests, answered]: [number, number]): void =>
      void growth.read({
        askedAt: 1_000 * seconds,
        samples: [asked(requests), ...counted(canary, "c", [answered, 0], "unmeshed")],
      });
    at(1, [0, 0]);
    at(2, [10, 4]);
    expect(growth.total().canary).toMatchObject({ requests: 4, failures: 0 });
    at(4, [10, 4]);
    expect(growth.total().canary).toMatchObject({ requests: 10, failures: 6 });
    at(5, [10, 10]);
    expect(growth.total().canary.failures).toBe(6);
  });

  it("is which answers were slower than the limit", () => {
    const growth = aGrowth({ boundMs: 500 });
    const slow = (le: string, value: number): Sample => podRow(canary, "c", { question: "slow-answered", le }, value);
    readings(
      growth,
      [],
      [...counted(canary, "c", [50, 0]), slow("500.0", 7), slow("1000", 3), sent("a", canary, 2, lost)],
    );
    expect(growth.total().canary).toMatchObject({ requests: 52, failures: 2, slow: 9 });
  });
});
