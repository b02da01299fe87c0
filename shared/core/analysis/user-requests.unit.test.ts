import { describe, expect, it } from "vitest";
import {
  type BothSides,
  disagreementWords,
  nobody,
  retriedOf,
  type SideCounts,
  sideWords,
  userRequests,
} from "./user-requests.ts";

const side = (over: Partial<SideCounts>): SideCounts => ({ ...nobody, ...over });
const sides = (over: Partial<BothSides>): BothSides => ({
  callers: nobody,
  pods: nobody,
  unmeshed: nobody,
  retried: 0,
  ...over,
});

describe("a request that both sides count", () => {
  it("counts once", () => {
    const same = side({ answered: 100, failed: 10, clientErrors: 5 });
    const found = userRequests(sides({ callers: same, pods: same }));
    expect(found).toEqual({
      requests: 100,
      failures: 10,
      clientErrors: 5,
      denied: 0,
      unanswered: 0,
      slow: 0,
      attempts: 100,
      side: "both",
    });
  });

  it("has failed where either side says so: pods answered 13 of 34, and 21 were cut off", () => {
    const found = userRequests(
      sides({ callers: side({ answered: 13, unanswered: 21 }), pods: side({ answered: 13 }) }),
    );
    expect(found).toMatchObject({ requests: 34, failures: 21, unanswered: 21, slow: 21 });
    expect(found.disagreement).toEqual({ kind: "cut-off", callers: 21, pods: 0 });
  });

  it("counts where one side's scrape is behind", () => {
    const found = userRequests(
      sides({ callers: side({ answered: 90, failed: 9 }), pods: side({ answered: 100, failed: 10 }) }),
    );
    expect(found).toMatchObject({ requests: 100, failures: 10 });
    expect(found.disagreement).toBeUndefined();
  });

  it("is no client error of the app's where policy refused it", () => {
    const callers = side({ answered: 40, clientErrors: 19 });
    const found = userRequests(sides({ callers, pods: side({ answered: 21, denied: 19 }) }));
    expect(found).toMatchObject({ requests: 40, failures: 0, clientErrors: 0, denied: 19 });
    expect(found.disagreement).toEqual({ kind: "refused", callers: 19, pods: 0 });
  });

  it("is refused even where the pods' own series do not say by whom", () => {
    const found = userRequests(
      sides({ callers: side({ answered: 40, clientErrors: 19 }), pods: side({ answered: 21 }) }),
    );
    expect(found).toMatchObject({ requests: 40, clientErrors: 19, denied: 0 });
    expect(found.disagreement?.kind).toBe("refused");
  });
});

describe("requests from outside the mesh", () => {
  it("are the pods' to count, beside those of meshed callers", () => {
    const meshed = side({ answered: 50, failed: 1 });
    const unmeshed = side({ answered: 30, failed: 2, unanswered: 3, denied: 4, clientErrors: 5 });
    const found = userRequests(sides({ callers: meshed, pods: meshed, unmeshed }));
    expect(found).toMatchObject({ requests: 87, failures: 6, unanswered: 3, denied: 4, clientErrors: 5 });
    expect(found.disagreement).toEqual({ kind: "unmeshed", callers: 50, pods: 87 });
  });
});

describe("the side", () => {
  it.each([
    [sides({ callers: side({ answered: 1 }) }), "callers"],
    [sides({ pods: side({ answered: 1 }) }), "pods"],
    [sides({ unmeshed: side({ answered: 1 }) }), "pods"],
    [sides({ callers: side({ unanswered: 1 }), pods: side({ answered: 1 }) }), "both"],
  ] as const)("is that which counted anything (%#)", (of, expected) => {
    expect(userRequests(of).side).toBe(expected);
    expect(sideWords(expected)).toContain("by its");
  });

  it("where callers are unknown, nothing is to disagree with", () =>
    expect(userRequests(sides({ pods: side({ answered: 1_000, failed: 500 }) })).disagreement).toBeUndefined());

  it("callers that Prometheus does not scrape are said to be missing", () => {
    const found = userRequests(sides({ callers: side({ answered: 50 }), pods: side({ answered: 500, failed: 5 }) }));
    expect(found).toMatchObject({ requests: 500, failures: 5 });
    expect(found.disagreement).toEqual({ kind: "unseen-callers", callers: 50, pods: 500 });
  });

  it.each([
    [4, 0, true],
    [3, 0, false],
    [110, 100, false],
    [124, 100, false],
    [200, 100, true],
  ])("callers' %d failures against the pods' %d are no chance: %s", (callers, pods, isSaid) => {
    const found = userRequests(
      sides({ callers: side({ answered: 1_000, failed: callers }), pods: side({ answered: 1_000, failed: pods }) }),
    );
    expect(found.disagreement !== undefined).toBe(isSaid);
  });
});

describe("an attempt that was retried", () => {
  it("is no request of its own, and no failure that a user got", () => {
    const same = side({ answered: 60, failed: 20 });
    const found = userRequests(sides({ callers: same, pods: same, retried: 15 }));
    expect(found).toMatchObject({ requests: 45, failures: 5, attempts: 60 });
  });

  it("is a track's by its part of the failed attempts", () => {
    expect(retriedOf(15, { failed: 20, ofAll: 20 })).toBe(15);
    expect(retriedOf(15, { failed: 20, ofAll: 30 })).toBe(10);
    expect(retriedOf(15, { failed: 0, ofAll: 0 })).toBe(0);
    expect(retriedOf(50, { failed: 20, ofAll: 30 })).toBe(20);
  });
});

it("parts are never more than the whole, whatever two sides claim", () => {
  const found = userRequests(
    sides({ callers: side({ answered: 10, failed: 10 }), pods: side({ answered: 10, clientErrors: 10 }) }),
  );
  expect(found).toMatchObject({ requests: 10, failures: 10, clientErrors: 0 });
});

it("each disagreement names its numbers and a likely cause", () => {
  const said = (["cut-off", "refused", "unmeshed", "unseen-callers"] as const).map((kind) =>
    disagreementWords({ kind, callers: 21.4, pods: 0 }, "podinfo-canary"),
  );
  expect(said).toMatchInlineSnapshot(`
    [
      "Callers of podinfo-canary saw 21 requests fail, its pods 0: the others were cut off or lost before they were answered. Is a timeout of the route or of the callers shorter than it takes to answer?",
      "Callers of podinfo-canary got 21 client errors, and its app gave 0: the others were refused on the way. See the Servers and AuthorizationPolicies that select its pods.",
      "Meshed callers sent 21 requests to podinfo-canary, and its pods got 0: the others came from outside the mesh, where no route is obeyed.",
      "Meshed callers that Prometheus knows sent 21 requests to podinfo-canary, and its pods got 0 from the mesh: it does not scrape every caller.",
    ]
  `);
});
