/**
 * Each field of the Canary's schema is read by the code that carries it out, refuses it or is said to be ignored: a spec that
 * notes what is looked at goes through admission and through the controller, at several moments of a run.
 */
import { describe, expect, it } from "vitest";
import type { Canary, CanarySpec } from "../shared/core/objects/canary.ts";
import { resource } from "../shared/kube/resources.ts";
import { fieldTable } from "../shared/core/spec/field-table.ts";
import { mutateCanary, validateCanary } from "../webhook/admission/canaries.ts";
import { aReplica } from "./a-replica.ts";
import { everythingMade, givenCanary, givenReplicaSet, givenTarget } from "./given-objects.ts";
import { noting, type Noted } from "./noting.ts";
import type { Given } from "./recording-cluster.ts";
import type { Stored } from "../shared/kube/store.ts";

const group = { apiVersion: "v1", kind: "Thing", name: "thing" };
const labels = { labels: { team: "a" }, annotations: { team: "a" } };
const noneMade: Given = [
  { of: resource.deployments, object: givenTarget() },
  { of: resource.replicaSets, object: givenReplicaSet() },
];

const named: Given = [
  {
    of: resource.metricTemplates,
    object: {
      metadata: { name: "errors", namespace: "test", uid: "uid-20" },
      spec: { provider: { type: "prometheus" }, query: "vector(0)" },
    } as Stored,
  },
];

const steps = { stepWeight: 10, maxWeight: 50 };
const analysis = {
  interval: "10s",
  threshold: 5,
  stepWeightPromotion: 50,
  pauses: [{ weight: 10, duration: "1m" }],
  rollbackWindow: { versions: 3, duration: "24h" },
  keepFailedCanary: "10m",
  primaryReadyThreshold: 100,
  canaryReadyThreshold: 100,
  canaryReplicas: 3,
  metrics: [
    { name: "request-success-rate", interval: "1m", threshold: 99, thresholdRange: { min: 99, max: 100 } },
    { name: "own", query: "vector({{ variables.one }})", thresholdRange: { max: 1 }, templateVariables: { one: "1" } },
    { name: "request-duration", threshold: 500, failureLimit: 2 },
    { name: "shared", dryRun: true, templateRef: { name: "errors", namespace: "test" }, thresholdRange: { max: 1 } },
  ],
  requests: "counted",
  minRequests: 10,
  warmup: "5s",
  noEvidence: { policy: "hold", deadline: "5m" },
  cannotAsk: { deadline: "5m" },
  comparison: {
    ...{ mode: "withinLimits", alpha: 0.01, marginPercent: 1 },
    ...{ clientErrors: "hold", clientErrorsMarginPercent: 5 },
  },
  alerts: [{ name: "team", severity: "warn", providerRef: { name: "slack", namespace: "test" } }],
  webhooks: [
    {
      ...{ name: "gate", type: "confirm-rollout", url: "http://gate.test/", timeout: "5s", retries: 1 },
      ...{ disableTLS: false, muteAlert: true, metadata: { key: "value" } },
    },
  ],
} as const;

const spec = {
  provider: "gatewayapi:v1",
  metricsServer: "http://prometheus.test:9090",
  progressDeadlineSeconds: 60,
  targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
  autoscalerRef: {
    ...{
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      name: "podinfo",
      primaryScalerQueries: { q: "1" },
    },
    primaryScalerReplicas: { minReplicas: 2, maxReplicas: 4 },
  },
  ingressRef: group,
  routeRef: group,
  upstreamRef: { ...group, namespace: "test" },
  service: {
    ...{
      name: "podinfo",
      port: 9898,
      portName: "own-port",
      appProtocol: "own-protocol",
      targetPort: 9899,
      trafficDistribution: "PreferClose",
    },
    ...{ portDiscovery: true, timeout: "5s", backendTimeout: "5s", hosts: ["own.test", "podinfo"] },
    gatewayRefs: [
      { group: "core", kind: "Service", name: "podinfo", namespace: "test", sectionName: "own-section", port: 19898 },
    ],
    ...{ apex: labels, primary: labels, canary: labels },
    unmanagedMetadata: { labels: ["team"], annotations: ["team"] },
    match: [{ uri: { prefix: "/" } }],
    ...{ headers: { request: { add: { a: "b" } } }, corsPolicy: { allowMethods: ["GET"] } },
    ...{ trafficPolicy: { tls: {} }, retries: { attempts: 3 }, gateways: ["mesh"], backends: ["other"] },
    ...{ meshName: "mesh", delegation: true },
  },
  skipAnalysis: false,
  revertOnDeletion: true,
  suspend: false,
  analysis: { ...analysis, ...steps },
};

