/** Faults of a run, each as facts: pods that do not run, numbers that are none, users who do not reach the canary. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { V1ContainerStatus } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import type { CanaryStatus } from "../../../shared/core/objects/canary-status.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { judge, type Measurement } from "../../../shared/core/analysis/verdict.ts";
import { httpRoute } from "../../../shared/core/routes/routes.ts";
import { createPrometheus } from "../../../shared/prometheus.ts";
import { checkCodeOf } from "../../../shared/prometheus-error.ts";
import { diagnose } from "./diagnose.ts";
import {
  aMeshedPod,
  aProfile,
  type Break,
  type Case,
  expectOnly,
  soundFacts,
  withStatus,
} from "../../../test/plugin/fixtures/doctor-facts.ts";
import { aCanary, aCheck, ago, aRun, now, silentTracks } from "../../../test/plugin/fixtures/seen.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

/** A canary pod whose container is in this state. */
const withContainer =
  (more: Partial<V1ContainerStatus>): Break =>
  () => {
    const pod = aMeshedPod("podinfo-canary-7c9d-bcdfg", "podinfo-canary");
    Object.assign(pod.status!.containerStatuses![0]!, { ready: false, ...more });
    return { pods: [pod] };
  };

const unmeshed = (name: string, app: string, args: string[] = []) =>
  aMeshedPod(name, app, { spec: { containers: [{ name: "main", args }] } });

const judged = (value: number, name = "request-success-rate") =>
  judge(
    [{ name, query: "x", thresholdRange: { min: 1 } }],
    [{ windowSeconds: 60, query: "x / y", at: ago(1), requests: 50, answer: { values: [value] } }],
    { canary: "podinfo", namespace: "test", workload: "podinfo-canary", minRequests: 1 },
  );

/** With an alert that goes to this provider. */
function alerting(canary: Canary, name: string): Canary {
  const analysis = { ...canary.spec.analysis, alerts: [{ name: "release", providerRef: { name } }] };
  return { ...canary, spec: { ...canary.spec, analysis } };
}

function judgedBy(canary: Canary, templateRef: { name: string; namespace: string }): Canary {
  const { spec } = canary;
  return { ...canary, spec: { ...spec, analysis: { ...spec.analysis, metrics: [{ name: "errors", templateRef }] } } };
}

