// The sidecars on the real cluster: what they count, and what they let through.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importAppImages, installApp, kubectl, removeApp } from "../../app/install.ts";
import { LoadClient } from "../../app/load-client.ts";
import { podinfoImage } from "../../app/podinfo.ts";
import { getJson } from "../../cluster/get.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { linkerdSamples, parseSamples, shapeOf, total, type Sample } from "../series/exposition.ts";
import { installMesh } from "../install.ts";
import { addLeaves, apply, httpRoute, trafficSplit } from "./leaves.ts";
import { fullName } from "../policy/profile.ts";

const namespace = "mesh-sidecar";
const RATE = 50;

const kube = (...args: string[]): Promise<string> => kubectl(["-n", namespace, ...args]);

interface PodItem {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly podIP: string;
    readonly containerStatuses: { name: string; restartCount: number; ready: boolean }[];
  };
}

async function pods(app: string): Promise<PodItem[]> {
  const { items } = await getJson<{ items: PodItem[] }>(["pods", "-l", `app=${app}`, "-n", namespace]);
  return items.filter(({ metadata }) => !metadata.deletionTimestamp);
}

async function scrape(app: string): Promise<Sample[]> {
  const [pod] = await pods(app);
  const response = await fetch(`http://${pod?.status.podIP}:4191/metrics`);
  return parseSamples(await response.text());
}

/** A proxy has these only once something went wrong. */
const isOfGoodTimes = ({ name, labels }: Sample): boolean =>
  name !== "outbound_http_errors_total" &&
  !(labels["direction"] === "outbound" && isResult(name) && !labels["status_code"]);

const isResult = (name: string): boolean => name.startsWith("response_");

const rolledOut = (name: string): Promise<string> => kube("rollout", "status", `deployment/${name}`, "--timeout=120s");

async function restart(name: string): Promise<void> {
  await kube("rollout", "restart", `deployment/${name}`);
  await rolledOut(name);
}

beforeAll(async () => {
  await installMesh();
  await importAppImages();
  await removeApp(namespace);
  await installApp(namespace, { rate: RATE, replicas: 2 });
  await addLeaves(namespace);
});

afterAll(() => removeApp(namespace));

describe("the metrics", () => {
  it("of live sidecars have the names and labels of a real proxy's", async () => {
    await apply([httpRoute(namespace, [50, 50])]);
    const load = await LoadClient.of(namespace);
    await load.gather(200);
    const shapes = new Set([...(await scrape("load")), ...(await scrape("podinfo"))].map(shapeOf));
    for (const sample of (await linkerdSamples()).filter(isOfGoodTimes)) expect(shapes).toContain(shapeOf(sample));
    await kube("delete", "httproute", "podinfo");
  });

  it("count the kubelet's probes as probes, scrapes on port 4191, and users' requests with their identity", async () => {
    await scrape("podinfo");
    const samples = await scrape("podinfo");
    const probes = { route_name: "probe", authz_name: "probe", tls: "no_identity", target_port: "9898" };
    expect(total(samples, "response_total", probes)).toBeGreaterThan(0);
    expect(total(samples, "response_total", { target_port: "4191" })).toBeGreaterThan(0);
    const client_id = `default.${namespace}.serviceaccount.identity.linkerd.cluster.local`;
    const users = total(samples, "response_total", { client_id, tls: "true", route_name: "default" });
    expect(users).toBeGreaterThan(0);
    const all = total(samples, "response_total", { direction: "inbound", target_port: "9898" });
    expect(total(samples, "response_total", { ...probes })).toBe(all - users);
  });

  it("have the leaf as authority for a client that follows a TrafficSplit, and the apex for one that ignores it", async () => {
    await apply([trafficSplit(namespace, [50, 50])]);
    await (await LoadClient.of(namespace)).gather(100);
    const service = (dst_service: string, samples: Sample[]): number =>
      total(samples, "response_total", { direction: "outbound", dst_service });
    const ignoring = await scrape("load");
    expect(service("podinfo", ignoring)).toBeGreaterThan(0);
    await restart("load");
    await (await LoadClient.of(namespace)).gather(100);
    const following = await scrape("load");
    expect(service("podinfo", following)).toBe(0);
    expect(service("podinfo-primary", following)).toBeGreaterThan(0);
    expect(service("podinfo-canary", following)).toBeGreaterThan(0);
    const authority = (name: string): string => `${fullName(namespace, name)}:9898`;
    const sent = (name: string, samples: Sample[]): number =>
      total(samples, "response_total", { direction: "outbound", authority: authority(name) });
    expect(sent("podinfo", ignoring)).toBe(service("podinfo", ignoring));
    expect(sent("podinfo-canary", following)).toBe(service("podinfo-canary", following));
    expect(sent("podinfo", following)).toBe(0);
    await kube("delete", "trafficsplit", "podinfo");
    // This client is bound to the profile, now empty, for as long as it talks: the next tests want one that is not.
    await restart("load");
  });
});

describe("traffic", () => {
  it("that is not HTTP passes unharmed: TLS to the API server from a meshed pod", async () => {
    const script = `
      const https = require("node:https"), fs = require("node:fs");
      const ca = fs.readFileSync("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
      https.get("https://kubernetes.default.svc/version", { ca }, (r) => r.pipe(process.stdout));`;
    expect(await kube("exec", "deployment/load", "-c", "load", "--", "/bin/node", "-e", script)).toContain(
      "gitVersion",
    );
  });

  it("of the frontend shows podinfo's JSON to curl and its page to a browser", async () => {
    const [frontend] = await pods("frontend");
    const url = `http://${frontend?.status.podIP}:8080/`;
    expect(await (await fetch(url)).json()).toMatchObject({ version: "1.7.0", color: "#34577c" });
    const page = await (await fetch(url, { headers: { "user-agent": "Mozilla/5.0" } })).text();
    expect(page).toContain("<html");
  });
});

describe("podinfo's faulty versions", () => {
  it.each(["1.7.2-failing", "1.7.3-slow"] as const)("%s becomes ready and stays so: only metrics tell", async (tag) => {
    const load = await LoadClient.of(namespace);
    await kube("set", "image", "deployment/podinfo-canary", `podinfod=${podinfoImage(tag)}`);
    await rolledOut("podinfo-canary");
    await apply([httpRoute(namespace, [0, 100])]);
    await waitFor(
      async () => (await load.gather(20)).byVersion[tag] !== undefined || unmet("no answer yet"),
      60_000,
      `answers of ${tag}`,
    );
    await load.setRate(3 * RATE);
    const counts = await load.gather(600);
    await load.setRate(RATE);
    const failures = (counts.byStatus["500"] ?? 0) / counts.requests;
    if (tag === "1.7.3-slow") expect(counts.latencyMs.p50).toBeGreaterThan(500);
    else expect(failures).toBeGreaterThan(0.05);
    expect(counts.failedInMesh).toBe(0);
    const [pod] = await pods("podinfo-canary");
    const status = pod?.status.containerStatuses.find(({ name }) => name === "podinfod");
    expect(status).toMatchObject({ restartCount: 0, ready: true });
    await kube("delete", "httproute", "podinfo");
  });
});
