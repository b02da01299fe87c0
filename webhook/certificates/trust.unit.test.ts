import { describe, expect, it } from "vitest";
import { decideTrust, firstHeardMs, firstTrust, heardMs, type TrustSeen, type TrustState } from "./trust.ts";

const seenAt = (now: number, over: Partial<TrustSeen> = {}): TrustSeen => ({
  now,
  trusted: new Set(["new"]),
  isAsked: true,
  signers: ["new"],
  isSpent: false,
  ...over,
});
const nobody = firstTrust(new Set());

/** Looks one after the other; the last one's decision. */
function after(looks: readonly TrustSeen[], from: TrustState = nobody): ReturnType<typeof decideTrust> {
  return looks.reduce((decided, seen) => decideTrust(decided.state, seen), {
    state: from,
    serves: false,
    problem: undefined,
  } as ReturnType<typeof decideTrust>);
}

describe("the current certificate is served", () => {
  it("when its signer has been trusted for as long as API servers take to hear of it, and not sooner", () => {
    expect(after([seenAt(0), seenAt(heardMs - 1)]).serves).toBe(false);
    expect(after([seenAt(0), seenAt(heardMs)]).serves).toBe(true);
  });

  it("at once when what is served expires, if it is trusted at all", () => {
    expect(after([seenAt(0, { isSpent: true })]).serves).toBe(true);
    expect(after([seenAt(0, { isSpent: true, trusted: new Set() })]).serves).toBe(false);
  });

  it("only when every one of its signers is trusted", () => {
    const two = { signers: ["new", "other"] };
    expect(after([seenAt(0, two), seenAt(heardMs, two)]).serves).toBe(false);
  });

  it("counted anew where the trust was taken away in between", () => {
    const gap = [seenAt(0), seenAt(1_000, { trusted: new Set() }), seenAt(2_000)];
    expect(after([...gap, seenAt(heardMs)]).serves).toBe(false);
    expect(after([...gap, seenAt(2_000 + heardMs)]).serves).toBe(true);
  });

  it("also where only the validating configuration is there", () => {
    const unasked = { isAsked: false };
    expect(after([seenAt(0, unasked), seenAt(heardMs, unasked)])).toMatchObject({
      serves: true,
      problem: expect.stringContaining("MutatingWebhookConfiguration is not there") as string,
    });
  });
});

describe("a replica is ready", () => {
  it("at once where its signer was trusted before it came", () => {
    expect(after([seenAt(0)], firstTrust(new Set(["new"]))).problem).toBeUndefined();
  });

  it("with a new signer once API servers have had a moment to hear of it", () => {
    expect(after([seenAt(0)]).problem).toBe("the API server may not have heard yet whom to trust");
    expect(after([seenAt(0), seenAt(firstHeardMs - 1)]).problem).toBeDefined();
    expect(after([seenAt(0), seenAt(firstHeardMs)]).problem).toBeUndefined();
  });

  it("and stays so while a later signer is not heard of yet", () => {
    const ready = [seenAt(0), seenAt(firstHeardMs)];
    const renewed = { signers: ["newer"], trusted: new Set(["new", "newer"]) };
    expect(after([...ready, seenAt(firstHeardMs + 1, renewed)])).toMatchObject({ serves: false, problem: undefined });
  });

  it("no more once nobody trusts what it holds", () => {
    const ready = [seenAt(0), seenAt(firstHeardMs)];
    expect(after([...ready, seenAt(2_000, { trusted: new Set() })]).problem).toBe(
      "the API server does not trust our certificate yet",
    );
  });
});

it("what is remembered of before is not changed", () => {
  const before = after([seenAt(0)]).state;
  decideTrust(before, seenAt(9_000, { trusted: new Set(["other"]) }));
  expect([...before.trustedSince]).toEqual([["new", 0]]);
});
