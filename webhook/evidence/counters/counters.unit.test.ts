import { expect, it } from "vitest";
import { nobody } from "../../../shared/core/analysis/user-requests.ts";
import { createCounters, keepRecent } from "./counters.ts";

const five = { ...nobody, answered: 5 };
const whole = { newCounts: true };

it("a counter that a reading lacks is known when it is back, and does not count again", () => {
  const counters = createCounters();
  expect(counters.grow("a", five, whole)).toEqual(five);
  counters.settle();
  counters.grow("b", five, whole);
  counters.settle();
  expect(counters.grow("a", five, whole)).toEqual(nobody);
});

it("names without end are forgotten: a Prometheus that a tenant names may make up others each time", () => {
  const counters = createCounters();
  counters.grow("first", five, whole);
  for (let reading = 0; reading < 4; reading++) {
    for (let n = 0; n < 1_000; n++) counters.grow(`${reading} ${n}`, five, whole);
    counters.settle();
  }
  expect(counters.grow("first", five, whole)).toEqual(five);
  expect(counters.grow("3 0", five, whole)).toEqual(nobody);
});

it("of a map those written last are kept", () => {
  const map = new Map(Array.from({ length: 3_000 }, (_, n) => [`${n}`, n]));
  keepRecent(map, 1);
  expect([map.size, map.has("0"), map.has("2999")]).toEqual([200, false, true]);
});