const cases: Case[] = [
  [
    "route-kind-missing",
    "no route is served",
    () => ({ canary: aCanary(undefined), servedRoutes: [] }),
    "provider auto",
    "linkerd-smi",
  ],
  [
    "route-kind-missing",
    "only the other kind is served",
    ({ canary }) => ({
      canary: { ...aCanary(undefined), spec: { ...canary!.spec, provider: "linkerd" } },
      servedRoutes: ["HTTPRoute"],
    }),
    "provider linkerd; served: HTTPRoute",
    `kubectl -n test patch canary podinfo --type merge -p '{"spec":{"provider":"gatewayapi:v1"}}'`,
  ],
  [
    "route-broken",
    "the route names other Services",
    ({ route }) => ({ route: { ...route!, spec: { backends: [] } } }),
    "TrafficSplit podinfo does not name podinfo-primary and podinfo-canary",
    "delete trafficsplits.split.smi-spec.io podinfo",
  ],
  [
    "route-not-obeyed",
    "the mesh has not taken the route up",
    () => ({ route: { ...httpRouteOf(), status: {} }, serviceProfiles: [] }),
    "no controller of a mesh or gateway has accepted it yet",
    "describe httproutes.gateway.networking.k8s.io podinfo",
  ],
  [
    "service-profile-over-route",
    "a ServiceProfile beats the HTTPRoute",
    () => ({ route: httpRouteOf(), serviceProfiles: [aProfile([])] }),
    "ServiceProfile test/podinfo.test.svc.cluster.local",
    "kubectl -n test delete serviceprofile podinfo.test.svc.cluster.local",
  ],
  [
    "split-not-carried-out",
    "the adaptor has written no ServiceProfile",
    () => ({ serviceProfiles: [] }),
    "no ServiceProfile of Service podinfo; the TrafficSplit is there since",
    "kubectl get pods -A -l component=smi-adaptor",
  ],
  [
    "split-not-carried-out",
    "the adaptor has emptied the ServiceProfile",
    () => ({ serviceProfiles: [aProfile([])] }),
    "ServiceProfile podinfo.test.svc.cluster.local without dstOverrides",
    "component=smi-adaptor",
  ],
  [
    "route-names-idle-canary",
    "the user's own HTTPRoute names the canary's leaf between runs",
    () => ({ route: ownRoute(), serviceProfiles: [] }),
    "backendRefs podinfo-canary",
    "kubectl -n test delete httproutes.gateway.networking.k8s.io podinfo",
  ],
  [
    "canary-not-scraped",
    "the canary's pods cannot be scraped, and nobody is seen to call it",
    withStatus({
      tracks: { ...silentTracks, primary: { ...silentTracks.primary, requests: 0 } },
      checks: [
        aCheck({ outcome: "no-evidence", value: null, code: "unscraped", why: "cannot scrape pod podinfo-canary-x" }),
      ],
    }),
    "cannot scrape pod podinfo-canary-x",
    "let Prometheus reach port 4191",
  ],
  [
    "weight-lowered",
    "someone lowered the weight",
    withStatus({ run: { ...aRun, hold: "lowered-by-hand", ceiling: 5 }, reason: "set to 5 by hand" }),
    "set to 5 by hand",
    "kubectl canary resume podinfo -n test",
  ],
  [
    "quota",
    "the quota is used up",
    () => ({
      replicaSets: [
        {
          metadata: {
            name: "podinfo-canary-7c9d",
            ownerReferences: [
              { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo-canary", uid: "1", controller: true },
            ],
          },
          status: {
            replicas: 0,
            conditions: [
              {
                type: "ReplicaFailure",
                status: "True",
                reason: "FailedCreate",
                message: "pods is forbidden: exceeded quota: few",
              },
            ],
          },
        },
      ],
    }),
    "exceeded quota: few",
    "kubectl -n test describe resourcequota",
  ],
  [
    "unschedulable",
    "no node has room",
    () => ({
      pods: [
        aMeshedPod("podinfo-canary-7c9d-bcdfg", "podinfo-canary", {
          status: {
            phase: "Pending",
            conditions: [{ type: "PodScheduled", status: "False", message: "0/3 nodes are available" }],
          },
        }),
      ],
    }),
    "0/3 nodes",
    "describe pod podinfo-canary-7c9d-bcdfg",
  ],
  [
    "image-pull",
    "the image is not there",
    withContainer({ image: "podinfo:typo", state: { waiting: { reason: "ImagePullBackOff", message: "not found" } } }),
    "ImagePullBackOff, not found",
    "set image deploy/podinfo podinfod=IMAGE:TAG",
  ],
  [
    "crash-loop",
    "the container crashes",
    withContainer({
      restartCount: 4,
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
    }),
    "restarted 4 times, last exit code 137 (OOMKilled)",
    "logs podinfo-canary-7c9d-bcdfg -c podinfod --previous",
  ],
  [
    "not-ready",
    "its readiness probe fails",
    () => ({ pods: [notReady()] }),
    "containers with unready status",
    "describe pod podinfo-canary-7c9d-bcdfg",
  ],
  [
    "template-missing",
    "a MetricTemplate is not there",
    ({ canary }) => ({ canary: judgedBy(canary!, { name: "errors", namespace: "metrics" }) }),
    "metrics/errors",
    "edit canary podinfo",
  ],
  [
    "alert-provider-missing",
    "an AlertProvider is not there",
    ({ canary }) => ({ canary: alerting(canary!, "on-call") }),
    "in alert release",
    "edit canary podinfo",
  ],
  [
    "alert-provider-unusable",
    "an AlertProvider has an address that is not asked by https",
    ({ canary, controller }) => {
      const found = structuredClone(controller!);
      found.spec!.template.spec!.containers[0]!.env = [
        { name: "KUBECTL_CANARY_ALERT_NAMESPACES", value: "none" },
        { name: "KUBECTL_CANARY_ALERT_ADDRESSES", value: "none" },
      ];
      const spec = { type: "slack" as const, address: "http://hooks.example/swordfish" };
      const provider = { apiVersion: "flagger.app/v1beta1", kind: "AlertProvider", metadata: {}, spec };
      const alertProviders = new Map([["test/on-call", provider]]);
      return { controller: found, alertProviders, canary: alerting(canary!, "on-call") };
    },
    "the chart's values under alerts",
    "edit alertprovider on-call",
  ],
  [
    "metric-not-a-number",
    "a query returns NaN",
    withStatus({ checks: judged(NaN) }),
    "returned NaN",
    "edit canary podinfo",
  ],
  [
    "target-unmeshed",
    "the pods have no proxy",
    () => ({ pods: [unmeshed("podinfo-6d4f8b9c5-x2x4k", "podinfo")] }),
    "podinfo-6d4f8b9c5-x2x4k",
    "rollout restart deploy podinfo",
  ],
  [
    "caller-unmeshed",
    "a caller has no proxy",
    ({ pods }) => ({ pods: [...pods!, unmeshed("load-6d4f8b9c5-x2x4k", "load", ["http://podinfo.test.svc:9898/"])] }),
    "1 pod names the Service",
    "linkerd.io/inject=enabled",
  ],
  [
    "caller-older-than-split",
    "a caller is older than the split",
    withStatus({ staleCallers: ["shop/load-6d4f8b9c5-x2x4k"] }),
    "shop/load-6d4f8b9c5-x2x4k",
    "kubectl -n shop rollout restart deploy/load",
  ],
  [
    "no-traffic",
    "nobody calls",
    withStatus({ tracks: { ...silentTracks, primary: { ...silentTracks.primary, requests: 0 } } }),
    "no user's request to either track in 60s",
    "kubectl canary promote podinfo -n test",
  ],
  [
    "no-traffic",
    "callers do not reach the canary",
    withStatus({ run: { ...aRun, hold: "unreached" }, reason: "Users do not reach it." }),
    "Users do not reach it.",
    "kubectl canary stats podinfo --show-query -n test",
  ],
];

function httpRouteOf() {
  const made = httpRoute.build({
    canary: "podinfo",
    namespace: "test",
    uid: "1",
    apex: "podinfo",
    port: 9898,
    gatewayRefs: [],
    hosts: [],
    apiVersion: "gateway.networking.k8s.io/v1",
  });
  const conditions = [
    { type: "Accepted", status: "True" },
    { type: "ResolvedRefs", status: "True" },
  ];
  return { ...made, status: { parents: [{ conditions }] } };
}

/** Not made by us: it has none of our labels. */
function ownRoute() {
  const { metadata, ...route } = httpRoute.withWeight(httpRouteOf(), "podinfo", 0);
  const backendRefs = [
    { name: "podinfo-primary", weight: 100 },
    { name: "podinfo-canary", weight: 0 },
  ];
  return { ...route, metadata: { ...metadata, labels: {} }, spec: { rules: [{ backendRefs }] } };
}

function notReady() {
  const pod = aMeshedPod("podinfo-canary-7c9d-bcdfg", "podinfo-canary");
  pod.status!.conditions = [
    {
      type: "Ready",
      status: "False",
      message: "containers with unready status",
      lastTransitionTime: new Date(now - 120_000),
    },
  ];
  return pod;
}

it.each(cases)("%s: %s", (...row) => expectOnly(row));

it("a metric that was no number in the last run and is not in the spec any more is mended", () => {
  const facts = { ...soundFacts(), ...withStatus({ checks: judged(NaN, "ratio") })(soundFacts()) };
  expect(diagnose(facts)).toEqual([]);
});

describe("what Prometheus says to the controller", () => {
  const askedBy = async (address: string): Promise<Measurement["answer"]> =>
    createPrometheus({ timers: systemClock, address, timeoutMs: 2_000 })
      .query("up")
      .then(
        () => ({ values: [] }),
        (error: Error) => ({ error: error.message, code: checkCodeOf(error) }),
      );
  const faultFor = (answer: Measurement["answer"]) => {
    const measured = { windowSeconds: 60, query: "up", at: ago(1), requests: null, answer };
    const policy = { canary: "podinfo", namespace: "test", workload: "podinfo-canary", minRequests: 1 };
    const checks = judge([{ name: "request-success-rate", thresholdRange: { min: 99 } }], [measured], policy);
    return diagnose({ ...soundFacts(), ...withStatus({ checks })(soundFacts()) }).map(({ fault }) => fault);
  };

  it.each([
    [403, "prometheus-forbidden"],
    [401, "prometheus-forbidden"],
    [500, "prometheus-refuses"],
  ])("HTTP %i is %s", async (status, fault) => {
    const server = createServer((_request, response) => response.writeHead(status).end("no"));
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const said = await askedBy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.close();
    expect(faultFor(said)).toEqual([fault]);
  });

  it("nobody there is prometheus-unreachable", async () => {
    expect(faultFor(await askedBy("http://127.0.0.1:1"))).toEqual(["prometheus-unreachable"]);
    expect(faultFor(await askedBy("ftp://x"))).toEqual(["prometheus-unreachable"]);
  });

  const frozen = {
    run: { ...aRun, hold: "cannot-ask" as const },
    checks: [],
    reason: "Prometheus at http://x answered 403 (forbidden)",
  };
  const faultsOf = (status: Partial<CanaryStatus>) =>
    diagnose({ ...soundFacts(), ...withStatus(status)(soundFacts()) }).map(({ fault }) => fault);

  it("a freeze is told by its code", () =>
    expect(faultsOf({ ...frozen, run: { ...frozen.run, holdCode: "unauthorized" } })).toEqual([
      "prometheus-forbidden",
    ]));

  it("a freeze that an earlier version wrote has none, and is told by its words alone", () =>
    expect(faultsOf(frozen)).toEqual(["prometheus-refuses"]));
});
