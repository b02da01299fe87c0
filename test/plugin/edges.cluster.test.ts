/** Every verb where there is nothing to be had: one clear sentence, the right exit code, and never a stack trace. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { resource } from "../../shared/kube/resources.ts";
import { verbs } from "../../plugin/cli/verbs.ts";
import { ensureNamespace, setStatus } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "./fixtures/plane.ts";
import { aCanary, aStatus, now } from "./fixtures/seen.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";

let plane: Plane;

/** What each verb needs beside a name; those that are not here need no more. */
const more: Record<string, string[]> = { wait: ["--for=promoted"], undo: [] };
const nameless = ["list", "version", "dashboard"];
const asking = verbs.map(({ name }) => name).filter((name) => name !== "completion");
const argvOf = (verb: string, name: string): string[] =>
  nameless.includes(verb) ? [verb] : [verb, name, ...(more[verb] ?? [])];

/** One sentence on stderr, however it is wrapped. */
function expectSentence(err: string): void {
  expect(err).toMatch(/^error: [A-Z"]/);
  expect(err).not.toMatch(/\n\s+at |Error:|undefined|\[object|node:/);
  expect(err.trim().split("\n").length).toBeLessThan(6);
}

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  await ensureNamespace(plane.cluster, "empty");
});
afterAll(() => plane.stop());

describe.each(asking)("%s", (verb) => {
  it("says that the token is not accepted", async () => {
    const { code, out, err } = await plane.run([...argvOf(verb, "podinfo"), "-n", "empty", "--token", "expired"]);
    expect(code).toBe(1);
    if (verb !== "version") expect(out).toBe("");
    expectSentence(err);
    expect(err).toContain("does not accept the credentials");
  });

  it("says that nobody answers", async () => {
    const { code, err } = await plane.run([...argvOf(verb, "podinfo"), "-n", "empty", "-s", "https://127.0.0.1:1"]);
    expect(code).toBe(1);
    expectSentence(err);
    expect(err).toContain("connection refused");
  });

  it("says that the kubeconfig has no current context", async () => {
    const file = join(dirname(plane.kubeconfig), "contextless");
    await writeFile(
      file,
      "apiVersion: v1\nkind: Config\ncontexts: [{ name: blue, context: { cluster: a, user: b } }]\n",
    );
    const { code, err } = await plane.run([...argvOf(verb, "podinfo"), "--kubeconfig", file]);
    expect(code).toBe(2);
    expectSentence(err);
    expect(err).toContain("no current-context. Choose one with --context");
  });

  it("says of a namespace that does not exist, or cannot, that it does not", async () => {
    if (verb === "version") return expect(argvOf(verb, "x")).toEqual(["version"]);
    for (const namespace of ["nowhere", "../x", "ä"]) {
      const { code, out, err } = await plane.run([...argvOf(verb, "podinfo"), "-n", namespace]);
      expect([2, 7]).toContain(code);
      expect(out).toBe("");
      expectSentence(err);
    }
  });
});

describe.each(asking.filter((verb) => !nameless.includes(verb)))("%s", (verb) => {
  it.each(["a b", "Ä", "a_b", "deploy/", "../../secrets", "-", "a%2Fb", "x".repeat(300), "🐤"])(
    "refuses the name %j",
    async (name) => {
      const { code, out, err } = await plane.run([...argvOf(verb, name), "-n", "empty"]);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expectSentence(err);
    },
  );

  it("finds nothing in an empty namespace, and says so", async () => {
    const { code, err } = await plane.run([...argvOf(verb, "podinfo"), "-n", "empty"]);
    expect(code).toBe(7);
    expectSentence(err);
  });
});

describe("500 Canaries", () => {
  const count = 500;

  beforeAll(async () => {
    await ensureNamespace(plane.cluster, "many");
    const names = Array.from({ length: count }, (_, index) => `app-${String(index).padStart(3, "0")}.v${index}`);
    const make = async (name: string): Promise<void> => {
      const { spec } = aCanary(undefined);
      const at = { name, namespace: "many" };
      const canary = await plane.cluster.create<Partial<Canary>>(resource.canaries, { metadata: at, spec });
      await setStatus(plane.cluster, canary as Canary, aStatus({ phase: "Succeeded", canaryWeight: 0 }));
    };
    for (let index = 0; index < count; index += 20) await Promise.all(names.slice(index, index + 20).map(make));
  });

  it("are listed all, one a line", async () => {
    const { code, out } = await plane.run(["list", "-n", "many"]);
    expect(code).toBe(0);
    expect(out.trim().split("\n").length).toBe(count + 1);
    expect((await plane.run(["list", "-A", "-o", "name"])).out.trim().split("\n").length).toBe(count);
  });

  it("leave the doctor and completion at work", async () => {
    const { code, out } = await plane.run(["doctor", "app-007.v7", "-n", "many"], { now: () => now });
    expect(code).toBe(1);
    expect(out).toContain("Deployment podinfo was not found in many");
    expect((await plane.run(["__complete", "status", "-n", "many", "app-00"])).out.split("\n").length).toBe(12);
  });
});
