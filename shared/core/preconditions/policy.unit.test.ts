import { describe, expect, it } from "vitest";
import { aDeployment, aSpec } from "../../../test/builders.ts";
import { selectorText } from "../selectors/selector.ts";
import { guardOf, type PolicyObjects, type PolicyServer } from "../objects/inbound-policy.ts";
import { explainedDenial } from "../analysis/denial.ts";
import { trackGuards } from "../objects/track-guards.ts";
import type { SeenObjects } from "./finding.ts";
import { cureText, unmetPreconditions } from "./preconditions.ts";

const namespace = "test";

function server(name: string, podSelector: PolicyServer["spec"]["podSelector"], more: object = {}): PolicyServer {
  return { metadata: { name, namespace }, spec: { ...(podSelector ? { podSelector } : {}), port: "http", ...more } };
}

const stables = server("shop", { matchLabels: { app: "podinfo" } });
const callers = {
  metadata: { name: "shop-callers", namespace },
  spec: { targetRef: { kind: "Server", name: "shop" } },
};
const ofNamespace = {
  metadata: { name: "all", namespace },
  spec: { targetRef: { kind: "Namespace", name: namespace } },
};

function policies(over: Partial<PolicyObjects> = {}): PolicyObjects {
  return { servers: [stables], authorizations: [callers], serverAuthorizations: [], defaultPolicy: "deny", ...over };
}

const container = { name: "podinfod", image: "podinfo", ports: [{ name: "http", containerPort: 9898 }] };
const target = aDeployment({
  template: {
    metadata: { labels: { app: "podinfo", team: "shop" } },
    spec: { containers: [container] },
  },
});
const apex = {
  metadata: { name: "podinfo" },
  spec: { selector: { app: "podinfo" }, ports: [{ port: 80, targetPort: "http" }] },
};

function seen(over: Partial<SeenObjects> = {}): SeenObjects {
  return {
    canary: {
      apiVersion: "flagger.app/v1beta1",
      kind: "Canary",
      metadata: { name: "podinfo" },
      spec: aSpec({ service: { port: 80 } }),
    },
    ...{ namespace, targetName: "podinfo", apexName: "podinfo", target, services: [apex], policies: policies() },
    ...over,
  };
}

const found = (over: Partial<SeenObjects> = {}) =>
  unmetPreconditions(seen(over)).filter(({ code }) => code.startsWith("policy"));
const annotated = (policy: string) =>
  aDeployment({
    template: {
      metadata: {
        labels: { app: "podinfo" },
        annotations: { "config.linkerd.io/default-inbound-policy": policy },
      },
      spec: { containers: [container] },
    },
  });

