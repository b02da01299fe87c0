// Whatever selects stable's pods by the label that tells tracks apart: one row a kind.
import { describe, expect, it } from "vitest";
import { aDeployment, aSpec } from "../../../test/builders.ts";
import type { NetworkPeer, NetworkPolicy } from "../selectors/network-policy.ts";
import type { SeenObjects, SelectingObjects } from "./finding.ts";
import { cureText, unmetPreconditions } from "./preconditions.ts";

const namespace = "test";
const stables = { matchLabels: { app: "podinfo" } };
const both = { matchLabels: { team: "shop" } };
const target = aDeployment({ template: { metadata: { labels: { app: "podinfo", team: "shop" } } } });
const apex = {
  metadata: { name: "podinfo", labels: { app: "podinfo" } },
  spec: { selector: { app: "podinfo" }, ports: [{ port: 80 }] },
};
const leaf = {
  metadata: { name: "podinfo-canary", labels: { "kubectl-canary.io/canary": "podinfo" } },
  spec: { selector: { app: "podinfo-canary" }, ports: [{ port: 80 }] },
};

function found(over: Partial<SeenObjects>, accepted?: string) {
  const annotations = accepted === undefined ? {} : { "kubectl-canary.io/accepted-policies": accepted };
  const metadata = { name: "podinfo", annotations };
  const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata, spec: aSpec() } as const;
  const seen = { canary, namespace, targetName: "podinfo", apexName: "podinfo", target, services: [apex, leaf] };
  return unmetPreconditions({ ...seen, ...over }).filter(({ code }) => code.endsWith("-canary"));
}

const given = (selecting: SelectingObjects, accepted?: string) => found({ selecting }, accepted);
const metadata = (name: string) => ({ name, namespace });
const policy = (name: string, spec: NetworkPolicy["spec"]): NetworkPolicy => ({
  metadata: metadata(name),
  ...(spec ? { spec } : {}),
});
const from = (...peers: NetworkPeer[]) => [{ from: peers }];
const callers = policy("callers", { podSelector: stables, ingress: from({ podSelector: {} }) });
const denyAll = policy("deny-all", { podSelector: {}, policyTypes: ["Ingress"] });

describe("a NetworkPolicy that selects stable's pods by the label that tells tracks apart", () => {
  it("shuts the canary off beside a default deny, and no run starts", () => {
    const [finding, ...others] = given({ networkPolicies: [denyAll, callers] });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      code: "network-policy-shuts-canary",
      level: "missing",
      what: "NetworkPolicy deny-all would shut the canary off: NetworkPolicy callers, which lets callers in at stable's pods, selects by app=podinfo, which the canary's pods do not carry. No run starts.",
      evidence:
        "NetworkPolicy callers (ingress) selects app=podinfo; NetworkPolicy deny-all selects every pod; the canary's pods carry app=podinfo-canary, team=shop",
    });
    expect(cureText(finding?.cure ?? {})).toBe(
      `let NetworkPolicy callers select both (or, where it is meant so, kubectl -n test annotate canaries.flagger.app podinfo --overwrite kubectl-canary.io/accepted-policies=networkpolicy/callers): kubectl -n test patch networkpolicies.networking.k8s.io callers --type merge -p '{"spec":{"podSelector":{"matchLabels":{"app":null},"matchExpressions":[{"key":"app","operator":"In","values":["podinfo","podinfo-canary"]}]}}}'`,
    );
  });

  it("shuts what the canary may call off, where a default deny is about that", () => {
    const deny = policy("deny-out", { podSelector: {}, policyTypes: ["Egress"] });
    const database = policy("database", { podSelector: stables, policyTypes: ["Egress"], egress: [{ to: [] }] });
    expect(given({ networkPolicies: [deny, database] })).toMatchObject([
      {
        code: "network-policy-shuts-canary",
        what: "NetworkPolicy deny-out would shut the canary off: NetworkPolicy database, which lets requests out of stable's pods, selects by app=podinfo, which the canary's pods do not carry. No run starts.",
      },
    ]);
  });

  it("leaves the canary open where nothing else bounds it, and no run starts", () =>
    expect(given({ networkPolicies: [callers] })).toMatchObject([
      {
        code: "network-policy-opens-canary",
        level: "missing",
        what: "NetworkPolicy callers guards stable's pods and not the canary's: it selects by app=podinfo, which the canary's pods do not carry, and no NetworkPolicy bounds who reaches them. No run starts.",
      },
    ]));

  it("is no matter where the canary has one that says the same, or all are let in", () => {
    const own = policy("canary-callers", {
      podSelector: { matchLabels: { app: "podinfo-canary" } },
      ingress: from({ podSelector: {} }),
    });
    expect(given({ networkPolicies: [denyAll, callers, own] })).toEqual([]);
    const open = policy("open", { podSelector: both, ingress: [{}] });
    expect(given({ networkPolicies: [denyAll, callers, open] })).toEqual([]);
  });

  it("guards nothing where it lets everybody in", () => {
    const free = policy("free", { podSelector: stables, ingress: [{}] });
    expect(given({ networkPolicies: [free] })).toEqual([]);
    expect(given({ networkPolicies: [free, callers] })).toEqual([]);
    expect(given({ networkPolicies: [free, denyAll] })).toMatchObject([{ code: "network-policy-shuts-canary" }]);
  });

  it("is no matter where it selects both", () =>
    expect(given({ networkPolicies: [denyAll, { ...callers, spec: { ...callers.spec, podSelector: both } }] })).toEqual(
      [],
    ));

  it("is no matter where the Canary says that it is meant so, object by object", () => {
    const networkPolicies = [denyAll, callers];
    expect(given({ networkPolicies }, "servicemonitor/x, networkpolicy/callers")).toEqual([]);
    const [other] = given({ networkPolicies }, "networkpolicy/others");
    expect(cureText(other?.cure ?? {})).toContain("accepted-policies=networkpolicy/others,networkpolicy/callers)");
  });
});

