/**
 * What each replica takes in a large cluster: 3,000 Deployments of ten ReplicaSets each, 10,000 pods, 200 Canaries. An API server of its
 * own, with objects only: no Deployment rolls, no pod runs.
 */
import { setTimeout } from "node:timers/promises";
import { appsOf, createApp, createCanary, createNamespaces, createPod, forEach } from "./fleet/objects.ts";
import { initialized, startPlace } from "./fleet/place.ts";
import { printRows, row, type Row } from "./fleet/rows.ts";
import { Replica } from "./fleet/replica.ts";

const size = { deployments: 3_000, revisions: 10, pods: 10_000, canaries: 200 };
const most = { megabytes: 300, readySeconds: 20 };
const settleMs = 10_000;

const place = await startPlace();
let replicas: Replica[] = [];
try {
  await fill();
  const first = await begin("first", 18_443);
  await initialized(place, size.canaries);
  await first.kill();
  replicas = [];
  const started = [await restarted("leader", 18_453), await restarted("other", 18_463)];
  await setTimeout(settleMs); // What the lists took to read is given back, or it is not.
  const used = await Promise.all(started.map(({ replica }) => replica.used()));
  const memory = used.map(({ megabytes }, index) =>
    row(`${started[index]?.identity}: resident memory`, { found: megabytes, unit: "MB", bound: most.megabytes }),
  );
  process.exitCode = printRows([...started.map(({ ready }) => ready), ...memory]);
} finally {
  await Promise.all(replicas.map((replica) => replica.kill()));
  await place.stop();
}

async function fill(): Promise<void> {
  const { cluster } = place;
  const apps = appsOf(size.deployments);
  await createNamespaces(cluster, apps);
  await forEach(apps, (app) => createApp(cluster, app, size.revisions));
  await forEach([...Array(size.pods).keys()], (index) =>
    createPod(cluster, apps[index % apps.length]!, index, size.revisions),
  );
  await forEach(apps.slice(0, size.canaries), (app) => createCanary(cluster, app));
}

async function begin(identity: string, port: number): Promise<Replica> {
  const replica = await Replica.start(place, { identity, port });
  replicas.push(replica);
  return replica;
}

async function restarted(identity: string, port: number): Promise<{ identity: string; replica: Replica; ready: Row }> {
  const startedAt = performance.now();
  const replica = await begin(identity, port);
  await replica.ready(120_000);
  const found = (performance.now() - startedAt) / 1_000;
  return {
    identity,
    replica,
    ready: row(`${identity}: ready after a restart`, { found, unit: "s", bound: most.readySeconds }),
  };
}