describe("a Server that selects stable's pods by the label that tells tracks apart", () => {
  it("of whatever text runs nothing where its cure is pasted", () => {
    const odd = server("shop", { matchExpressions: [{ key: "app", operator: "In", values: ["podinfo", "'; id; '"] }] });
    const [finding] = found({ policies: policies({ servers: [odd] }) });
    expect(finding?.cure.run).toContain(`"'\\''; id; '\\''"`);
  });

  it("shuts the canary off where the default policy is deny, and a run does not start", () => {
    const [finding, ...others] = found();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      code: "policy-shuts-canary",
      level: "missing",
      what: "The default policy (deny) would refuse every user of the canary (403); at stable's pods Server shop lets users in by AuthorizationPolicy shop-callers, but it selects by app=podinfo, which the canary's pods do not carry. No run starts.",
      evidence:
        "stable's pods: Server shop (app=podinfo); the canary's, with app=podinfo-canary, team=shop: no Server, default policy deny",
    });
    expect(cureText(finding?.cure ?? {})).toBe(
      `let Server shop select both: kubectl -n test patch servers.policy.linkerd.io shop --type merge -p '{"spec":{"podSelector":{"matchLabels":{"app":null},"matchExpressions":[{"key":"app","operator":"In","values":["podinfo","podinfo-canary"]}]}}}'`,
    );
  });

  it("does so by an annotation of the pods, whatever the namespace's is", () => {
    expect(
      found({ policies: policies({ defaultPolicy: "all-unauthenticated" }), target: annotated("deny") }),
    ).toMatchObject([{ code: "policy-shuts-canary" }]);
    expect(found({ target: annotated("all-authenticated") })).toMatchObject([{ code: "policy-opens-canary" }]);
  });

  it("leaves the canary open where the default policy lets people in, and a run does not start", () =>
    expect(found({ policies: policies({ defaultPolicy: "all-unauthenticated" }) })).toMatchObject([
      {
        code: "policy-opens-canary",
        level: "missing",
        what: "Server shop guards stable's pods and not the canary's, for it selects by app=podinfo, which the canary's pods do not carry: whomever the default policy (all-unauthenticated) lets in reaches them. No run starts.",
      },
    ]));

  it("does neither where the Canary says that it is meant so, or where stable is as open", () => {
    const canary = seen().canary!;
    const annotations = { "kubectl-canary.io/accepted-policies": "server/shop" };
    const meant = { canary: { ...canary, metadata: { ...canary.metadata, annotations } } };
    expect(found(meant)).toEqual([]);
    expect(found({ ...meant, policies: policies({ defaultPolicy: "all-unauthenticated" }) })).toEqual([]);
    const open = { ...stables, spec: { ...stables.spec, accessPolicy: "all-unauthenticated" } };
    expect(found({ policies: policies({ servers: [open], defaultPolicy: "all-unauthenticated" }) })).toEqual([]);
  });

  it("may do either where the default policy is not known", () => {
    const { defaultPolicy: _unknown, ...rest } = policies();
    expect(found({ policies: rest })).toMatchObject([
      {
        level: "missing",
        what: expect.stringContaining("the cluster's default policy decides who reaches them") as string,
      },
    ]);
  });

  it("keeps what else it selects by in the cure", () => {
    const both = server("shop", {
      matchLabels: { team: "shop" },
      matchExpressions: [
        { key: "app", operator: "In", values: ["podinfo", "other"] },
        { key: "team", operator: "Exists" },
      ],
    });
    expect(cureText(found({ policies: policies({ servers: [both] }) })[0]?.cure ?? {})).toContain(
      `'{"spec":{"podSelector":{"matchLabels":{},"matchExpressions":[{"key":"team","operator":"Exists"},{"key":"app","operator":"In","values":["podinfo","other","podinfo-canary"]}]}}}'`,
    );
  });

  it("is edited by hand where no value would help", () => {
    const not = server("shop", { matchExpressions: [{ key: "app", operator: "NotIn", values: ["podinfo-canary"] }] });
    expect(cureText(found({ policies: policies({ servers: [not] }) })[0]?.cure ?? {})).toBe(
      "let Server shop select by labels that both versions carry: kubectl -n test edit servers.policy.linkerd.io shop",
    );
  });
});

describe("a Server that selects by a label that the next version changes", () => {
  const labels = { app: "podinfo", tier: "api" };
  const next = aDeployment({ template: { metadata: { labels }, spec: { containers: [container] } } });
  const web = policies({ servers: [server("shop", { matchLabels: { tier: "web" } })] });

  it("shuts the canary off, and its run does not start", () =>
    expect(found({ target: next, stableLabels: { app: "podinfo", tier: "web" }, policies: web })).toMatchObject([
      {
        code: "policy-shuts-canary",
        what: "The default policy (deny) would refuse every user of the canary (403); at stable's pods Server shop lets users in by AuthorizationPolicy shop-callers, but it selects by tier=web, which the canary's pods do not carry. No run starts.",
      },
    ]));
});

