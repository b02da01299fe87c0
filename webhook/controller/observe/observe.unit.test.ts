import { expect, it } from "vitest";
import { resource } from "../../../shared/kube/resources.ts";
import { aPolicy, aRunningState, start } from "../../../test/builders.ts";
import { givenApex, givenCanary, givenReplicaSet, givenTarget } from "../../../test/given-objects.ts";
import { RecordingCluster, servedRoutes, worldOf } from "../../../test/recording-cluster.ts";
import type { EvidenceRequest } from "../../evidence/types.ts";
import { objectsOf } from "../cache/canary-objects.ts";
import { observe, type ObserveDeps } from "./observe.ts";

const given = [
  { of: resource.deployments, object: givenTarget() },
  { of: resource.replicaSets, object: givenReplicaSet() },
  { of: resource.services, object: givenApex() },
];

async function observing(): Promise<{ deps: ObserveDeps; asked: EvidenceRequest[] }> {
  const cluster = new RecordingCluster(given);
  const asked: EvidenceRequest[] = [];
  const unanswered = { ok: false, askedAt: start, error: "no", code: "unreachable" } as const;
  const deps: ObserveDeps = {
    cluster,
    world: await worldOf(cluster),
    now: () => start,
    routes: servedRoutes,
    provider: "linkerd",
    templateNamespaces: [],
    excludedNamespaces: [],
    allowGateways: false,
    hookAddresses: [],
    metricServers: { own: "", allowed: [] },
    alertBounds: { providerNamespaces: [], allowedAddresses: [] },
    metricsServer: "http://prometheus:9090",
    scrapeIntervalMs: 10_000,
    evidence: {
      ask: (request) => (asked.push(request), Promise.resolve(unanswered)),
      look: () => Promise.resolve(undefined),
      staleCallers: () => Promise.resolve(undefined),
    },
  };
  return { deps, asked };
}

/** A write to anything in it throws. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

const due = aRunningState(10, { stage: "analysing", checkAt: start });

it("changes none of its arguments, nor the objects that the caches have", async () => {
  const { deps } = await observing();
  const objects = frozen(objectsOf(deps, givenCanary()));
  const seen = await observe(deps, objects, { state: frozen(due), policy: frozen(aPolicy()) });
  expect(seen).toMatchObject({ name: "podinfo", target: { replicas: 4 }, metrics: { ok: false } });
});

it("asks by the policy that it is handed, whatever the Canary's spec says meanwhile", async () => {
  const { deps, asked } = await observing();
  const metrics = [{ name: "request-duration", thresholdRange: { max: 500 } }];
  const policy = aPolicy({ minRequests: 42, warmupMs: 7_000, metrics });
  await observe(deps, objectsOf(deps, givenCanary()), { state: due, policy });
  expect(asked).toMatchObject([{ minRequests: 42, warmupMs: 7_000, metrics }]);
});

it("takes the pods themselves for who serves where the Canary has no Service, and no route for what divides", async () => {
  const { deps, asked } = await observing();
  const canary = givenCanary();
  const { service: _none, ...spec } = canary.spec;
  const worker = { ...canary, spec: { ...spec, analysis: { stepWeight: 10, requests: "none" as const } } };
  const objects = objectsOf(deps, worker);
  expect(objects).not.toHaveProperty("served");
  const seen = await observe(deps, objects, { state: due, policy: aPolicy({ countsRequests: false }) });
  expect(seen).toMatchObject({
    servicesReady: true,
    route: { weight: 10, ownWeight: 10, isAbsent: true, over: due.run?.id },
    endpoints: { primary: { ready: 4, byRevision: { "6d4f8b9c5": 4 } }, canary: { ready: 0 } },
  });
  expect(seen.endpoints.primary).not.toHaveProperty("isGone");
  expect(asked).toMatchObject([{ isUncounted: true }]);
});
