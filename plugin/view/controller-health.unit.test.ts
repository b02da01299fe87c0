import { describe, expect, it } from "vitest";
import { viewController } from "./controller-health.ts";
import { headlineCode } from "./headline.ts";
import { viewCanary } from "./canary-view.ts";
import { aLease, aRun, now, scope, seenWith, withCertificate } from "../../test/plugin/fixtures/seen.ts";

describe("the controller", () => {
  it("is alive while its Lease runs, and 5s longer", () => {
    expect(viewController(aLease(2), now).state).toBe("alive");
    expect(viewController(aLease(20), now).state).toBe("alive");
    expect(viewController(aLease(21), now)).toMatchObject({ state: "silent", silentSeconds: 21 });
  });

  it("is unknown where the Lease may not be read, and missing where there is none", () => {
    expect(viewController(undefined, now).state).toBe("unknown");
    expect(viewController(null, now)).toMatchObject({ state: "missing", silentSeconds: null });
  });

  it("that is missing is not well, for people and for scripts", () => {
    const view = viewCanary(seenWith({ run: aRun }, { lease: null }), scope, now);
    expect(view.verdict.level).toBe("bad");
    expect(view.verdict.text).toMatch(/^controller missing, nobody/);
    expect(headlineCode(view)).toBe(1);
  });

  it("that looks after other namespaces only is not well either, and says so first", () => {
    const lease = aLease(2);
    const annotations = { "kubectl-canary.io/watch-namespaces": "shop,pay" };
    const outside = { ...lease, metadata: { ...lease.metadata, annotations } };
    const view = viewCanary(seenWith({}, { lease: outside }), scope, now);
    expect(view.verdict.text).toMatch(/looks after other namespaces only \(watchNamespaces\), and not after test/);
    expect(headlineCode(view)).toBe(1);
    const inside = { ...outside, metadata: { annotations: { "kubectl-canary.io/watch-namespaces": "shop,test" } } };
    expect(headlineCode(viewCanary(seenWith({}, { lease: inside }), scope, now))).toBe(0);
  });

  it("tells the days that its webhook's certificate has, and warns when nobody renews it", () => {
    const fresh = seenWith({}, { lease: withCertificate(aLease(2), 89) });
    expect(viewCanary(fresh, scope, now)).toMatchObject({
      controller: { certificate: { issuer: "own", daysLeft: 89, overdue: false } },
      warnings: [],
    });
    const late = seenWith({}, { lease: withCertificate(aLease(2), 1, "cert-manager") });
    expect(viewCanary(late, scope, now).warnings).toEqual([
      "The webhook's certificate was to be renewed by cert-manager before 2026-10-26T03:00:00.000Z, and was not: in 1 day it expires, and the API server can no longer ask the webhook. See kubectl canary doctor.",
    ]);
    expect(viewCanary(seenWith({}, { lease: withCertificate(aLease(2), -1) }), scope, now).warnings).toEqual([
      expect.stringContaining("it expired at 2026-11-22T03:00:00.000Z"),
    ]);
    expect(viewController(aLease(2), now).certificate).toBeNull();
  });
});
