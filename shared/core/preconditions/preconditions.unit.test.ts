/** Each precondition broken once on objects that are sound otherwise, as controller, admission and doctor hand them in. */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { aDeployment, aSpec } from "../../../test/builders.ts";
import type { MetricTemplate } from "../queries/query-template.ts";
import { createQueryReader } from "../../promql.ts";
import type { Canary, CanarySpec, GatewayRef } from "../objects/canary.ts";
import { label } from "../objects/names.ts";
import { httpRoute, trafficSplit, type RouteObject, type Router } from "../routes/routes.ts";
import { alertRules } from "./alerts.ts";
import type { Level, SeenObjects } from "./finding.ts";
import { policyRules } from "./policy.ts";
import { configRules } from "./configs.ts";
import { selectingRules } from "./selecting.ts";
import { cureText, type PreconditionCode, preconditionCodes, unmetPreconditions } from "./preconditions.ts";

const canary = (spec: Partial<Canary["spec"]> = {}, metadata: Canary["metadata"] = {}): Canary => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "podinfo", namespace: "test", creationTimestamp: time(10), ...metadata },
  spec: aSpec(spec),
});
const time = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const ours = { [label.canary]: "podinfo" };

function service(name: string, selector: Record<string, string>, labels: Record<string, string> = {}): V1Service {
  return { metadata: { name, namespace: "test", labels }, spec: { selector, ports: [{ port: 9898 }] } };
}

const apex = service("podinfo", { app: "podinfo" });
const headless: V1Service = { ...apex, spec: { ...apex.spec, clusterIP: "None" } };
const leaves = [
  service("podinfo-primary", { app: "podinfo" }, ours),
  service("podinfo-canary", { app: "podinfo-canary" }, ours),
];

function named(name: string, over: Partial<NonNullable<V1Deployment["spec"]>> = {}): V1Deployment {
  return { ...aDeployment(over), metadata: { ...aDeployment().metadata, name } };
}

const routeOf = (router: Router, owner = "podinfo") =>
  router.build({
    ...{ canary: owner, namespace: "test", uid: "u", apex: "podinfo", port: 9898, gatewayRefs: [], hosts: [] },
    apiVersion: `${router.group}/v1`,
  });

function sound(): SeenObjects {
  return {
    canary: canary(),
    namespace: "test",
    targetName: "podinfo",
    apexName: "podinfo",
    target: aDeployment(),
    workload: { ...named("podinfo-canary"), metadata: { name: "podinfo-canary", labels: ours } },
    primary: null,
    services: [apex, ...leaves],
    route: routeOf(trafficSplit),
    canaries: [canary()],
    flaggers: [],
    templates: new Map(),
    servedRoutes: ["TrafficSplit", "HTTPRoute"],
    provider: "auto",
    excludedNamespaces: ["kube-system"],
    allowGateways: false,
  };
}

const withParents = (gatewayRefs: GatewayRef[], over: Partial<CanarySpec> = {}): Partial<SeenObjects> => ({
  canary: canary({ provider: "gatewayapi:v1", service: { port: 9898, gatewayRefs }, ...over }),
  route: null,
});
const ownService: GatewayRef = { group: "core", kind: "Service", name: "podinfo", namespace: "test", port: 9898 };
const gateway: GatewayRef = { name: "public", namespace: "ingress" };

const asking = (metric: object): Partial<SeenObjects> => ({
  canary: canary({ analysis: { stepWeight: 10, metrics: [{ name: "errors", ...metric }] } }),
});
const template = (query: string): SeenObjects["templates"] =>
  new Map([["test/errors", { spec: { provider: { type: "prometheus" }, query } } as MetricTemplate]]);

