import { expect, it } from "vitest";
import { someCounts } from "../../../test/builders.ts";
import { countsSince, noCounts } from "./track-counts.ts";

const before = someCounts({ requests: 10, failures: 1, clientErrors: 2, slow: 3, denied: 4 });

it("what came since is the difference", () => {
  const now = someCounts({ requests: 20, failures: 2, clientErrors: 4, slow: 6, denied: 8 });
  const more = countsSince(before, now);
  expect(more).toEqual({ requests: 10, failures: 1, clientErrors: 2, slow: 3, denied: 4 });
});

it("nothing came where requests shrank", () =>
  expect(countsSince(before, someCounts({ requests: 9, failures: 9 }))).toEqual(noCounts));

it("no part is more than the whole, nor less than nothing", () => {
  const now = someCounts({ requests: 12, failures: 9, clientErrors: 1, slow: 4, denied: 4 });
  expect(countsSince(before, now)).toEqual({ requests: 2, failures: 2, clientErrors: 0, slow: 1, denied: 0 });
});