describe("what selects by a label that the next version changes", () => {
  const next = aDeployment({ template: { metadata: { labels: { app: "podinfo", tier: "api" } } } });
  const changing = (selecting: SelectingObjects) =>
    found({ selecting, target: next, stableLabels: { app: "podinfo", tier: "web" } });
  const byTier = (tier: string) => ({ matchLabels: { tier } });
  const web = policy("web", { podSelector: byTier("web"), ingress: from({ podSelector: {} }) });

  it("is known before its run starts, though its template is in the target already", () => {
    expect(changing({ networkPolicies: [denyAll, web] })).toMatchObject([
      {
        code: "network-policy-shuts-canary",
        level: "missing",
        what: "NetworkPolicy deny-all would shut the canary off: NetworkPolicy web, which lets callers in at stable's pods, selects by tier=web, which the canary's pods do not carry. No run starts.",
      },
    ]);
    const [open] = changing({ networkPolicies: [web] });
    expect(open).toMatchObject({ code: "network-policy-opens-canary" });
    expect(cureText(open?.cure ?? {})).toContain('"values":["web","api"]');
    const metadata = { name: "web", namespace };
    expect(changing({ budgets: [{ metadata, spec: { selector: byTier("web") } }] })).toMatchObject([
      { code: "budget-misses-canary", level: "warning" },
    ]);
  });

  it("may shut off the next version alone", () => {
    const quarantine = policy("api", { podSelector: byTier("api"), policyTypes: ["Ingress"] });
    expect(changing({ networkPolicies: [quarantine] })).toMatchObject([
      {
        code: "network-policy-shuts-canary",
        what: "NetworkPolicy api would shut the canary off: it selects the canary's pods by tier=api and not stable's, and lets nobody in. No run starts.",
        cure: { run: "kubectl -n test edit networkpolicies.networking.k8s.io api" },
      },
    ]);
    const open = policy("callers", { podSelector: byTier("api"), ingress: from({ podSelector: {} }) });
    expect(changing({ networkPolicies: [open] })).toEqual([]);
  });

  it("is no matter where it selects both by what stays", () =>
    expect(changing({ networkPolicies: [{ ...web, spec: { ...web.spec, podSelector: {} } }] })).toEqual([]));
});

