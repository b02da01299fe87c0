/** What 1,000 Canaries (or `CANARIES`) take while nothing happens. An API server of its own, with objects only. */
import { setTimeout } from "node:timers/promises";
import { newForMs } from "../../shared/core/lifecycle/initialize.ts";
import { appsOf, createApp, createCanary, createNamespaces, forEach } from "./fleet/objects.ts";
import { initialized, startPlace } from "./fleet/place.ts";
import { printRows, row } from "./fleet/rows.ts";
import { Replica } from "./fleet/replica.ts";

const canaries = Number(process.env["CANARIES"] ?? 1_000);
const most = { percent: 1, calls: 0 };
const idleMs = 60_000;

const place = await startPlace();
let replica: Replica | undefined;
try {
  const { cluster } = place;
  const apps = appsOf(canaries);
  await createNamespaces(cluster, apps);
  await forEach(apps, async (app) => {
    await createApp(cluster, app, 1);
    await createCanary(cluster, app);
  });
  replica = await Replica.start(place, { identity: "idle", port: 18_473 });
  await initialized(place, canaries);
  await setTimeout(newForMs + 15_000); // Callers are looked for while a Canary is new.
  const [before, callsBefore] = [await replica.used(), await place.calls()];
  await setTimeout(idleMs);
  const [after, callsAfter] = [await replica.used(), await place.calls()];
  const percent = ((after.cpuSeconds - before.cpuSeconds) / idleMs) * 100_000;
  const calls = callsAfter.status + callsAfter.others - callsBefore.status - callsBefore.others;
  const of = `${canaries} idle Canaries`;
  process.exitCode = printRows([
    row(`${of}: of a core`, { found: percent, unit: "%", bound: most.percent }),
    row(`${of}: API calls in ${idleMs / 1_000} s, beside the Lease and watches`, {
      found: calls,
      unit: "",
      bound: most.calls,
    }),
  ]);
} finally {
  await replica?.kill();
  await place.stop();
}
