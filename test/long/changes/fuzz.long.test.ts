// Five minutes of reviews that no API server sends, other ones each time; the seed is printed to have them again.
import { expect, it } from "vitest";
import { fuzz } from "../../admission/reviews/fuzz.ts";

it("every review is answered with its uid or refused with 4xx, and the server goes on", async () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
  process.stdout.write(`SEED=${seed}\n`);
  const { sent, answered, refused } = await fuzz(300_000, seed);
  process.stdout.write(`${sent} reviews: ${answered} answered, ${refused} refused\n`);
  expect(answered).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
