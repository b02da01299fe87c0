/**
 * What admission costs: 200 reviews a second against one replica, beside a handler that does nothing behind the same TLS,
 * Express and JSON parser. The two take turns, so that both have the same machine.
 */
import { quantile } from "../../shared/core/plan/statistics.ts";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as https from "node:https";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { label } from "../../shared/core/objects/names.ts";
import type { Handler, Told } from "./admission-server.ts";
import { printTable } from "./measure.ts";

const perSecond = 200;
const turns = 5;
const secondsPerTurn = 4;
const factorWanted = 2;

interface Asked {
  name: Handler;
  child: ChildProcess;
  post: (body: string) => Promise<void>;
  latencies: number[];
}

/** A Deployment as the API server sends it: a template of 60 env vars, status and owners of fields included. */
function deployment(tag: string, paused: boolean): object {
  const env = Array.from({ length: 60 }, (_, index) => ({ name: `VARIABLE_${index}`, value: `value ${index}` }));
  const fields = Object.fromEntries(env.map(({ name }) => [`k:{"name":"${name}"}`, { ".": {}, "f:value": {} }]));
  const resources = { limits: { cpu: "500m", memory: "1Gi" }, requests: { cpu: "100m", memory: "512Mi" } };
  const containers = [{ name: "app", image: `example.org/team/app:${tag}`, env, resources }];
  const labels = { [label.target]: "uid-1", [label.stable]: "74459c7db8", app: "app" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "app", namespace: "team", uid: "uid-1", labels, managedFields: [{ fieldsV1: fields }] },
    spec: { replicas: 3, paused, template: { metadata: { labels: { app: "app" } }, spec: { containers } } },
    status: { replicas: 3, readyReplicas: 3 },
  };
}

/** Every second one is a new version, to be held; the others are applied again. */
const bodies = ["1.0.0", "1.0.1"].map((tag) =>
  JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "review-1",
      resource: { group: "apps", version: "v1", resource: "deployments" },
      operation: "UPDATE",
      userInfo: { username: "alice" },
      oldObject: deployment("1.0.0", false),
      object: deployment(tag, false),
    },
  }),
);

async function start(name: Handler): Promise<Asked> {
  const child = fork(join(import.meta.dirname, "admission-server.ts"), [name]);
  const [told] = (await once(child, "message")) as [Told];
  if (!("port" in told)) throw new Error(`${name} did not say where it listens.`);
  const agent = new https.Agent({ keepAlive: true, ca: told.ca });
  const options = { agent, port: told.port, host: "localhost", path: "/mutate/deployments", method: "POST" };
  const post = (body: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const request = https.request({ ...options, headers }, (response) => {
        response.resume().on("end", () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${name} answered ${response.statusCode}`));
        });
      });
      request.on("error", reject).end(body);
    });
  return { name, child, post, latencies: [] };
}

/** By the clock, not by answers: a slow answer does not make the next question wait. */
async function turn(asked: Asked, seconds: number, into: number[]): Promise<void> {
  const startedAt = performance.now();
  const pending: Promise<unknown>[] = [];
  for (let index = 0; index < perSecond * seconds; index++) {
    const dueAt = startedAt + (index * 1_000) / perSecond;
    if (performance.now() < dueAt) await delay(dueAt - performance.now());
    const sentAt = performance.now();
    pending.push(asked.post(bodies[index % 2] ?? "").then(() => into.push(performance.now() - sentAt)));
  }
  await Promise.all(pending);
}

async function residentMiB({ child }: Asked): Promise<number> {
  child.send("how much?");
  const [told] = (await once(child, "message")) as [Told];
  return "residentBytes" in told ? told.residentBytes / 2 ** 20 : 0;
}

const both = await Promise.all([start("admission"), start("nothing")]);
for (const asked of both) await turn(asked, 2, []);
for (let round = 0; round < turns; round++)
  for (const asked of both) await turn(asked, secondsPerTurn, asked.latencies);

const rows = await Promise.all(
  both.map(async (asked) => [
    asked.name,
    String(asked.latencies.length),
    quantile(asked.latencies, 0.5).toFixed(2),
    quantile(asked.latencies, 0.99).toFixed(2),
    (await residentMiB(asked)).toFixed(0),
  ]),
);
printTable(["handler", "reviews", "p50 ms", "p99 ms", "MiB"], rows);
const [ours = Infinity, nothings = 0] = both.map(({ latencies }) => quantile(latencies, 0.99));
const factor = ours / nothings;
process.stdout.write(
  `${perSecond} a second, ${(bodies[0]?.length ?? 0) / 1_000} KB each. p99 is ${factor.toFixed(2)} times that of nothing; ` +
    `at most ${factorWanted} is wanted: ${factor <= factorWanted ? "met" : "missed"}\n`,
);
for (const { child } of both) child.disconnect();
process.exitCode = factor <= factorWanted ? 0 : 1;
