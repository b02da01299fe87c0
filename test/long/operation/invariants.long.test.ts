// Ten minutes of faults on an API server of its own: conflicts, lost requests and answers, dropped watches, a Prometheus that is away,
// controllers that die and a pair that lead together, with runs under way. I1 to I9 are looked at throughout. Shorter: SOAK_SECONDS.
import { afterAll, beforeAll, it } from "vitest";
import { startArena, type Arena } from "../../safety/arena.ts";
import { soak } from "../../safety/soak.ts";

let arena: Arena;

beforeAll(async () => {
  arena = await startArena();
});
afterAll(() => arena.stop());

it("no invariant is broken", () => soak(arena, Number(process.env["SOAK_SECONDS"] ?? 600) * 1_000, [1, 1, 2]));
