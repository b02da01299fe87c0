import { describe, expect, it } from "vitest";
import type { Sample } from "../../shared/prometheus.ts";
import { createMeter, type Meter } from "./meter.ts";

const canary = { namespace: "test", deployment: "podinfo-canary", podTemplateHash: "new" };
const primary = { namespace: "test", deployment: "podinfo", podTemplateHash: "old" };

const aMeter = (): Meter =>
  createMeter({ canary, primary, leaf: "podinfo-canary", isToApex: ({ authority }) => authority === "podinfo" });

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

function readings(meter: Meter, ...samples: Sample[][]): ReturnType<Meter["read"]> {
  return samples.map((all, index) => meter.read({ askedAt: 1_000 * (index + 1), samples: all })).at(-1);
}

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
    expect(meter.total()).toEqual({
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
    expect(last?.canary).toEqual({ requests: 2, failures: 1 });
  });

  it("a pod that was away for a scrape is taken up where it was", () => {
    const last = readings(aMeter(), counted(primary, "p", [50, 5]), [], counted(primary, "p", [70, 6]));
    expect(last?.primary).toEqual({ requests: 20, failures: 1 });
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