type Row = [PreconditionCode, string, Level, Partial<SeenObjects>, string, string];
const usersRoute = httpRoute.withWeight(routeOf(httpRoute), "podinfo", 10);
const flagger = { ...named("flagger"), metadata: { name: "flagger", namespace: "mesh" } };
const wrote = (manager: string, second: number) => ({ manager, subresource: "status", time: time(second) });
const rows: Row[] = [
  [
    "other-controller",
    "Flagger writes this Canary's status",
    "obstacle",
    { canary: canary({}, { managedFields: [wrote("kubectl-canary", 20), wrote("flagger", 21)] }) },
    "the last to write its status was flagger",
    "get deploy -A -l app.kubernetes.io/name=flagger",
  ],
  [
    "apex-not-target",
    "the apex is somebody else's Service",
    "missing",
    { services: [service("podinfo", { app: "payments" }), ...leaves] },
    "selects pods with app=payments, not those of Deployment podinfo: it gets no route",
    `patch svc podinfo --type merge -p '{"spec":{"selector":{"app":"podinfo"}}}'`,
  ],
  [
    "apex-not-target",
    "the apex selects nobody",
    "missing",
    { services: [service("podinfo", {}), ...leaves] },
    "selects no pods at all",
    "patch svc podinfo",
  ],
  [
    "namespace-excluded",
    "no change is held in its namespace",
    "obstacle",
    { excludedNamespaces: ["kube-system", "test"] },
    "would go out unjudged: the webhook holds none in namespace test",
    "webhook.excludedNamespaces (kube-system and the controller's own are always excluded), or: kubectl -n test delete canary podinfo",
  ],
  [
    "namespace-not-watched",
    "the installation looks after other namespaces only",
    "obstacle",
    { watchNamespaces: ["shop", "pay"] },
    "go out unjudged: this installation of kubectl-canary looks after namespaces shop, pay only, and not after test",
    "the chart's watchNamespaces (helm upgrade), or: kubectl -n test delete canary podinfo",
  ],
  [
    "name-too-long",
    "the Canary's name fits no label",
    "obstacle",
    { canary: canary({}, { name: "c".repeat(64) }), workload: null, route: null, services: [apex] },
    "has 64 characters",
    "delete canary cccc",
  ],
  [
    "apex-headless",
    "the apex is headless",
    "missing",
    { services: [headless, ...leaves] },
    "is headless (clusterIP None)",
    "edit canary podinfo",
  ],
  [
    ...(["other-controller", "a Flagger runs somewhere", "warning", { flaggers: [flagger] }] as const),
    "Deployment flagger in mesh",
    "kubectl -n mesh scale deploy/flagger --replicas 0",
  ],
  [
    ...(["flagger-primary", "Flagger's clone is there", "obstacle", { primary: named("podinfo-primary") }] as const),
    "Bring traffic back to podinfo",
    "then: kubectl -n test delete deploy podinfo-primary",
  ],
  [
    "rival-canary",
    "an older Canary has the target",
    "obstacle",
    { canaries: [canary(), canary({}, { name: "zeta", creationTimestamp: time(9) })] },
    "Canary zeta is older",
    "delete canary podinfo",
  ],
  [
    "unsupported-field",
    "the spec asks for what is not built",
    "obstacle",
    { canary: canary({ analysis: { stepWeight: 10, mirror: true } }) },
    "analysis.mirror",
    "edit canary podinfo",
  ],
  [
    "foreign-object",
    "a leaf, the workload and the route are someone else's",
    "obstacle",
    {
      workload: named("podinfo-canary"),
      services: [apex, service("podinfo-primary", { app: "podinfo" })],
      route: routeOf(trafficSplit, "other"),
    },
    "Deployment podinfo-canary, Service podinfo-primary, TrafficSplit podinfo in test are not ours",
    "rename, or: kubectl -n test delete deploy/podinfo-canary svc/podinfo-primary trafficsplit/podinfo",
  ],
  [
    "route-broken",
    "our route has lost a leaf",
    "obstacle",
    { route: { ...routeOf(trafficSplit), spec: { backends: [] } } },
    "no longer names podinfo-primary and podinfo-canary",
    "delete trafficsplits.split.smi-spec.io podinfo",
  ],
  [
    "route-names-idle-canary",
    "an HTTPRoute of the user's names both leaves",
    "warning",
    { route: { ...usersRoute, metadata: { name: "podinfo" } } },
    "is your own and names podinfo-canary between runs too",
    "delete httproutes.gateway.networking.k8s.io podinfo",
  ],
  [
    "route-filter-ignored",
    "an HTTPRoute of the user's has a filter for which Linkerd ignores it",
    "unfit",
    {
      route: {
        ...routeOf(httpRoute),
        spec: {
          rules: [{ filters: [{ type: "URLRewrite" }], backendRefs: [{ name: "podinfo-primary" }] }],
        },
      },
    },
    "has the filter URLRewrite, which Linkerd cannot carry out: it ignores the whole route",
    "edit httproutes.gateway.networking.k8s.io podinfo",
  ],
  [
    ...(["route-kind-missing", "nothing splits traffic", "obstacle", { servedRoutes: [] }] as const),
    "Auto: this cluster serves no TrafficSplit, but this cluster does not serve HTTPRoute",
    "linkerd-smi",
  ],
  [
    "foreign-parent",
    "a Gateway, and Services elsewhere or of another group",
    "obstacle",
    withParents([ownService, gateway, { ...ownService, namespace: "shop" }, { kind: "Service", name: "x" }]),
    `names Gateway ingress/public of group ${httpRoute.group}, Service shop/podinfo of group core, Service test/x of group ${httpRoute.group}: the`,
    "routes.allowGateways, or: kubectl -n test edit canary podinfo",
  ],
  [
    ...(["target-missing", "it is not there", "missing", { target: null }] as const),
    "was not found",
    "get deployments",
  ],
  [
    "target-unfit",
    "an owner runs it",
    "unfit",
    {
      target: {
        ...aDeployment(),
        metadata: {
          name: "podinfo",
          ownerReferences: [{ apiVersion: "v1", kind: "Operator", name: "op", uid: "u", controller: true }],
        },
      },
    },
    "run by Operator op",
    "name a Deployment that nobody else writes",
  ],
  [
    "target-unfit",
    "an expression leaves its label more than one value",
    "unfit",
    { target: aDeployment({ selector: { matchExpressions: [{ key: "app", operator: "In", values: ["a", "b"] }] } }) },
    "selects its pods by app In (a, b). Canary pods",
    "create the Deployment anew",
  ],
  [
    "target-unfit",
    "its strategy is Recreate",
    "unfit",
    { target: aDeployment({ strategy: { type: "Recreate" } }) },
    "strategy Recreate",
    "edit deploy podinfo",
  ],
  [
    "port-mismatch",
    "the Service lacks the port",
    "missing",
    { canary: canary({ service: { port: 80 } }) },
    "has no port 80 (it has 9898)",
    `patch canary podinfo --type merge -p '{"spec":{"service":{"port":9898}}}'`,
  ],
  [
    "port-mismatch",
    "the Service is to be made for a port that no container has",
    "missing",
    { canary: canary({ service: { port: 80, targetPort: "web" } }), services: leaves },
    "No container of the target has a port named web",
    "edit canary podinfo",
  ],
  [
    "service-leak",
    "a Service of the user's selects canary pods too",
    "missing",
    { services: [apex, ...leaves, service("team", { team: "shop" })] },
    "Service team would also select canary pods",
    `patch svc team --type merge -p '{"spec":{"selector":{"app":"podinfo"}}}'`,
  ],
  [
    "metric-wrong-track",
    "its query names the workload in Flagger's way",
    "missing",
    { ...asking({ query: 'rate(errors{deployment="podinfo"}[1m])' }), readQuery: createQueryReader() },
    'Metric errors: its query selects stable (deployment="podinfo") and not the canary',
    "edit canary podinfo",
  ],
  [
    "metric-wrong-track",
    "its MetricTemplate names the Canary",
    "missing",
    {
      ...asking({ templateRef: { name: "errors" } }),
      templates: template('rate(errors{deployment="{{ name }}"}[1m])'),
      readQuery: createQueryReader(),
    },
    'write deployment="{{ target }}"',
    "edit metrictemplate",
  ],
  [
    "metric-both-tracks",
    "its query selects both tracks",
    "warning",
    { ...asking({ query: 'rate(errors{namespace="{{ namespace }}"}[1m])' }), readQuery: createQueryReader() },
    "measures stable and canary together",
    "edit canary podinfo",
  ],
  [
    "ignored-field",
    "a field is not carried out",
    "warning",
    { canary: canary({ service: { port: 9898, meshName: "m" } as CanarySpec["service"] & object }) },
    "spec.service.meshName is not carried out: Linkerd's routes have no such thing",
    "edit canary podinfo",
  ],
  [
    "template-missing",
    "its MetricTemplate is not there",
    "missing",
    asking({ templateRef: { name: "errors" } }),
    "MetricTemplate errors.test does not exist",
    "edit canary podinfo",
  ],
  [
    "metric-unusable",
    "its MetricTemplate cannot be rendered",
    "missing",
    { ...asking({ templateRef: { name: "errors" } }), templates: template("{{ nothing }}") },
    `"{{ nothing }}" is not understood`,
    "edit canary podinfo",
  ],
  [
    "metric-unusable",
    "its query cannot be rendered",
    "missing",
    asking({ query: "up{x={{ ingress }}}" }),
    "there is no spec.ingressRef",
    "edit canary podinfo",
  ],
];