describe("a Server of the canary's pods alone", () => {
  const shut = server("shut", { matchLabels: { app: "podinfo-canary" } });

  it("shuts them off where nothing lets anyone in there", () =>
    expect(found({ policies: policies({ servers: [stables, shut] }) })).toMatchObject([
      {
        code: "policy-shuts-canary",
        what: "Server shut would refuse every user of the canary (403): it selects the canary's pods, and nothing lets anyone in there; at stable's pods Server shop lets users in by AuthorizationPolicy shop-callers, but it selects by app=podinfo, which the canary's pods do not carry. No run starts.",
        cure: { run: "kubectl -n test edit servers.policy.linkerd.io shut" },
      },
    ]));

  it.each<[string, Partial<PolicyObjects>]>([
    ["an AuthorizationPolicy of the namespace", { authorizations: [callers, ofNamespace] }],
    [
      "a ServerAuthorization by name",
      { serverAuthorizations: [{ metadata: { name: "old", namespace }, spec: { server: { name: "shut" } } }] },
    ],
    [
      "an AuthorizationPolicy of a route below it, perhaps",
      {
        authorizations: [
          callers,
          { metadata: { name: "r", namespace }, spec: { targetRef: { kind: "HTTPRoute", name: "r" } } },
        ],
      },
    ],
  ])("does not where somebody is let in by %s", (_by, over) =>
    expect(found({ policies: policies({ servers: [stables, shut], ...over }) })).toEqual([]),
  );

  it("does not where its own access policy lets people in", () => {
    const open = server("shut", { matchLabels: { app: "podinfo-canary" } }, { accessPolicy: "all-authenticated" });
    expect(found({ policies: policies({ servers: [stables, open] }) })).toEqual([]);
  });
});

describe("nothing is said", () => {
  it.each<[string, Partial<SeenObjects>]>([
    [
      "where both are under one Server",
      { policies: policies({ servers: [server("shop", { matchLabels: { team: "shop" } })] }) },
    ],
    [
      "where the Server is of another port",
      { policies: policies({ servers: [server("shop", { matchLabels: { app: "podinfo" } }, { port: 9797 })] }) },
    ],
    ["where stable's pods are shut as well", { policies: policies({ servers: [] }) }],
    ["where it selects no pods", { policies: policies({ servers: [server("shop", undefined)] }) }],
    ["where the cluster has no policy", { policies: undefined }],
    ["where the apex has no such port", { services: [{ ...apex, spec: { ports: [{ port: 81 }] } }] }],
  ])("%s", (_when, over) => expect(found(over)).toEqual([]));
});

describe("a refusal that the proxies counted", () => {
  const guards = trackGuards({ target, apex, port: 80 }, policies());

  it("is explained by what lets callers in at stable's pods", () =>
    expect(explainedDenial({ server: "default:deny" }, guards)).toEqual({
      ...{ server: "default:deny", stableServer: "shop" },
      ...{ authorizationPolicy: "AuthorizationPolicy shop-callers", label: "app=podinfo" },
    }));

  it("is left as it is where the Server is stable's too, or nothing is known", () => {
    expect(explainedDenial({ server: "shop" }, guards)).toEqual({ server: "shop" });
    expect(explainedDenial({ server: "shop" }, undefined)).toEqual({ server: "shop" });
  });
});

describe("a guard", () => {
  const pod = { labels: { app: "podinfo" }, annotations: {}, ports: { http: 9898 } };

  it("is the older of two Servers for one port", () => {
    const at = (name: string, second: number) => ({
      ...stables,
      metadata: { name, namespace, creationTimestamp: new Date(second * 1_000) },
    });
    expect(guardOf(pod, 9898, policies({ servers: [at("b", 2), at("a", 3)] })).server?.metadata.name).toBe("b");
    expect(guardOf(pod, 9898, policies({ servers: [at("b", 2), at("a", 2)] })).server?.metadata.name).toBe("a");
  });

  it("selects by operators as Kubernetes does", () => {
    const by = (operator: string, values?: string[]) =>
      guardOf(
        pod,
        "http",
        policies({
          servers: [server("x", { matchExpressions: [{ key: "app", operator, ...(values ? { values } : {}) }] })],
        }),
      ).server !== undefined;
    expect([by("In", ["podinfo"]), by("NotIn", ["podinfo"]), by("Exists"), by("DoesNotExist"), by("In", [])]).toEqual([
      ...[true, false, true, false, false],
    ]);
  });

  it("is told as text", () => {
    const matchExpressions = [
      { key: "tier", operator: "In", values: ["a", "b"] },
      { key: "x", operator: "Exists" },
    ];
    expect(selectorText({ matchLabels: { app: "podinfo" }, matchExpressions })).toBe(
      "app=podinfo, tier in (a, b), x Exists",
    );
    expect(selectorText({})).toBe("every pod");
  });
});
