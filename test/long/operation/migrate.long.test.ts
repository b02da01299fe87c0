// A namespace of thirty Canaries comes over from Flagger by one command; and one over a TrafficSplit, there and back while users send requests.
import { expect, it } from "vitest";
import { migratedLines, migrateMany } from "../../migrate/on-cluster.ts";
import { leaveUnderLoad, migrateUnderLoad } from "../../migrate/under-load.ts";
import { startArena } from "../../safety/arena.ts";

it("takes thirty, four at a time, and says how far it is", async () => {
  const arena = await startArena();
  try {
    const { code, lines, names, left } = await migrateMany(arena.cluster, "thirty", 30);
    expect({ code, lines: lines.map((line) => line.replace(/shop-\d\d/, "NAME")) }).toEqual({
      code: 0,
      lines: migratedLines(30),
    });
    expect(left).toEqual(names);
  } finally {
    await arena.stop();
  }
});

it("takes one over a TrafficSplit over and gives it back without a failed request", async () => {
  const scenario = await leaveUnderLoad("migrate-split", "linkerd");
  try {
    const noneFailed = { failed: 0, failures: [] };
    expect(await migrateUnderLoad(scenario)).toEqual(noneFailed);
    await scenario.phase("Initialized");
    expect(await scenario.weight()).toBe(0);
    expect(await migrateUnderLoad(scenario, "--back")).toEqual(noneFailed);
    expect(await scenario.status()).toEqual({});
  } finally {
    await scenario.end();
  }
});
