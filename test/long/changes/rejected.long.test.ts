// A rejected version that its writers go on applying: it stays rejected, and only a person or another version moves anything.
import { afterAll, beforeAll, expect, it } from "vitest";
import { Gated, expectVersion } from "../../admission/gated.ts";
import { deploymentStatus } from "../../admission/kstatus.ts";
import { falseEnds } from "../../admission/rejections.ts";
import { clientSideApply, gitOps, operator, replace } from "../../admission/tools.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";

let gated: Gated;

beforeAll(async () => {
  gated = await Gated.start("rejected-for-good", clientSideApply);
  await gated.write("v2");
  await gated.running("v2");
  await reject();
});

afterAll(() => gated.end());

async function reject(): Promise<void> {
  const { code, stderr } = await gated.scenario.plugin("rollback", "--reason", "a test");
  expect(code, stderr).toBe(0);
  await gated.scenario.until("the rejection", ({ phase, run }) => phase === "Failed" && !run);
}

const pods = async (): Promise<string[]> => [
  ...(await gated.scenario.podUids()),
  ...(await gated.scenario.podUids("podinfo-canary")),
];

const becomes = (wanted: string): Promise<true> =>
  waitFor(
    async () => {
      const found = deploymentStatus(await gated.target());
      return found === wanted ? true : unmet(found);
    },
    30_000,
    `the Deployment to be ${wanted}`,
  );

it("a hundred times more by four writers starts no run, touches no pod, and is said by status and one event", async () => {
  const { runs } = await gated.scenario.status();
  const [podsBefore, eventsBefore] = [await pods(), await gated.scenario.events()];
  for (let round = 0; round < 25; round++)
    for (const tool of [clientSideApply, gitOps, operator, replace]) await gated.write("v2", tool);
  await gated.unwritten();
  const status = await gated.scenario.status();
  expect([status.runs, status.phase]).toEqual([runs, "Failed"]);
  expect(status.reason).toContain("was rejected: rolled back by admin (a test)");
  expect(await pods()).toEqual(podsBefore);
  const events = await gated.scenario.events();
  expect(events).toEqual(eventsBefore);
  expect(events.filter((message) => message.startsWith("Canary failed!"))).toHaveLength(1);
  expectVersion(await gated.target(), "v2");
  await becomes("Failed");
});

it("retry starts exactly one run", async () => {
  const { runs = 0 } = await gated.scenario.status();
  expect((await gated.scenario.plugin("retry")).code).toBe(0);
  await gated.running("v2");
  for (const tool of [clientSideApply, gitOps, operator, replace]) await gated.write("v2", tool);
  expect((await gated.scenario.plugin("retry")).code).not.toBe(0);
  expect((await gated.scenario.status()).runs).toBe(runs + 1);
  await becomes("InProgress");
  await reject();
  await becomes("Failed");
});

it("two hundred pipelines that wait right after they asked for another version are never told of the one before", async () => {
  // Side by side, so that the machine is as busy as one on which the two writers race.
  const teams = ["a", "b", "c", "d", "e"].map(async (team) => {
    const other = await Gated.start(`rejected-and-waited-${team}`, clientSideApply);
    try {
      return await falseEnds(other, 40);
    } finally {
      await other.end();
    }
  });
  expect((await Promise.all(teams)).flat()).toEqual([]);
}, 2_400_000);

it("another version starts at once, and the tools wait again", async () => {
  const { runs = 0 } = await gated.scenario.status();
  await gated.write("v3");
  await gated.running("v3");
  expect((await gated.scenario.status()).runs).toBe(runs + 1);
  await becomes("InProgress");
});
