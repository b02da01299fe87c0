/** The small pure parts of the plugin, each by what a user would notice. */
import { describe, expect, it } from "vitest";
import { viewCallers } from "../../plugin/view/callers.ts";
import { label } from "../../shared/core/objects/names.ts";
import { faultOf, missingPermission, Refusal } from "../../plugin/errors.ts";
import { parseArgument } from "../../plugin/cluster/find-canary.ts";
import { durationFlag, scopeOf } from "../../plugin/cluster/flags.ts";
import { viewController } from "../../plugin/view/controller-health.ts";
import { nearest } from "../../plugin/did-you-mean.ts";
import { distance, relative } from "../../plugin/terminal/time.ts";
import { drainCommand, type RouteObject, viewRoute } from "../../plugin/view/route.ts";
import { printable, styleOf, wrap } from "../../plugin/terminal/style.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { headlineCode } from "../../plugin/view/headline.ts";
import { viewCanary } from "../../plugin/view/canary-view.ts";
import { aLease, aPod, aRun, aSplit, ago, now, scope, seenWith, withCertificate } from "./seen.ts";

describe("an argument", () => {
  it.each(["podinfo", "canary/podinfo", "canaries/podinfo", "canaries.flagger.app/podinfo"])(
    "%s names a Canary",
    (text) => expect(parseArgument(text)).toEqual({ kind: "canary", name: "podinfo" }),
  );

  it.each(["deploy/podinfo", "deployment/podinfo", "Deployments/podinfo", "deployments.apps/podinfo"])(
    "%s names the Canary of a Deployment",
    (text) => expect(parseArgument(text)).toEqual({ kind: "deployment", name: "podinfo" }),
  );

  it("may have dots and digits", () => expect(parseArgument("1.a-b").name).toBe("1.a-b"));

  it.each(["", "-a", "a-", "a b", "a_b", "canary/", "deploy/a/b", "Ä", "\u001b[31m", "a".repeat(254)])(
    "%j is refused as a usage error",
    (text) => expect(() => parseArgument(text)).toThrow(Refusal),
  );
});

describe("names near a mistyped one", () => {
  it.each([
    ["podinof", ["podinfo", "frontend"], ["podinfo"]],
    ["podinf", ["podinfo", "podinfo-2"], ["podinfo", "podinfo-2"]],
    ["frontend", ["backend", "web"], []],
    ["ab", ["xy", "ab-c"], []],
    ["shop", ["shop-a", "shop-b", "shop-c", "shop-d"], ["shop-a", "shop-b", "shop-c"]],
  ])("%s among %j are %j", (typed, names, near) => expect(nearest(typed, names)).toEqual(near));
});

describe("a time", () => {
  it("is told from now", () => {
    expect(relative(ago(40), now)).toBe("40s ago");
    expect(relative(ago(-7), now)).toBe("in 7s");
    expect(relative(ago(0.2), now)).toBe("now");
    expect(distance(ago(190), now)).toBe("3m10s");
  });

  it("that is none is shown as it is", () => expect(relative("soon", now)).toBe("soon"));
});

describe("a style", () => {
  const utf8 = { LANG: "C.UTF-8" };
  it("has colours on a terminal only, and not when NO_COLOR or a dumb terminal forbids", () => {
    const terminal = { write: () => undefined, isTTY: true, columns: 90 };
    expect(styleOf(terminal, utf8)).toEqual({ colour: true, unicode: true, width: 90 });
    expect(styleOf(terminal, { ...utf8, NO_COLOR: "1" }).colour).toBe(false);
    expect(styleOf(terminal, { TERM: "dumb" })).toEqual({ colour: false, unicode: false, width: Infinity });
    expect(styleOf({ write: () => undefined }, utf8)).toEqual({ colour: false, unicode: true, width: Infinity });
  });

  it("wraps words under an indent, and leaves a long word whole", () => {
    expect(wrap("one two three", 9, 2)).toBe("one two\n  three");
    expect(wrap("a bbbbbbbbbbbbbbb c", 8, 1)).toBe("a\n bbbbbbbbbbbbbbb\n c");
  });

  it("lets no control character of the cluster's text reach the terminal", () => {
    expect(printable({ a: ["x\u001b[2Jy", 1, null], b: "l1\nl2" })).toEqual({ a: ["x [2Jy", 1, null], b: "l1 l2" });
  });
});

