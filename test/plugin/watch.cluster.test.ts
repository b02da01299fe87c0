/** `watch` against a real API server: what it prints as things change, on a terminal and off it, and how it ends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Seen } from "../../plugin/view/types.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Place } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { place, placeController, setStatus } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane, waitUntilReady } from "./fixtures/plane.ts";
import { type Program, programs } from "./fixtures/program.ts";
import { states } from "./fixtures/states.ts";

const program = programs(() => plane.kubeconfig);
let plane: Plane;
let count = 0;

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  await placeController(plane.cluster);
});
afterAll(() => {
  program.stop();
  return plane.stop();
});

async function aRunningCanary(): Promise<Place & { namespace: string }> {
  const namespace = `watch-${++count}`;
  const seen = { ...(states["progressing"] as Seen), lease: undefined };
  await place(plane.cluster, seen, { namespace, controllerNamespace: namespace });
  return { name: "podinfo", namespace };
}

async function change(at: Place, status: Canary["status"]): Promise<void> {
  await setStatus(plane.cluster, await plane.cluster.get<Canary>(resource.canaries, at), status);
}

function watch(args: string[], options: { terminal?: boolean } = {}): Program {
  return program.start(["watch", ...args], options);
}

describe("watch off a terminal", () => {
  it("prints a line for what is there and for each change, and ends with exit code 130", async () => {
    const at = await aRunningCanary();
    const watching = watch(["podinfo", "-n", at.namespace]);
    await watching.shows("podinfo Progressing step 2/10, canary 20%: Weight 20 passed 1 check");
    await change(at, { failedChecks: 1, reason: "request-success-rate 71.20% is below 99%." });
    await watching.shows("canary 20%: request-success-rate 71.20% is below 99%.");
    expect((await watching.end("SIGINT")).code).toBe(130);
    const lines = watching.out().trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ podinfo Progressing /);
    expect(watching.err()).toBe("");
  });

  it("gives programs the whole view, a line of JSON a change", async () => {
    const at = await aRunningCanary();
    const watching = watch(["podinfo", "-n", at.namespace, "-o", "json"]);
    await watching.shows('"phase":"Progressing"');
    await change(at, { reason: "changed" });
    await watching.shows('"reason":"changed"');
    await watching.end("SIGINT");
    const views = watching
      .out()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; reason: string });
    expect(views.map(({ kind }) => kind)).toEqual(["CanaryView", "CanaryView"]);
  });

  it("goes on through a restart of the API server", async () => {
    const at = await aRunningCanary();
    const watching = watch(["podinfo", "-n", at.namespace]);
    await watching.shows("Weight 20 passed");
    await plane.killApi();
    await watching.shows("Going on when it answers");
    await plane.startApi();
    await waitUntilReady(plane.cluster);
    await change(at, { reason: "still here" });
    await watching.shows("still here");
    expect((await watching.end("SIGINT")).code).toBe(130);
  });

  it("shows all Canaries of a namespace without a name, and those that come later", async () => {
    const at = await aRunningCanary();
    const watching = watch(["-n", at.namespace]);
    await watching.shows("podinfo Progressing");
    const later = structuredClone((states["steady"] as Seen).canary);
    await plane.cluster.create(resource.canaries, { ...later, metadata: { name: "web", namespace: at.namespace } });
    await watching.shows("web New");
    await watching.end("SIGINT");
  });

  it("ends with exit code 7 when the Canary is deleted, and where there is none", async () => {
    const at = await aRunningCanary();
    const watching = watch(["podinfo", "-n", at.namespace]);
    await watching.shows("Weight 20 passed");
    await plane.cluster.delete(resource.canaries, at);
    expect(await watching.ended).toMatchObject({ code: 7, err: 'error: Canary "podinfo" was deleted.\n' });
    expect((await plane.run(["watch", "podinof", "-n", "default"])).code).toBe(7);
  });
});

describe("watch on a terminal", () => {
  it("redraws what changed, and leaves the terminal clean after Ctrl-C", async () => {
    const at = await aRunningCanary();
    const watching = watch(["podinfo", "-n", at.namespace], { terminal: true });
    await watching.shows("You can:");
    const before = watching.out().length;
    await change(at, { reason: "Something new was seen." });
    await watching.shows("Something new was seen.");
    expect(watching.out().slice(before)).not.toContain("TRACK");
    expect((await watching.end("SIGINT")).code).toBe(130);
    const out = watching.out();
    expect(out.startsWith("\u001b[?25l")).toBe(true);
    expect(out.lastIndexOf("\u001b[?25h")).toBeGreaterThan(out.lastIndexOf("\u001b[?25l"));
    expect(out.replaceAll("^C", "").trimEnd().endsWith("\u001b[?25h")).toBe(true);
  });
});
