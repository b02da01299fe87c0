// Ten seconds of reviews that no API server sends; five minutes of it are in test/long.
import { expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";

it("every review is answered with its uid or refused with 4xx, and the server goes on", async () => {
  const { sent, answered, refused } = await fuzz(10_000, 20_261_123);
  process.stdout.write(`${sent} reviews: ${answered} answered, ${refused} refused\n`);
  expect(answered).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
