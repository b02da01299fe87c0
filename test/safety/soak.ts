/** For a given time in bad places, with one leader and with two: every invariant is looked at, and none is broken. */
import { expect } from "vitest";
import type { Arena } from "./arena.ts";
import { BadPlace } from "./faults.ts";

/** `leaders`: how many controllers lead in each of the places. */
export async function soak(arena: Arena, forMs: number, leaders: readonly number[]): Promise<void> {
  const places = await Promise.all(
    leaders.map((count, index) => BadPlace.start(arena, `bad-${index}-of-${count}`, count)),
  );
  try {
    await Promise.all(places.map((place) => place.endure(forMs)));
    report(places);
    await Promise.all(places.map((place) => place.settle()));
  } finally {
    await Promise.all(places.map((place) => place.end()));
    report(places);
  }
  expect(places.flatMap(({ auditor }) => auditor.violations).join("\n")).toBe("");
}

// --- internal ---

function report(places: readonly BadPlace[]): void {
  for (const { stage, counts, auditor } of places) {
    const ends = auditor.ended.map(({ outcome }) => outcome).join(" ");
    const looked = JSON.stringify({ ...auditor.counts, broken: auditor.violations });
    process.stdout.write(`${stage.namespace}: ${JSON.stringify(counts)} ${looked} ${ends}\n`);
  }
}
