// The demo app's counting and its manifests.
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { Tally } from "./counts.ts";
import { PathMix } from "./load.ts";
import { appObjects } from "./manifests.ts";
import { podinfoPage } from "./podinfo.ts";

const at = new Date("2026-01-01T00:00:00Z");
const body = (version: string, hostname: string): string => JSON.stringify({ hostname, version }, null, 2);

it("requests are counted by status, by podinfo's version and by the Deployment that answered", () => {
  const tally = new Tally(50);
  tally.add({ durationMs: 2, status: 200, body: body("1.7.0", "podinfo-659fbcfc6-4zkjs") }, at);
  tally.add({ durationMs: 4, status: 200, body: body("1.7.1", "podinfo-canary-75b4dd8cf4-wxgrt") }, at);
  tally.add({ durationMs: 6, status: 500 }, at);
  expect(tally.counts()).toMatchObject({
    requests: 3,
    byStatus: { "200": 2, "500": 1 },
    byVersion: { "1.7.0": 1, "1.7.1": 1 },
    byWorkload: { podinfo: 1, "podinfo-canary": 1 },
    latencyMs: { p50: 4, p99: 6, max: 6 },
  });
});

it("failures are told apart: the app's own answers, the mesh's, and no answer at all", () => {
  const tally = new Tally(50);
  tally.add({ durationMs: 1, status: 500 }, at);
  tally.add({ durationMs: 1, status: 503, fromProxy: true }, at);
  tally.add({ durationMs: 1, error: "ECONNRESET" }, at);
  const counts = tally.counts();
  expect(counts).toMatchObject({ failed: 3, failedInMesh: 2, errors: { ECONNRESET: 1 } });
  expect(counts.failures.map(({ what }) => what)).toEqual(["500", "503", "ECONNRESET"]);
  tally.reset();
  expect(tally.counts()).toMatchObject({ rate: 50, requests: 0, failed: 0, failures: [] });
});

it("failures are counted by path, by the version that began to answer, and by the backend that a proxy had chosen", () => {
  const tally = new Tally(50);
  tally.add({ durationMs: 1, status: 404, path: "/api/info", version: "1.8.4", body: "" }, at);
  tally.add({ durationMs: 1, error: "ECONNRESET", path: "/", version: "1.8.1" }, at);
  tally.add({ durationMs: 1, status: 504, path: "/", backend: "podinfo-canary", fromProxy: true }, at);
  tally.add({ durationMs: 1, status: 200, path: "/", grpcStatus: "14", version: "1.8.6" }, at);
  tally.add({ durationMs: 1, status: 200, path: "/", grpcStatus: "0", body: body("1.7.0", "podinfo-a-b") }, at);
  expect(tally.counts()).toMatchObject({
    failed: 4,
    failedInMesh: 2,
    failedByVersion: { "1.8.4": 1, "1.8.1": 1, "1.8.6": 1 },
    failedByBackend: { "podinfo-canary": 1 },
    byPath: { "/": { ECONNRESET: 1, "504": 1, "grpc 14": 1, "200": 1 }, "/api/info": { "404": 1 } },
  });
});

it("paths are asked for in turn, as often as the mix says", () => {
  const mix = new PathMix("/ 9, /api/info 1");
  const asked = Array.from({ length: 100 }, () => mix.next());
  expect(asked.filter((path) => path === "/api/info")).toHaveLength(10);
  expect(new PathMix("/x").next()).toBe("/x");
});

it("the manifests are the tutorial's for any namespace, with the changes that a test asks for", async () => {
  const objects = await appObjects("other", { replicas: 4, image: "podinfo:x", rate: 7, without: ["frontend"] });
  expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`)).toEqual([
    "Namespace /other",
    "Deployment other/podinfo",
    "Service other/podinfo",
    "Deployment other/load",
  ]);
  const [, podinfo, , load] = objects;
  expect(podinfo?.spec).toMatchObject({ replicas: 4, template: { spec: { containers: [{ image: "podinfo:x" }] } } });
  expect(load?.spec?.template?.spec.containers[0]?.env).toContainEqual({ name: "RATE", value: "7" });
});

it("the page with the colour needs nothing from another host, so that it is drawn without the internet too", async () => {
  const page = await readFile(podinfoPage, "utf8");
  expect(page).toContain("info.color");
  expect(page).not.toMatch(/(https?:)?\/\/\w/);
});
