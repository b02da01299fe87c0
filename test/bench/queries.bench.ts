/**
 * What 200 canaries with the tutorial's two metrics cost a real Prometheus: queries in a scrape interval, as Prometheus itself
 * counts them. Each canary is checked once an interval and looked at twice, from a moment of its own on.
 */
import { setTimeout } from "node:timers/promises";
import { unmet, waitFor } from "../cluster/wait.ts";
import { anEvidence, aRequest } from "../metrics/asking.ts";
import { Feed } from "../metrics/feed.ts";
import { type PrometheusServer, startPrometheus } from "../metrics/server.ts";
import { printTable } from "./measure.ts";

const canaries = 200;
const intervalMs = 2_000;
const rounds = 4;
const mostQueries = 4;

const metrics = [
  { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
  { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" },
];

/** So far, failed ones included. */
async function queriesOf({ url }: PrometheusServer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const rows = text.matchAll(/^prometheus_http_requests_total\{[^}]*handler="\/api\/v1\/query"[^}]*\} (\S+)/gm);
  return [...rows].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Returns the queries in an interval; throws if a canary has no requests to be judged by. */
async function measure(server: PrometheusServer): Promise<number> {
  const evidence = anEvidence({ scrapeIntervalMs: intervalMs });
  const live = async (index: number): Promise<void> => {
    const name = `busy-${index}`;
    await setTimeout((index * intervalMs) / canaries);
    for (let round = 0; round < rounds; round++) {
      const request = aRequest(server.url, {
        ...{ name, target: name, canary: `${name}-canary`, metrics, weight: 10 },
        notBefore: Date.now() - intervalMs,
      });
      const [seen] = await Promise.all([evidence.ask(request), evidence.look(request, true)]);
      if (!seen.ok || (seen.canary.requests ?? 0) === 0)
        throw new Error(`${name} has no requests: ${JSON.stringify(seen)}`);
      await setTimeout(intervalMs / 2);
      await evidence.look(request, true);
      await setTimeout(intervalMs / 2);
    }
  };
  const lives = Promise.all(Array.from({ length: canaries }, (_, index) => live(index)));
  await setTimeout(1.5 * intervalMs); // The first interval gathers who there is.
  const [before, beganAt] = [await queriesOf(server), Date.now()];
  await lives;
  const intervals = (Date.now() - beganAt) / intervalMs;
  return ((await queriesOf(server)) - before) / intervals;
}

/** Until Prometheus has two samples to tell a rate by. */
async function warmUp(server: PrometheusServer): Promise<void> {
  const last = `busy-${canaries - 1}`;
  const request = aRequest(server.url, { name: last, target: last, canary: `${last}-canary`, metrics });
  await waitFor(
    async () => {
      const seen = await anEvidence().ask({ ...request, notBefore: Date.now() });
      return (seen.ok && (seen.canary.requests ?? 0) > 0) || unmet("no requests");
    },
    20_000,
    "Prometheus to have scraped",
    500,
  );
}

const feed = new Feed();
for (let n = 0; n < canaries; n++)
  feed.requests({ namespace: "test", deployment: `busy-${n}-canary`, hash: "canary1" }, "success", (at) => 10 * at);
const server = await startPrometheus(await feed.listen());
try {
  await warmUp(server);
  const queries = await measure(server);
  printTable(["canaries", "queries in an interval", "bound"], [[`${canaries}`, queries.toFixed(2), `${mostQueries}`]]);
  process.exitCode = queries <= mostQueries ? 0 : 1;
} finally {
  await server.stop();
  await feed.close();
}