/** What cannot stand beside the rest, or changes what is looked at. */
const variants: object[] = [
  spec,
  { ...spec, provider: "linkerd" },
  { ...spec, service: { ...spec.service, headless: true } },
  { ...spec, service: { ...spec.service, rewrite: { uri: "/" }, mirror: [{ backendRef: { name: "other" } }] } },
  { ...spec, analysis: { ...analysis, stepWeights: [10, 50], iterations: undefined } },
  { ...spec, analysis: { ...analysis, pauses: [], iterations: 3, match: matches() } },
  { ...spec, analysis: { ...analysis, pauses: [], iterations: 3, mirror: true, mirrorWeight: 50 } },
  { ...spec, analysis: { ...analysis, ...steps, preview: { header: { name: "x-canary", value: "mine" } } } },
  { ...spec, analysis: { ...analysis, ...steps, sessionAffinity: affinity() } },
];

function matches(): object[] {
  return [{ headers: { a: { exact: "b" } }, queryParams: { a: { exact: "b" } }, sourceLabels: { app: "x" } }];
}

function affinity(): object {
  return {
    ...{ cookieName: "canary", primaryCookieName: "primary", domain: "a.test", httpOnly: true, maxAge: 60 },
    ...{ partitioned: true, path: "/", sameSite: "Strict", secure: true },
  };
}

const noted: Noted = { read: new Set() };
const written: string[] = [];

async function lookAt(given: object): Promise<void> {
  const canary = (): Canary => ({ ...givenCanary(), spec: noting(given, "spec", noted) as unknown as CanarySpec });
  const request = {
    ...{ uid: "1", operation: "CREATE", object: canary() as unknown as Record<string, unknown> },
    userInfo: { username: "alice" },
  } as unknown as Parameters<typeof mutateCanary>[0];
  mutateCanary(request, { ownAccounts: [] });
  validateCanary(request, { ownAccounts: [], allowGateways: false, hookAddresses: [] });
  for (const world of [noneMade, everythingMade()]) {
    const { cluster, look } = await aReplica({ given: [...world, ...named], allowGateways: true });
    await look(canary());
    const others = cluster.writes.filter(({ kind }) => kind !== "Canary" && kind !== "Event");
    written.push(JSON.stringify(others));
  }
}

for (const variant of variants) await lookAt(variant);

/** What goes into an object as it is, by no name of ours. */
const handedOn: Record<string, string> = {
  "spec.service.portName": '"name":"own-port"',
  "spec.service.appProtocol": '"appProtocol":"own-protocol"',
  "spec.service.hosts[]": '"hostnames":["own.test","podinfo"]',
  "spec.service.gatewayRefs[].sectionName": '"sectionName":"own-section"',
  "spec.service.gatewayRefs[].port": '"port":19898',
};

/** Of these lists it matters whether anything is in them, and not what. */
const wholeLists: Record<string, string> = { "spec.service.mirror[]": "spec.service.mirror" };

const isCarriedOut = (path: string): boolean =>
  noted.read.has(wholeLists[path] ?? path) || written.some((writes) => writes.includes(handedOn[path] ?? `no ${path}`));

/** Of an object that the schema leaves open, some key. */
const isReadBelow = (path: string): boolean => [...noted.read].some((read) => read.startsWith(`${path}.`));

const all = Object.entries(fieldTable);

describe("a field of the Canary", () => {
  it.each(all.filter(([, { how }]) => how === "read"))("%s is read by the code that carries it out", (path) => {
    expect(isCarriedOut(path) || isReadBelow(path)).toBe(true);
  });

  it.each(all.filter(([, { how }]) => how === "ignored"))("%s is read by no code, and said to be ignored", (path) => {
    // The items of a list are gone through to see whether there are any.
    expect(isCarriedOut(path.replace(/\[\]$/, ""))).toBe(false);
  });

  it("that goes with another goes with one that is read or said to be ignored", () => {
    for (const [path, treatment] of all) {
      if (treatment.how !== "part of") continue;
      const whole = fieldTable[treatment.whole]?.how ?? (noted.read.has(treatment.whole) ? "read" : "unread");
      expect([path, whole]).toEqual([path, expect.stringMatching(/^(read|ignored)$/)]);
    }
  });
});
