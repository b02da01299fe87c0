// Counts agree: what is counted of a run with known faults is what its callers got, meshed or not, each request once. Probes and
// scrapes go on all the while, and would make it more.
import { beforeAll, describe, expect, it } from "vitest";
import type { StatsView } from "../../../plugin/commands/stats.ts";
import type { Counts } from "../../app/counts.ts";
import { importFaultyImages } from "../../app/install.ts";
import { LoadClient } from "../../app/load-client.ts";
import { appObjects } from "../../app/manifests.ts";
import type { FaultyTag } from "../../app/podinfo.ts";
import { apply } from "../../cluster/client.ts";
import { prometheusUrl } from "../../cluster/parts/prometheus.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Scenario, type Provider } from "../scenario.ts";

/** Longer than any pod here lives, so that nothing is extrapolated. */
const windowSeconds = 200;
const requests = 80;
/** Longer than a busy machine takes to answer: what is cut off here was never going to be answered. */
const deadlineMs = 20_000;

beforeAll(async () => {
  await importFaultyImages(rows.map(({ tag }) => tag));
  await prometheusIsOlderThan(windowSeconds);
}, 500_000);

/** A window that reaches to before Prometheus' first sample cannot tell which series are new. */
async function prometheusIsOlderThan(seconds: number): Promise<void> {
  const url = `${await prometheusUrl()}/api/v1/query?query=${encodeURIComponent(`up offset ${seconds}s`)}`;
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const { data } = (await (await fetch(url)).json()) as { data: { result: unknown[] } };
    return data.result.length > 0 || unmet("it is not");
  };
  await waitFor(look, (seconds + 30) * 1000, `Prometheus to be older than ${seconds} s`, 1000);
}

/** A load generator without a sidecar, which calls the canary's Service past any route. */
async function addOutsider(namespace: string): Promise<LoadClient> {
  const load = (await appObjects(namespace, { rate: 0, deadlineMs })).find(({ metadata }) => metadata.name === "load");
  const text = JSON.stringify(load)
    .replaceAll('"load"}', '"outsider"}')
    .replace("http://podinfo:", "http://podinfo-canary:");
  const { spec, ...rest } = JSON.parse(text) as { metadata: object; spec: { template: { metadata: object } } };
  const template = {
    ...spec.template,
    metadata: { ...spec.template.metadata, annotations: { "linkerd.io/inject": "disabled" } },
  };
  await apply([{ ...rest, metadata: { name: "outsider", namespace }, spec: { ...spec, template } }]);
  await Scenario.of(namespace).kubectl("rollout", "status", "deploy/outsider", "--timeout=90s");
  return LoadClient.of(namespace, "outsider");
}

/** Sends so many, then nothing more; the counts once the last has ended. */
const send = (load: LoadClient): Promise<Counts> => load.exactly(requests, 8);

interface Counted {
  requests: number;
  failures: number;
  clientErrors: number;
}

function got(...callers: Counts[]): Counted {
  const of = (one: (counts: Counts) => number): number => callers.reduce((sum, counts) => sum + one(counts), 0);
  const clientErrors = of(({ byStatus }) => byStatus["401"] ?? 0);
  return {
    requests: of((counts) => counts.requests),
    failures: of(({ failed }) => failed) - clientErrors,
    clientErrors,
  };
}

/** Waits until a reading of both tracks together is what callers got; the error says what it was instead. */
function untilCounted(read: () => Promise<Counted>, expected: Counted): Promise<Counted> {
  const look = async (): Promise<Counted | ReturnType<typeof unmet>> => {
    const now = await read();
    return JSON.stringify(now) === JSON.stringify(expected) ? now : unmet(JSON.stringify(now));
  };
  return waitFor(look, 90_000, `${JSON.stringify(expected)} to be counted`, 500);
}

async function inStatus(scenario: Scenario): Promise<Counted> {
  const { tracks } = await scenario.status();
  const of = (key: keyof Counted): number => (tracks?.canary[key] ?? 0) + (tracks?.primary[key] ?? 0);
  return { requests: of("requests"), failures: of("failures"), clientErrors: of("clientErrors") };
}

/** By the plugin's own queries, which know nothing of client errors. */
async function inStats(scenario: Scenario): Promise<Counted> {
  const { stdout } = await scenario.plugin("stats", "--window", String(windowSeconds), "-o", "json");
  const { tracks } = JSON.parse(stdout) as StatsView;
  const failures = tracks.map(({ requests, successPercent }) => (requests ?? 0) * (1 - (successPercent ?? 0) / 100));
  const requests = tracks.map((track) => track.requests ?? 0);
  const sum = (values: number[]): number => Math.round(values.reduce((all, value) => all + value, 0));
  return { requests: sum(requests), failures: sum(failures), clientErrors: 0 };
}

interface Row {
  tag: FaultyTag;
  provider: Provider;
}

const rows: Row[] = [
  { tag: "1.8.0-hanging", provider: "gatewayapi:v1" },
  { tag: "1.8.1-dropping", provider: "linkerd" },
  { tag: "1.8.3-unauthorized", provider: "linkerd" },
];

describe.concurrent("what users got", () => {
  it.each(rows)(
    "of $tag beside a stable that fails too is counted as they did, over $provider",
    async ({ tag, provider }) => {
      // A name that was used a minute ago has series of then.
      const namespace = `e2e-counts-${tag.slice(6)}-${process.pid}`;
      // No check ever has enough requests, so that the run stays where it is.
      const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: `${windowSeconds}s` }];
      const analysis = { interval: "2s", stepWeight: 50, minRequests: 1_000_000, metrics };
      const app = { rate: 0, deadlineMs, paths: "/ 4, /status/500 1", without: ["frontend" as const] };
      const scenario = await Scenario.start(namespace, { provider, rate: 0, analysis, app });
      try {
        await scenario.setImage(tag);
        await scenario.until(
          "the canary's weight",
          ({ canaryWeight, run }) => canaryWeight === 50 && run?.stage === "analysing",
        );
        const callers = await Promise.all([send(await scenario.load()), addOutsider(namespace).then(send)]);
        const expected = got(...callers);
        expect(expected.failures + expected.clientErrors).toBeGreaterThan(requests / 4);
        process.stdout.write(`${tag}, ${provider}: ${JSON.stringify(expected)}\n`);
        await untilCounted(() => inStatus(scenario), expected);
        await untilCounted(() => inStats(scenario), { ...expected, clientErrors: 0 });
      } finally {
        await scenario.end();
      }
    },
  );
});
