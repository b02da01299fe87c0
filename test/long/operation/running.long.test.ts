// A hundred canaries under way at once, with users on them of whom nothing is heard: each look brings other numbers, and the status of each
// is written at most once a check. On an API server of its own. CANARIES makes it smaller.
import { afterAll, beforeAll, expect, it } from "vitest";
import { resource } from "../../../shared/kube/resources.ts";
import type { Controller } from "../../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { StatusWrites, writesPerCheck, type Written } from "../../load/status-writes.ts";
import { startArena, type Arena } from "../../safety/arena.ts";
import { Stage } from "../../safety/plays.ts";
import { Passing } from "../../safety/through.ts";

const canaries = Number(process.env["CANARIES"] ?? 100);
const intervalMs = 10_000;
const eachTimes = 5;

let arena: Arena;
let loop: Controller;
let stages: Stage[];

beforeAll(async () => {
  arena = await startArena();
  const gate = new Passing();
  loop = await arena.startController({ identity: "one", leaseNamespace: "default", namespace: "", gate });
  stages = Array.from({ length: canaries }, (_, index) => new Stage(arena.cluster, arena.node, `running-${index}`));
  await each(async (stage) => {
    await stage.set();
    const body = { spec: { analysis: { interval: `${intervalMs / 1_000}s` } } };
    await arena.cluster.patch(resource.canaries, at(stage), { type: "merge", body });
    await stage.until("initialization", ({ phase }) => phase === "Initialized");
    await stage.change("1.7.1");
    await stage.running("1.7.1");
  });
}, 1_200_000);
afterAll(async () => {
  await loop.stop();
  await arena.stop();
});

const at = ({ namespace, name }: Stage): { namespace: string; name: string } => ({ namespace, name });

/** Ten at a time: more only wait for each other. */
async function each(work: (stage: Stage) => Promise<void>): Promise<void> {
  const left = [...stages];
  const worker = async (): Promise<void> => {
    for (let stage = left.pop(); stage; stage = left.pop()) await work(stage);
  };
  await Promise.all(Array.from({ length: 10 }, worker));
}

it("write their status at most once a check each", async () => {
  const writes = await StatusWrites.start(arena.cluster);
  const written = (): Written[] =>
    stages.flatMap(({ namespace, name }) => writes.counts.get(`${namespace}/${name}`) ?? []);
  await waitFor(
    () => {
      const enough = written().filter(({ all }) => all >= eachTimes).length;
      return enough === canaries ? true : unmet(`${enough} of them`);
    },
    600_000,
    `${eachTimes} writes of each of ${canaries} canaries`,
  );
  await writes.stop();
  const { mean, most } = writesPerCheck(written(), intervalMs);
  process.stdout.write(
    `${canaries} running canaries: ${mean.toFixed(2)} status writes per canary and check, ${most.toFixed(2)} of one canary at most\n`,
  );
  expect(most).toBeLessThanOrEqual(1);
});
