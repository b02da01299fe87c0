// Twenty promotions over an HTTPRoute, each after six minutes without a canary: no request is lost to any of them.
import { expect, it } from "vitest";
import { promoteRested } from "../../e2e/judging/rested.ts";

// Five at once saturate two cores, and then it is the machine that leaves requests unanswered.
it("twenty promotions, two side by side, fail no request", async () => {
  const namespaces = ["a", "b"].map((team) => `rested-${team}`);
  const seen = await Promise.all(namespaces.map((namespace) => promoteRested(namespace, 10)));
  const requests = seen.reduce((sum, counts) => sum + counts.requests, 0);
  process.stdout.write(`20 promotions: ${requests} requests\n`);
  expect(seen.flatMap(({ failures }) => failures)).toEqual([]);
  expect(seen.map(({ byVersion }) => (byVersion["1.7.1"] ?? 0) > 0)).toEqual(namespaces.map(() => true));
});
