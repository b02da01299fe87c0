// What upsets counters and scrapes without a fault of any version: none of it is a verdict. In a real Prometheus.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decide } from "../../shared/core/decide.ts";
import type { CountersSeen, MetricsSeen } from "../../shared/core/observation.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { createPrometheus, type Prometheus } from "../../shared/prometheus.ts";
import type { Evidence } from "../../webhook/evidence/types.ts";
import { aPolicy, aRunningState, aRunObservation } from "../builders.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { anEvidence, aRequest } from "./asking.ts";
import { Feed, type Value } from "./feed.ts";
import { type PrometheusServer, startPrometheus } from "./server.ts";
import { canaryIn, growing, primaryIn } from "./situations.ts";

const feed = new Feed();
let server: PrometheusServer;
let direct: Prometheus;

/** Ten requests a scrape to each track, all good, counted by both sides. */
function healthyTraffic(namespace: string, value: Value = growing(10)): void {
  for (const pods of [canaryIn(namespace), primaryIn(namespace)]) {
    feed.requests(pods, "success", value);
    feed.latency(pods, 7, value);
    feed.sent({ pods }, value);
  }
}

/** Scrape from which on something is otherwise. */
let upsetAt = Infinity;
const before =
  (value: Value): Value =>
  (n) =>
    n < upsetAt ? value(n) : undefined;

beforeAll(async () => {
  healthyTraffic("steady");
  healthyTraffic("gone");
  // The caller with all the failures is there when a run begins, and takes its counters along.
  feed.lost(
    { pods: canaryIn("gone"), caller: "doomed" },
    before(() => 5_000),
  );
  healthyTraffic("reset", (n) => (n < upsetAt ? 1_000 + 10 * n : 10 * (n - upsetAt)));
  feed.requests(canaryIn("reset"), "failure", (n) => (n < upsetAt ? 400 : 0), { status_code: "500" });
  for (const [caller, known] of [
    ["load-1", 0],
    ["load-2", 2],
  ] as const)
    feed.add(
      "outbound_http_balancer_endpoints",
      {
        ...{ namespace: "clients", pod: caller, endpoint_state: "ready" },
        ...{ backend_namespace: "steady", backend_name: "podinfo-canary" },
      },
      () => known,
    );
  server = await startPrometheus(await feed.listen());
  direct = createPrometheus({ timers: systemClock, address: server.url });
  await scrapes(15);
});

afterAll(async () => {
  await server.stop();
  await feed.close();
});

async function scrapes(more: number): Promise<void> {
  const until = feed.scrapes + more;
  await waitFor(() => feed.scrapes >= until || unmet(`${feed.scrapes} of ${until} scrapes`), 60_000, "scrapes");
}

/** A run at weight 10 that a controller has looked at once. */
class Watched {
  readonly #evidence: Evidence = anEvidence();
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async counters(): Promise<CountersSeen> {
    const request = aRequest(server.url, { namespace: this.#namespace, notBefore: 0 });
    const seen = await this.#evidence.look(request, true);
    if (!seen) throw new Error("Prometheus could not be asked");
    return seen;
  }

  check(): Promise<MetricsSeen> {
    return this.#evidence.ask(aRequest(server.url, { namespace: this.#namespace, notBefore: 0 }));
  }
}

/** What a run does that was looked at `first` and now has `counters`; with what a check says, where one is due. */
function judged(
  first: CountersSeen,
  counters: CountersSeen,
  metrics?: MetricsSeen,
): { weight: number; failedChecks: number; ends: boolean } {
  const policy = aPolicy({ comparison: { mode: "always", alpha: 0.01, marginPercent: 0 } });
  const dueIn = metrics ? 0 : 60_000;
  const at = (now: number) => aRunningState(10, { stage: "analysing", stageAt: now - 60_000, checkAt: now + dueIn });
  const begun = decide(at(first.at), aRunObservation(10, 4, { now: first.at, counters: first }), policy).state;
  const seen = { now: counters.at, counters, ...(metrics ? { metrics: { ...metrics, askedAt: counters.at } } : {}) };
  const { state } = decide(begun, aRunObservation(10, 4, seen), policy);
  return { weight: state.weight, failedChecks: state.failedChecks, ends: state.run?.ending !== undefined };
}

const noVerdict = { weight: 10, failedChecks: 0, ends: false };

describe("no verdict comes of", () => {
  test("a caller that vanishes with its counters, and counters that begin anew", async () => {
    const [gone, reset] = [new Watched("gone"), new Watched("reset")];
    const first = { gone: await gone.counters(), reset: await reset.counters() };
    await scrapes(3);
    upsetAt = feed.scrapes + 1;
    await scrapes(8);
    for (const [name, watched] of [
      ["gone", gone],
      ["reset", reset],
    ] as const) {
      // The reading in which a counter begins anew takes nothing of it; the next one does.
      await watched.counters();
      await scrapes(3);
      const now = await watched.counters();
      expect(now.canary.requests, name).toBeGreaterThan(0);
      expect(now.canary, name).toMatchObject({ failures: 0 });
      expect(now.canary.requests, name).toBeLessThan(1_000);
      expect(judged(first[name], now), name).toEqual(noVerdict);
    }
  });

  test("one slow scrape: what it would have brought comes with the next", async () => {
    const watched = new Watched("steady");
    const first = await watched.counters();
    await scrapes(2);
    feed.stalled = true;
    const late = `count(response_total{namespace="steady"}) or vector(0)`;
    await waitFor(
      async () => (await direct.query(late))[0]?.value === 0 || unmet("still there"),
      10_000,
      "a scrape that timed out",
    );
    const during = await watched.counters();
    expect(during.canary.failures).toBe(0);
    expect(judged(first, during, await watched.check())).toMatchObject({ failedChecks: 0, ends: false });
    feed.stalled = false;
    await scrapes(5);
    const after = await watched.counters();
    expect(after.canary.failures).toBe(0);
    expect(after.canary.requests).toBeGreaterThan(during.canary.requests);
    expect(judged(first, after, await watched.check())).toMatchObject({ failedChecks: 0, ends: false });
  });

  test("a Prometheus that restarts, with its data or without", async () => {
    const watched = new Watched("steady");
    const first = await watched.counters();
    await scrapes(2);
    for (const isEmptied of [false, true]) {
      const meanwhile = () =>
        waitFor(async () => !(await watched.check()).ok || unmet("answers still"), 60_000, "Prometheus to be away");
      await server.restart({ isEmptied, meanwhile });
      await scrapes(5);
      const now = await waitFor(
        async () => {
          const seen = await watched.counters();
          return seen.canary.requests > 0 ? seen : unmet("nothing counted yet");
        },
        20_000,
        "counters after the restart",
      );
      expect(now.canary).toMatchObject({ failures: 0 });
      expect(judged(first, now, await watched.check())).toMatchObject({ failedChecks: 0, ends: false });
    }
  });
});

test("callers that know no endpoint of the canary are named, and those that know one are not", async () => {
  const { weight: _none, ...beforeWeight } = aRequest(server.url, { namespace: "steady", notBefore: 0 });
  expect(await anEvidence().ask(beforeWeight)).toMatchObject({ ok: true, unaware: ["clients/load-1"] });
});
