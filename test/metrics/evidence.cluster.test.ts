// Verdicts on synthetic series in a real Prometheus: each situation in a namespace of its own, all asked at once.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { verdict } from "../../shared/core/analysis/deciding.ts";
import { quote } from "../../shared/core/queries/promql-text.ts";
import { noCounts } from "../../shared/core/analysis/track-counts.ts";
import type { CountersSeen, MetricsSeen } from "../../shared/core/observation.ts";
import { createPrometheus, type Prometheus } from "../../shared/prometheus.ts";
import type { EvidenceRequest } from "../../webhook/evidence/types.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { anEvidence, aRequest } from "./asking.ts";
import { type Door, openDoor } from "./door.ts";
import { Feed, type Value } from "./feed.ts";
import { type PrometheusServer, startPrometheus } from "./server.ts";
import { callerSituations } from "./caller-situations.ts";
import { querySituations } from "./query-situations.ts";
import { effectOf, rowOf } from "./verdicts.ts";
import { canaryIn, growing, primaryIn, type Situation, seriesSituations } from "./situations.ts";
import { systemClock } from "../../shared/kube/clock.ts";

const situations: Situation[] = [...seriesSituations, ...callerSituations, ...querySituations];

const feed = new Feed();
let server: PrometheusServer;
let door: Door;
let direct: Prometheus;

/** Not there until `fresh` is switched on, then at this value for good. */
let fresh = false;
const bornAt =
  (value: number): Value =>
  () =>
    fresh ? value : undefined;

const unmetCounters: CountersSeen = { epoch: 0, at: 0, canary: noCounts, primary: noCounts };

/** Scrape from which on the series in `grown` is there. */
let grownFrom = Infinity;

const namespaceOf = (index: number): string => `s${index}`;

function requestFor({ metrics, more }: Situation, index: number): EvidenceRequest {
  const request = aRequest(door.url, { namespace: namespaceOf(index), ...more });
  return metrics === undefined ? request : { ...request, metrics };
}

/** So many requests per scrape of a client to the apex in `strays`, by the Service that its proxy chose. */
function sendFrom(pod: string, byService: Record<string, number>): void {
  for (const [service, count] of Object.entries(byService)) {
    const pods = service === "podinfo-canary" ? canaryIn("strays") : primaryIn("strays");
    feed.sent({ pods, caller: pod, service }, growing(count));
  }
}

beforeAll(async () => {
  situations.forEach((situation, index) => situation.feed(feed, namespaceOf(index)));
  feed.traffic(primaryIn("tracks"), 1, 7);
  feed.traffic(canaryIn("tracks"), 0, 45);
  for (let client = 0; client < 10; client += 1) {
    feed.requests(canaryIn("newborn"), "failure", bornAt(1), { client_id: `client${client}`, status_code: "500" });
  }
  feed.requests(canaryIn("newborn"), "success", growing(1));
  feed.requests(canaryIn("three"), "success", bornAt(3));
  feed.requests(canaryIn("grown"), "success", (n) => (n < grownFrom ? undefined : 10 * (n - grownFrom + 1)));
  feed.requests(canaryIn("long"), "success", growing(10, 1_000_000));
  feed.sent({ pods: canaryIn("long") }, growing(10, 1_000_000));
  for (const pod of ["load-1", "load-2"]) {
    const labels = { namespace: "clients", deployment: "load", pod, direction: "outbound", dst_service: "podinfo" };
    feed.add("response_total", { ...labels, authority: "podinfo.idle.svc.cluster.local:9898" }, growing(5));
    feed.add("response_total", { ...labels, authority: "other.idle.svc.cluster.local:9898" }, growing(5));
  }
  feed.traffic(primaryIn("strays"), 1, 7);
  feed.traffic(canaryIn("strays"), 5, 7);
  sendFrom("old", { podinfo: 50 });
  sendFrom("new", { "podinfo-primary": 45, "podinfo-canary": 5 });
  server = await startPrometheus(await feed.listen());
  door = await openDoor(server.url);
  direct = createPrometheus({ timers: systemClock, address: server.url });
  // Two windows and a few scrapes: from then on the oldest series are known to be older than the window.
  await waitFor(() => feed.scrapes > 25 || unmet(`${feed.scrapes} scrapes`), 60_000, "enough scrapes");
});

afterAll(async () => {
  await door.close();
  await server.stop();
  await feed.close();
});

/** No scrape of the last window has failed or come late for want of a machine: what is asked now is judged by all of it. */
function undisturbed(): Promise<true> {
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const scraped = (await direct.query("count_over_time(up[2s])"))[0]?.value ?? 0;
    return scraped >= 9 || unmet(`${scraped} scrapes in two seconds`);
  };
  return waitFor(look, 120_000, "a window without a gap");
}

