// The stand-in mesh on the real cluster behaves as Linkerd was seen to behave.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Counts } from "../../app/counts.ts";
import { importAppImages, installApp, kubectl, removeApp } from "../../app/install.ts";
import { LoadClient } from "../../app/load-client.ts";
import { getJson } from "../../cluster/get.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { installMesh } from "../install.ts";
import { addLeaves, apply, httpRoute, leafService, trafficSplit } from "./leaves.ts";
import type { ServiceProfile } from "../policy/objects.ts";
import { fullName } from "../policy/profile.ts";
import { adaptorAnnotation } from "../settings.ts";

const namespace = "mesh-test";
const RATE = 250;
let load: LoadClient;

const kube = (...args: string[]): Promise<string> => kubectl(["-n", namespace, ...args]);

async function restartClient(): Promise<void> {
  await kube("rollout", "restart", "deployment/load");
  await kube("rollout", "status", "deployment/load", "--timeout=120s");
  load = await LoadClient.of(namespace);
}

const gather = (requests: number): Promise<Counts> => load.gather(requests);

const canaryShare = ({ byVersion, requests }: Counts): number => (byVersion["1.7.1"] ?? 0) / requests;

/** Resolves when the canary answers (or no longer does); the weights have then reached the client. */
async function untilCanaryAnswers(expected: boolean): Promise<void> {
  await waitFor(
    async () => {
      const counts = await gather(30);
      const { byVersion, byStatus, errors } = counts;
      return (byVersion["1.7.1"] ?? 0) > 0 === expected || unmet(JSON.stringify({ byVersion, byStatus, errors }));
    },
    60_000,
    expected ? "an answer of the canary" : "the canary to get nothing",
  );
}

beforeAll(async () => {
  await installMesh();
  await importAppImages();
  await removeApp(namespace);
  await installApp(namespace, { rate: RATE, without: ["frontend"] });
  await addLeaves(namespace);
});

afterAll(() => removeApp(namespace));

beforeEach(async () => {
  await kube("delete", "trafficsplit,httproute,serviceprofile", "--all", "--ignore-not-found");
});

describe("an HTTPRoute", () => {
  beforeEach(restartClient);

  it("is obeyed by a client that runs already, when it is created, changed and deleted", async () => {
    expect(canaryShare(await gather(200))).toBe(0);
    await apply([httpRoute(namespace, [90, 10])]);
    await untilCanaryAnswers(true);
    const first = canaryShare(await gather(2000));
    expect(first).toBeGreaterThan(0.07);
    expect(first).toBeLessThan(0.13);
    await apply([httpRoute(namespace, [0, 100])]);
    await waitFor(async () => canaryShare(await gather(20)) === 1 || unmet("not yet"), 60_000, "all of it");
    await kube("delete", "httproute", "podinfo");
    await untilCanaryAnswers(false);
  });

  it("says in its status whether parent and backends were found", async () => {
    await apply([httpRoute(namespace, [50, 50])]);
    await waitForRefs("True", "ResolvedRefs");
    await kube("delete", "service", "podinfo-canary");
    await waitForRefs("False", "BackendNotFound");
    const parent = await parentStatus();
    expect(parent?.controllerName).toBe("linkerd.io/policy-controller");
    expect(parent?.conditions.find(({ type }) => type === "Accepted")).toMatchObject({ status: "True" });
    await apply([leafService(namespace, "podinfo-canary", "podinfo-canary")]);
    await waitForRefs("True", "ResolvedRefs");
  });

  it("whose backend Service is missing fails that backend's whole share with 500, until it is back", async () => {
    await apply([httpRoute(namespace, [50, 50])]);
    await untilCanaryAnswers(true);
    await kube("delete", "service", "podinfo-canary");
    await waitFor(async () => (await gather(30)).failed > 0 || unmet("no failure"), 60_000, "failures");
    const during = await gather(600);
    expect(during.byStatus["500"] ?? 0).toBeGreaterThan(200);
    expect(during.byStatus["500"] ?? 0).toBeLessThan(400);
    await apply([leafService(namespace, "podinfo-canary", "podinfo-canary")]);
    await untilCanaryAnswers(true);
    await waitFor(async () => (await gather(50)).failed === 0 || unmet("failures"), 60_000, "no more failures");
  });

  it("whose backend lost its last pod fails some requests with 504, then all go to the other", async () => {
    await apply([httpRoute(namespace, [50, 50])]);
    await untilCanaryAnswers(true);
    await load.setRate(50);
    await load.reset();
    await kube("scale", "deployment/podinfo-canary", "--replicas=0");
    const during = await waitFor(
      async () => {
        const counts = await load.counts();
        return counts.failed > 0 ? counts : unmet(JSON.stringify(counts.byStatus));
      },
      60_000,
      "failures",
    );
    expect(during.byStatus["504"] ?? 0).toBe(during.failed);
    await waitFor(async () => (await gather(40)).failed === 0 || unmet("failures"), 60_000, "the failover");
    const after = await gather(100);
    expect(after.byVersion).toEqual({ "1.7.0": after.requests });
    await kube("scale", "deployment/podinfo-canary", "--replicas=1");
    await untilCanaryAnswers(true);
    await load.setRate(RATE);
  });
});