describe("a NetworkPolicy that names stable's pods as peers", () => {
  const database = (peer: NetworkPeer, more: object = {}) =>
    policy("database", { podSelector: { matchLabels: { app: "db" } }, ingress: from(peer), ...more });

  it("keeps the canary from what stable calls", () =>
    expect(given({ networkPolicies: [database({ podSelector: stables })] })).toMatchObject([
      {
        code: "network-policy-shuts-canary",
        what: "NetworkPolicy database would shut the canary off from the pods that it is about (app=db): it lets stable's in by app=podinfo, which the canary's pods do not carry. No run starts.",
        cure: { run: "kubectl -n test edit networkpolicies.networking.k8s.io database" },
      },
    ]));

  it("keeps callers from the canary", () => {
    const to = policy("frontend", {
      podSelector: { matchLabels: { app: "frontend" } },
      policyTypes: ["Egress"],
      egress: [{ to: [{ podSelector: stables }] }],
    });
    expect(given({ networkPolicies: [to] })).toMatchObject([
      { what: expect.stringContaining("(app=frontend): it lets them out to stable's by app=podinfo") as string },
    ]);
  });

  it.each<[string, NetworkPolicy[]]>([
    ["of another namespace", [database({ podSelector: stables, namespaceSelector: { matchLabels: { team: "x" } } })]],
    ["by addresses", [database({ ipBlock: { cidr: "10.0.0.0/8" } })]],
    ["by a label that both carry", [database({ podSelector: both })]],
    [
      "beside another that names the canary's",
      [
        database({ podSelector: stables }),
        policy("database-canary", {
          podSelector: { matchLabels: { app: "db" } },
          ingress: from({ podSelector: { matchLabels: { app: "podinfo-canary" } } }),
        }),
      ],
    ],
  ])("is no matter %s", (_which, networkPolicies) => expect(given({ networkPolicies })).toEqual([]));

  it("is told of this namespace by its name", () => {
    const here = { matchLabels: { "kubernetes.io/metadata.name": namespace } };
    expect(given({ networkPolicies: [database({ podSelector: stables, namespaceSelector: here })] })).toHaveLength(1);
  });
});

describe("a PodDisruptionBudget", () => {
  const budget = (spec: object) => given({ budgets: [{ metadata: metadata("podinfo"), spec }] });

  it("of stable's pods alone is a warning, with a budget for the canary as its cure", () => {
    const [finding] = budget({ selector: stables, maxUnavailable: "25%" });
    expect(finding).toMatchObject({
      code: "budget-misses-canary",
      level: "warning",
      what: "PodDisruptionBudget podinfo does not protect the canary's pods: it selects by app=podinfo, which the canary's pods do not carry. A node that is drained may take all of them at once.",
    });
    expect(cureText(finding?.cure ?? {})).toBe(
      "give the canary's pods a budget of their own: kubectl -n test create poddisruptionbudget podinfo-canary --selector=app=podinfo-canary --max-unavailable=25%",
    );
  });

  it("is asked about the label that the Service selects by, of several", () => {
    const labels = { app: "podinfo", name: "shop" };
    const seen = {
      target: aDeployment({ selector: { matchLabels: labels }, template: { metadata: { labels } } }),
      services: [{ ...apex, spec: { ...apex.spec, selector: { name: "shop" } } }],
    };
    const of = (matchLabels: object) =>
      found({
        ...seen,
        selecting: { budgets: [{ metadata: metadata("podinfo"), spec: { selector: { matchLabels } } }] },
      } as never);
    expect(of({ app: "podinfo" })).toEqual([]);
    const [missed] = of({ name: "shop" });
    expect(cureText(missed?.cure ?? {})).toContain("--selector=name=shop-canary");
  });

  it("of both, of others, or of nobody, is not", () =>
    expect(
      [budget({ selector: both }), budget({ selector: { matchLabels: { app: "x" } } }), budget({})].flat(),
    ).toEqual([]));
});