const effects = { pass: "goes on", fail: "counts", "no-evidence": "holds", "cannot-ask": "holds" };

describe("situations", () => {
  let seen: MetricsSeen[];
  let queries: number;
  beforeAll(async () => {
    const evidence = anEvidence();
    await undisturbed();
    door.takeCount();
    seen = await Promise.all(situations.map((situation, index) => evidence.ask(requestFor(situation, index))));
    queries = door.takeCount();
  });

  test.each(situations.map((situation, index) => ({ ...situation, index })))("$name: $outcome", (situation) => {
    const result = seen[situation.index]!;
    if (!result.ok) throw new Error(result.error);
    const [check] = result.checks.filter(({ outcome }) => outcome === situation.outcome);
    const said = situation.says.replace("podinfo.test", `podinfo.${namespaceOf(situation.index)}`);
    expect(result.checks.map(({ message }) => message).join("\n")).toContain(said);
    expect(verdict(result.checks)).toBe(situation.outcome);
    expect(check?.value === null).toBe(situation.outcome === "no-evidence" || situation.outcome === "cannot-ask");
  });

  test("move the weight as their outcome says, and no other way, with exactly these sentences", async () => {
    const rows = situations.map(({ name, outcome, isWarming }, index) => {
      const result = seen[index]!;
      const effect = effectOf(result, isWarming);
      expect({ name, effect: effect.kind }).toEqual({ name, effect: effects[outcome] });
      expect(effect.weight).toBe(effect.kind === "goes on" ? 20 : 10);
      return rowOf(name, outcome, { effect, said: result.ok ? result.checks.map(({ message }) => message) : [] });
    });
    await expect(`${rows.join("\n\n")}\n`).toMatchFileSnapshot("situations.txt");
    expect(rows.length).toBeGreaterThanOrEqual(40);
  });

  test("ask one query per metric and window in all, besides the users' own", () => {
    const own = situations.filter(({ metrics }) => metrics?.some(({ query }) => query !== undefined)).length;
    // Windows 2s and 1m: requests and latencies of each (no latency for the 1m of an own query alone), ages, callers of each. Besides
    // requests and latencies of each warm-up and window that some of them have.
    const warm = new Set(
      situations.flatMap(({ more, metrics }) => (more?.warmupMs ? [`${more.warmupMs} ${metrics?.[0]?.interval}`] : [])),
    );
    expect(queries - own).toBeLessThanOrEqual(7 + 2 * warm.size);
  });

  test("give, pasted into Prometheus, the number that was shown", async () => {
    let compared = 0;
    for (const result of seen) {
      if (!result.ok) throw new Error(result.error);
      for (const { metric, query, value, at } of result.checks) {
        if (value === null) continue;
        const [pasted] = await direct.query(query, Date.parse(at));
        // A number of requests is shown whole, and a scrape that was under way when it was asked brings ten more.
        const tolerance = metric === "requests" ? 10.5 : 1e-6;
        expect(Math.abs(pasted!.value - value), query).toBeLessThan(tolerance);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(20);
  });
});

test("both tracks show what their users got", async () => {
  await undisturbed();
  const seen = await anEvidence().ask(aRequest(door.url, { namespace: "tracks" }));
  if (!seen.ok) throw new Error(seen.error);
  const { primary, canary } = seen;
  // Ten requests per scrape, five scrapes a second; a late scrape shifts the share of a window.
  expect(canary.requestsPerSecond).toBeGreaterThan(35);
  expect(canary.requestsPerSecond).toBeLessThan(65);
  expect(canary.requests).toBe(Math.round(canary.requestsPerSecond * 2));
  expect(canary.failures).toBe(0);
  expect(primary.failures / primary.requests).toBeCloseTo(0.1, 1);
  expect(canary.latencyMs).toEqual({
    p50: 45,
    p95: expect.closeTo(49.5) as number,
    p99: expect.closeTo(49.9) as number,
  });
});

test("a sample's time is in our clock, however wrong Prometheus' or ours is", async () => {
  await undisturbed();
  const hourAhead = (): number => Date.now() + 3_600_000;
  const seen = await anEvidence({ now: hourAhead }).ask(aRequest(door.url, { namespace: "tracks", notBefore: 0 }));
  if (!seen.ok) throw new Error(seen.error);
  expect(hourAhead() - seen.sampledAt).toBeGreaterThanOrEqual(0);
  expect(hourAhead() - seen.sampledAt).toBeLessThan(2000);
});

test("the reader counts both tracks exactly from look to look, and finds who does not follow the route", async () => {
  const evidence = anEvidence();
  const look = async (): Promise<CountersSeen> => {
    const notBefore = Date.now() - 60_000;
    const seen = await evidence.look(aRequest(door.url, { namespace: "strays", weight: 10, notBefore }), false);
    return seen ?? unmetCounters;
  };
  const first = await look();
  expect(first).toMatchObject({ canary: { requests: 0, failures: 0 }, primary: { requests: 0, failures: 0 } });
  const last = await waitFor(
    async () => {
      const seen = await look();
      return (seen.share?.scrapes ?? 0) >= 3 ? seen : unmet(JSON.stringify(seen));
    },
    60_000,
    "three stretches that deviate",
  );
  expect(last.epoch).toBe(first.epoch);
  expect(last.canary.failures).toBe(last.canary.requests / 2);
  // Its callers sent more than its pods have counted.
  expect(last.primary.failures).toBe(last.primary.requests / 95);
  expect(last.canary.requests % 10).toBe(0);
  expect(last.share).toMatchObject({ source: "callers", low: 10, high: 10, staleCallers: [{ pod: "clients/old" }] });
  expect(last.share!.canary / last.share!.all).toBeCloseTo(0.05);
});

test("a canary that users do not reach names the callers of its apex, whatever Service their proxy chose", async () => {
  const seen = await anEvidence().ask(aRequest(door.url, { namespace: "idle" }));
  expect(seen).toMatchObject({
    ok: true,
    staleCallers: [{ pod: "clients/load-1" }, { pod: "clients/load-2" }],
    sampledAt: 0,
  });
});

test("the first failure of each of ten callers counts, which plain increase() does not see", async () => {
  fresh = true;
  const born = `count(response_total{namespace="newborn",classification="failure"})`;
  await waitFor(async () => (await direct.query(born))[0]?.value === 10 || unmet("fewer"), 60_000, "ten new series");
  const evidence = anEvidence();
  const ask = (namespace: string): Promise<MetricsSeen> => evidence.ask(aRequest(door.url, { namespace }));
  const [newborn, three] = await Promise.all([ask("newborn"), ask("three")]);
  expect(newborn).toMatchObject({ ok: true, canary: { failures: 10 } });
  expect(three).toMatchObject({ ok: true, canary: { requests: 3, failures: 0 } });
  const plain = `sum(increase(response_total{namespace=${quote("newborn")},classification="failure"}[2s])) or vector(0)`;
  expect((await direct.query(plain))[0]?.value).toBe(0);
});

async function requestsIn(namespace: string, interval: string): Promise<number> {
  const metrics: MetricSpec[] = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval }];
  const seen = await anEvidence().ask(aRequest(door.url, { namespace, metrics }));
  if (!seen.ok) throw new Error(seen.error);
  return seen.canary.requests;
}