const aRoute: RouteObject = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "podinfo", namespace: "test" },
  spec: {
    rules: [
      { backendRefs: [{ name: "other", port: 80 }] },
      {
        backendRefs: [
          { name: "podinfo-primary", port: 9898, weight: 70 },
          { name: "podinfo-canary", port: 9898, weight: 30 },
        ],
      },
    ],
  },
  status: { parents: [{ conditions: [{ type: "Accepted", status: "True", reason: "Accepted" }] }] },
};

describe("a route", () => {
  it("is read by its weights, and by what the controller wrote last", () => {
    expect(viewRoute(aSplit(20), "podinfo")).toMatchObject({ canaryPercent: 20, ownPercent: 20, problem: null });
    expect(viewRoute(aSplit(5, 20), "podinfo")).toMatchObject({ canaryPercent: 5, ownPercent: 20 });
    expect(viewRoute(aRoute, "podinfo")).toMatchObject({ kind: "HTTPRoute", canaryPercent: 30, ownPercent: null });
  });

  it("of another Service has no weights of ours, and no command to drain it", () => {
    expect(viewRoute(aSplit(20), "shop")).toMatchObject({
      canaryPercent: null,
      problem: "it does not name both the primary's and the canary's Service",
    });
    expect(drainCommand(aSplit(20), "shop", " -n test")).toBeUndefined();
  });

  it("of either kind is drained by one plain kubectl command", () => {
    expect(drainCommand(aSplit(20), "podinfo", " -n test --context blue")).toBe(
      `kubectl patch trafficsplits.v1alpha2.split.smi-spec.io podinfo -n test --context blue --type merge -p '{"spec":{"backends":[{"service":"podinfo-primary","weight":100},{"service":"podinfo-canary","weight":0}]}}'`,
    );
    expect(drainCommand(aRoute, "podinfo", " -n test")).toBe(
      `kubectl patch httproutes.v1.gateway.networking.k8s.io podinfo -n test --type json -p '[{"op":"add","path":"/spec/rules/0/backendRefs/0/weight","value":1},{"op":"add","path":"/spec/rules/1/backendRefs/0/weight","value":100},{"op":"add","path":"/spec/rules/1/backendRefs/1/weight","value":0}]'`,
    );
  });

  it("of ours is drained by leaving the canary's leaf out, as the controller does", () => {
    const labels = { [label.canary]: "podinfo" };
    const ours = { ...aRoute, metadata: { ...aRoute.metadata, labels } };
    expect(drainCommand(ours, "podinfo", " -n test")).toContain(
      `{"op":"add","path":"/spec/rules/1/backendRefs","value":[{"name":"podinfo-primary","port":9898,"weight":100}]}]`,
    );
  });

  it("says why the mesh does not obey it", () => {
    const parents = [
      { conditions: [{ type: "ResolvedRefs", status: "False", reason: "BackendNotFound", message: "x" }] },
    ];
    expect(viewRoute({ ...aRoute, status: { parents } }, "podinfo").problem).toBe(
      "ResolvedRefs=False (BackendNotFound: x)",
    );
  });
});

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

describe("the images of a version", () => {
  it("are those of its init containers too, on both sides", () => {
    const seen = seenWith({ run: aRun });
    for (const deployment of [seen.target, seen.workload])
      deployment!.spec!.template.spec!.initContainers = [{ name: "migrate", image: "podinfo-migrate:1" }];
    delete seen.canary.status!.stable;
    for (const { images } of viewCanary(seen, scope, now).tracks)
      expect(images).toHaveProperty("migrate", "podinfo-migrate:1");
  });
});

