// A namespace of thirty Canaries comes over from Flagger by one command.
import { expect, it } from "vitest";
import { migratedLines, migrateMany } from "../../migrate/on-cluster.ts";
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