test("a series that is new and grows is counted once and exactly", async () => {
  grownFrom = feed.scrapes;
  const raw = async (): Promise<number> => (await direct.query(`response_total{namespace="grown"}`))[0]?.value ?? 0;
  await waitFor(async () => (await raw()) >= 30 || unmet("fewer"), 60_000, "three scrapes");
  const [before, counted, after] = [await raw(), await requestsIn("grown", "2s"), await raw()];
  expect(counted).toBeGreaterThanOrEqual(before);
  expect(counted).toBeLessThanOrEqual(after);
});

test("a Prometheus that is younger than the window takes no old series for a new one", async () => {
  const counted = await requestsIn("long", "10m");
  expect(counted).toBeGreaterThan(0);
  expect(counted).toBeLessThan(100_000);
});

test("scrapes that failed for a moment make no old series a new one", async () => {
  const evidence = anEvidence();
  const look = (): Promise<CountersSeen | undefined> =>
    evidence.look(aRequest(door.url, { namespace: "long", weight: 10, notBefore: 0 }), true);
  const raw = async (): Promise<number> => (await direct.query(`response_total{namespace="long"}`))[0]!.value;
  const [before] = [await raw(), await look()];
  feed.broken = true;
  const gone = `count(response_total{namespace="long"}) or vector(0)`;
  await waitFor(
    async () => (await direct.query(gone))[0]?.value === 0 || unmet("still there"),
    60_000,
    "a failed scrape",
  );
  feed.broken = false;
  const until = feed.scrapes + 15;
  const counts: number[] = [];
  await waitFor(
    async () => {
      counts.push(await requestsIn("long", "2s"));
      return feed.scrapes > until || unmet(`${feed.scrapes} scrapes`);
    },
    60_000,
    "the gap to leave the window",
  );
  expect(Math.max(...counts)).toBeGreaterThan(50);
  expect(Math.max(...counts)).toBeLessThan(300);
  // Neither side's counters count again that were away for a moment.
  const [seen, after] = [await look(), await raw()];
  expect(seen?.canary.requests).toBeGreaterThan(100);
  expect(seen?.canary.requests).toBeLessThanOrEqual(after - before);
});
