import { describe, expect, it } from "vitest";
import { claimed, durationMs, emptyLease, holderOf, released } from "./lease.ts";

const wall = Date.UTC(2026, 10, 23, 9, 0, 0, 123);
const claim = { identity: "me", leaseDurationMs: 15_000, wall };

describe("the Lease of the leader", () => {
  it("is made with its times in the six digits that the API server insists on", () => {
    const now = "2026-11-23T09:00:00.123000Z";
    expect(claimed(emptyLease("ours", "leader"), claim).spec).toEqual({
      holderIdentity: "me",
      leaseDurationSeconds: 15,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 1,
    });
  });

  it("keeps its acquire time and transitions on renewal, and everything in its metadata", () => {
    const mine = claimed(emptyLease("ours", "leader"), claim);
    const stored = { ...mine, metadata: { ...mine.metadata, resourceVersion: "7", labels: { a: "b" } } };
    const renewed = claimed(stored, { ...claim, wall: wall + 2_000 });
    expect(renewed.metadata).toEqual(stored.metadata);
    expect(renewed.spec).toEqual({ ...mine.spec, renewTime: "2026-11-23T09:00:02.123000Z" });
  });

  it("carries what everyone may read, and leaves what others note on it", () => {
    const lease = emptyLease("ours", "leader");
    lease.metadata.annotations = { theirs: "1", ours: "old" };
    expect(claimed(lease, { ...claim, notes: { ours: "new" } }).metadata.annotations).toEqual({
      theirs: "1",
      ours: "new",
    });
    expect(claimed(emptyLease("ours", "leader"), claim).metadata).not.toHaveProperty("annotations");
  });

  it("counts a change of holder as a transition", () => {
    const theirs = claimed(emptyLease("ours", "leader"), { ...claim, identity: "they" });
    expect(claimed(theirs, claim).spec?.leaseTransitions).toBe(2);
  });

  it("has no holder once released, and counts on", () => {
    const free = released(claimed(emptyLease("ours", "leader"), claim), wall);
    expect(holderOf(free)).toBe("");
    expect(claimed(free, { ...claim, identity: "next" }).spec?.leaseTransitions).toBe(2);
  });

  it("keeps others away for as long as its holder promised, else for their own duration", () => {
    const lease = emptyLease("ours", "leader");
    expect(durationMs({ ...lease, spec: { leaseDurationSeconds: 30 } }, 15_000)).toBe(30_000);
    expect(durationMs({ ...lease, spec: { leaseDurationSeconds: 0 } }, 15_000)).toBe(15_000);
    expect(durationMs(lease, 15_000)).toBe(15_000);
  });
});