const unlabelled = (route: RouteObject): RouteObject => ({ ...route, metadata: { name: "podinfo" } });
const bare = ({ namespace, targetName, apexName }: SeenObjects): SeenObjects => ({ namespace, targetName, apexName });

describe("preconditions", () => {
  it("are met where all is sound", () => expect(unmetPreconditions(sound())).toEqual([]));

  it("say nothing of what is not known", () => {
    expect(unmetPreconditions(bare(sound()))).toEqual([]);
    expect(unmetPreconditions({ ...bare(sound()), canary: canary() })).toEqual([]);
  });

  it.each(rows)("%s: %s", (...[code, , level, broken, what, cure]) => {
    const [found, ...others] = unmetPreconditions({ ...sound(), ...broken });
    expect(others).toEqual([]);
    expect(found).toMatchObject({ code, level, what: expect.stringContaining(what) as string });
    expect(found?.what).toMatch(/\.$/);
    expect(found?.evidence).not.toBe("");
    expect(cureText(found?.cure ?? {})).toContain(cure);
  });

  it.each<[string, Partial<SeenObjects>]>([
    ["are Flagger's for Linkerd", withParents([ownService])],
    ["are Services of the Canary's namespace", withParents([{ group: "", kind: "Service", name: "other" }])],
    ["are allowed by the chart", { ...withParents([gateway]), allowGateways: true }],
    ["may be allowed", { ...withParents([gateway]), allowGateways: undefined }],
    ["are not read, for a TrafficSplit has none", withParents([gateway], { provider: "linkerd" })],
    ["are those of the user's own route", { ...withParents([gateway]), route: unlabelled(routeOf(httpRoute)) }],
  ])("let a route be whose parents %s", (_, over) => {
    expect(unmetPreconditions({ ...sound(), ...over }).map(({ code }) => code)).not.toContain("foreign-parent");
  });

  it("have each a row here, or a test of their own", () => {
    const route = "fields-unread timeouts-dropped rules-impossible match-impossible filter-impossible".split(" ");
    const refused = ["webhook-address-refused", "metric-address-refused", "match-unreadable", "hosts-astray"];
    const astray = ["autoscaler-astray", "service-fields-unread", "threshold-is-maximum", "object-too-large"];
    const own = [...astray, ...refused, "left-to-flagger", "flagger-finalizer", "connections-undivided"];
    const files = Object.keys({ ...policyRules, ...selectingRules, ...configRules, ...alertRules });
    const elsewhere = [...files, ...own, ...route.map((code) => `route-${code}`)];
    expect([...new Set([...rows.map(([code]) => code), ...elsewhere])].sort()).toEqual([...preconditionCodes].sort());
  });

  it("name what forbids most first", () => {
    const broken = { ...sound(), target: null, flaggers: [flagger] };
    expect(unmetPreconditions(broken).map(({ code }) => code)).toEqual(["target-missing", "other-controller"]);
  });

  it("leave the older of two Canaries alone, and by name where both are of one age", () => {
    const twin = canary({}, { name: "zeta" });
    for (const other of [canary({}, { name: "zeta", creationTimestamp: time(11) }), twin])
      expect(unmetPreconditions({ ...sound(), canaries: [canary(), other] })).toEqual([]);
    const found = unmetPreconditions({ ...sound(), canary: twin, canaries: [canary()] });
    expect(found.map(({ code }) => code)).toContain("rival-canary");
  });
});