describe("a TrafficSplit", () => {
  it("is ignored by a client that talked to the Service before, at every weight; one started later follows", async () => {
    await restartClient();
    await gather(100);
    await apply([trafficSplit(namespace, ["500m", "500m"])]);
    expect(canaryShare(await gather(1000))).toBe(0);
    await apply([trafficSplit(namespace, [0, 100])]);
    expect(canaryShare(await gather(1000))).toBe(0);
    await restartClient();
    expect(canaryShare(await gather(300))).toBe(1);
    await apply([trafficSplit(namespace, ["75", "25"])]);
    await waitFor(async () => canaryShare(await gather(20)) < 1 || unmet("not yet"), 60_000, "the new weights");
    const share = canaryShare(await gather(2000));
    expect(share).toBeGreaterThan(0.21);
    expect(share).toBeLessThan(0.29);
  });

  it("beats an HTTPRoute for clients that follow it, for good; once deleted it leaves the HTTPRoute to later clients", async () => {
    await apply([trafficSplit(namespace, [100, 0])]);
    await profileOf(namespace, (overrides) => overrides.length === 2);
    await restartClient();
    await apply([httpRoute(namespace, [0, 100])]);
    expect(canaryShare(await gather(500))).toBe(0);
    await kube("delete", "trafficsplit", "podinfo");
    await profileOf(namespace, (overrides) => overrides.length === 0);
    expect(canaryShare(await gather(500))).toBe(0);
    await kube("delete", "serviceprofile", fullName(namespace, "podinfo"));
    expect(canaryShare(await gather(500))).toBe(0);
    await restartClient();
    expect(canaryShare(await gather(300))).toBe(1);
  });

  it("is followed by clients that are younger than its ServiceProfile, not by those that are younger than itself alone", async () => {
    await kube("annotate", "namespace", namespace, `${adaptorAnnotation}=never`, "--overwrite");
    await apply([trafficSplit(namespace, [0, 100])]);
    await restartClient();
    expect(canaryShare(await gather(300))).toBe(0);
    await kube("annotate", "namespace", namespace, `${adaptorAnnotation}=1s`, "--overwrite");
    await profileOf(namespace, (overrides) => overrides.length === 2);
    await kube("annotate", "namespace", namespace, `${adaptorAnnotation}-`);
    expect(canaryShare(await gather(500))).toBe(0);
    await restartClient();
    expect(canaryShare(await gather(300))).toBe(1);
  });
});

/** Waits until the ServiceProfile of podinfo is there and its overrides are as wanted. */
async function profileOf(ns: string, wanted: (overrides: readonly unknown[]) => boolean): Promise<void> {
  await waitFor(
    async () => {
      const profile = await getJson<ServiceProfile>(["serviceprofile", fullName(ns, "podinfo"), "-n", namespace]);
      return wanted(profile.spec?.dstOverrides ?? []) || unmet(JSON.stringify(profile));
    },
    60_000,
    "the ServiceProfile",
  );
}

interface ParentStatus {
  readonly controllerName: string;
  readonly conditions: { type: string; status: string; reason: string; observedGeneration?: number }[];
}

async function parentStatus(): Promise<ParentStatus | undefined> {
  const { status } = await getJson<{ status?: { parents?: ParentStatus[] } }>([
    "httproute",
    "podinfo",
    "-n",
    namespace,
  ]);
  return status?.parents?.[0];
}

async function waitForRefs(status: string, reason: string): Promise<void> {
  await waitFor(
    async () => {
      const refs = (await parentStatus())?.conditions.find(({ type }) => type === "ResolvedRefs");
      return (refs?.status === status && refs.reason === reason) || unmet(JSON.stringify(refs));
    },
    60_000,
    `ResolvedRefs=${status} ${reason}`,
  );
}