describe("callers that must be restarted", () => {
  it("are known by what the controller found behind them, where their pods may not be read", () => {
    const callers = [{ namespace: "web", name: "load-gen-0", workload: "statefulset/load-gen" }];
    expect(viewCallers(callers, "")[0]?.command).toBe("kubectl -n web rollout restart statefulset/load-gen");
  });

  it("are grouped by the workload that brings their pods back", () => {
    const stateful = aPod("db-0", "db", "");
    stateful.metadata!.ownerReferences![0]!.kind = "StatefulSet";
    const callers = [
      { namespace: "test", name: "load-7d4b-x", pod: aPod("load-7d4b-x", "load-7d4b", "7d4b") },
      { namespace: "test", name: "load-7d4b-y", pod: aPod("load-7d4b-y", "load-7d4b", "7d4b") },
      { namespace: "test", name: "db-0", pod: stateful },
      { namespace: "web", name: "front-end-5f7d8c6b9-x2x4k" },
      { namespace: "web", name: "lonely", pod: { metadata: { name: "lonely" } } },
    ];
    expect(viewCallers(callers, " --context blue").map(({ pods, command }) => [pods, command])).toEqual([
      [2, "kubectl -n test rollout restart deploy/load --context blue"],
      [1, "kubectl -n test rollout restart statefulset/db --context blue"],
      [1, "kubectl -n web rollout restart deploy/front-end --context blue"],
      [1, "kubectl -n web delete pod/lonely --context blue"],
    ]);
  });
});

describe("flags", () => {
  it("take durations with a unit, or seconds", () => {
    expect(durationFlag("timeout", "2m")).toBe(120_000);
    expect(durationFlag("timeout", "30")).toBe(30_000);
    expect(() => durationFlag("timeout", "1x")).toThrow('--timeout "1x" is not a duration');
  });

  it("that choose the cluster are repeated in printed commands, quoted, but never a token", () => {
    const flags = { context: "my cluster", as: "al", "as-group": ["a", "b"], token: "secret", server: "https://h:1" };
    expect(scopeOf(flags, "test", {}).clusterFlags).toBe(
      " --context 'my cluster' --server https://h:1 --as al --as-group a --as-group b",
    );
  });

  it("say where the controller is; else the environment does", () => {
    const env = { KUBECTL_CANARY_NAMESPACE: "ops" };
    expect(scopeOf({ "controller-namespace": "x" }, "test", env).controllerNamespace).toBe("x");
    expect(scopeOf({}, "test", env).controllerNamespace).toBe("ops");
    expect(scopeOf({}, "test", {}).controllerNamespace).toBe("kubectl-canary");
  });
});

describe("a fault", () => {
  it("of permission names the verb and the resource", () => {
    const refused = (text: string): CanaryError => new CanaryError("Forbidden", text);
    const said = 'x is forbidden: User "bob" cannot patch resource "canaries" in API group "flagger.app"';
    expect(missingPermission(refused(`${said} in the namespace "test"`))).toBe(
      "needs permission to patch canaries.flagger.app in namespace test",
    );
    expect(missingPermission(refused(said))).toBe(
      "needs permission to patch canaries.flagger.app in the whole cluster",
    );
    expect(missingPermission(refused("denied by policy"))).toBe("denied by policy");
    expect(missingPermission(new Error("other"))).toBeUndefined();
  });

  it("has the exit code of its kind", () => {
    expect(faultOf(new CanaryError("NotFound", "gone")).code).toBe(7);
    expect(faultOf(new CanaryError("Usage", "what?")).code).toBe(2);
    expect(faultOf(new CanaryError("Unreachable", "nobody there")).code).toBe(1);
    expect(faultOf(new TypeError("bug"))).toEqual({ code: 1, message: "bug" });
  });
});