describe("monitors of the Prometheus operator", () => {
  it("that select stable's pods alone are a warning", () => {
    const [finding] = given({ podMonitors: [{ metadata: metadata("shop"), spec: { selector: stables } }] });
    expect(finding).toMatchObject({
      code: "monitor-misses-canary",
      level: "warning",
      what: "PodMonitor shop does not scrape the canary's pods: it selects by app=podinfo, which the canary's pods do not carry. A metric of your own that it brings judges nothing.",
    });
    expect(finding?.cure.run).toContain("patch podmonitors.monitoring.coreos.com shop --type merge");
  });

  it("of whatever text, which no definition of theirs restricts, run nothing where their cure is pasted", () => {
    const values = ["podinfo", "'; $(touch x); '"];
    const selector = { matchExpressions: [{ key: "app", operator: "In", values }] };
    const [finding] = given({ podMonitors: [{ metadata: metadata("shop"), spec: { selector } }] });
    expect(finding?.cure.run).toMatch(/-p '\{.*"'\\''; \$\(touch x\); '\\''","podinfo-canary"\]\}\]\}\}\}'$/);
  });

  const service = (spec: object) => given({ serviceMonitors: [{ metadata: metadata("shop"), spec }] });

  it("that select the apex and not the canary's Service are a warning", () =>
    expect(service({ selector: stables })).toMatchObject([
      {
        code: "monitor-misses-canary",
        what: "ServiceMonitor shop does not scrape the canary's pods: it selects Services by app=podinfo, which Service podinfo-canary does not carry. A metric of your own that it brings judges nothing.",
      },
    ]));

  it("that look at pods or Services of this namespace among others are a warning, however they name it", () => {
    const spec = { selector: stables, namespaceSelector: { matchNames: [] } };
    expect(service(spec)).toHaveLength(1);
    expect(service({ ...spec, namespaceSelector: { any: true } })).toHaveLength(1);
    expect(service({ ...spec, namespaceSelector: { matchNames: ["other", namespace] } })).toHaveLength(1);
    const pods = (namespaceSelector: object) =>
      given({ podMonitors: [{ metadata: metadata("shop"), spec: { selector: stables, namespaceSelector } }] });
    expect(pods({ matchNames: [namespace] })).toHaveLength(1);
    expect(pods({ matchNames: ["other"] })).toEqual([]);
  });

  it("that are many beside many Services do not cost the product of the two", () => {
    let reads = 0;
    const services = Array.from({ length: 500 }, () => ({
      get metadata() {
        reads += 1;
        return apex.metadata;
      },
      spec: apex.spec,
    }));
    const spec = { selector: { matchLabels: { none: "x" } } };
    const serviceMonitors = Array.from({ length: 100 }, (_, n) => ({ metadata: metadata(`shop-${n}`), spec }));
    expect(found({ services, selecting: { serviceMonitors } })).toEqual([]);
    expect(reads).toBeLessThan(10_000);
  });

  it.each<[string, object]>([
    ["both Services", { selector: {} }],
    ["Services of another namespace", { selector: stables, namespaceSelector: { matchNames: ["other"] } }],
    ["other Services", { selector: { matchLabels: { app: "x" } } }],
  ])("that select %s are not", (_which, spec) => expect(service(spec)).toEqual([]));
});

describe("where another Deployment's pods go", () => {
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: stables };
  const cache = (spec: object, name = "cache") => ({
    metadata: metadata(name),
    spec: { selector: {}, template: { spec: { containers: [], ...spec } } },
  });
  const near = (rules: object[], where = "podAffinity") =>
    cache({ affinity: { [where]: { requiredDuringSchedulingIgnoredDuringExecution: rules } } });

  it.each<[string, ReturnType<typeof cache>]>([
    ["podAffinity", near([term])],
    ["podAntiAffinity", near([term], "podAntiAffinity")],
    [
      "podAffinity",
      cache({
        affinity: {
          podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
        },
      }),
    ],
    ["topologySpreadConstraints", cache({ topologySpreadConstraints: [{ ...term, maxSkew: 1 }] })],
  ])("by %s that looks at stable's alone is a warning", (where, other) =>
    expect(found({ deployments: [target, other] })).toMatchObject([
      {
        code: "affinity-misses-canary",
        level: "warning",
        what: `Deployment cache places its pods by where stable's are, and not by where the canary's are: ${where} selects by app=podinfo, which the canary's pods do not carry.`,
      },
    ]),
  );

  it("is found by a selector of namespaces too, as far as their names tell", () => {
    const by = (namespaceSelector: object) => found({ deployments: [near([{ ...term, namespaceSelector }])] });
    expect(by({})).toHaveLength(1);
    expect(by({ matchLabels: { "kubernetes.io/metadata.name": namespace } })).toHaveLength(1);
    expect(by({ matchLabels: { "kubernetes.io/metadata.name": "other" } })).toEqual([]);
  });

  it("is its own matter by other labels, in other namespaces, or for the target itself, whose rules the canary has as its own", () =>
    expect(
      found({
        deployments: [
          near([{ ...term, labelSelector: both }]),
          near([{ ...term, namespaces: ["other"] }]),
          cache({ topologySpreadConstraints: [{ ...term, maxSkew: 1 }] }, "podinfo"),
        ],
      }),
    ).toEqual([]));
});

it("says of many the first five, and nothing of what is not known", () => {
  const many = Array.from({ length: 40 }, (_, index) => policy(`p${index}`, callers.spec));
  expect(given({ networkPolicies: many })).toHaveLength(5);
  expect(given({})).toEqual([]);
  expect(found({ target: null, selecting: { networkPolicies: many } })).toEqual([]);
});
