/** The plugin as people get it: one file, on a machine without Node. `make plugin` builds it. */
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repository } from "../cluster/layout.ts";
import { run, type Output } from "../cluster/run.ts";
import { place } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "./fixtures/plane.ts";
import { microTime } from "./fixtures/seen.ts";
import { states } from "./fixtures/states.ts";
import type { Seen } from "../../plugin/view/types.ts";

const built = (name: string): string => join(repository, "dist", "plugin", name);
const { version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as { version: string };

let plane: Plane;
let bin: string;

/** Nothing but the plugin and its shim is on the PATH, and the shell that the shim is written for is called by its own name. */
function execute(file: string, ...args: string[]): Promise<Output> {
  const env = { PATH: bin, HOME: dirname(plane.kubeconfig), KUBECONFIG: plane.kubeconfig, LANG: "C.UTF-8" };
  return run(file, args, { env, timeoutMs: 30_000 });
}

beforeAll(async () => {
  plane = await startPlane();
  bin = await mkdtemp(join(tmpdir(), "kubectl-canary-bin-"));
  for (const name of ["kubectl-canary", "kubectl_complete-canary"]) await symlink(built(name), join(bin, name));
  await defineResources(plane.cluster);
  const seen = states["progressing"] as Seen;
  if (seen.lease?.spec) seen.lease.spec.renewTime = microTime(Date.now() + 60_000);
  await place(plane.cluster, seen, { namespace: "test", controllerNamespace: "kubectl-canary" });
});
afterAll(async () => {
  await plane.stop();
  await rm(bin, { recursive: true, force: true });
});

it("prints its help", async () => {
  const { code, stdout, stderr } = await execute(built("kubectl-canary"), "--help");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("Usage: kubectl canary VERB [NAME] [flags]");
});

it("says its version without asking a cluster", async () => {
  const { code, stdout } = await execute(built("kubectl-canary"), "version", "--client", "--kubeconfig", "/none");
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`^Client: +${version} +commit [0-9a-f]{12}`));
});

it.each(["text", "json", "yaml"])(
  "shows a Canary of a real API server as %s, just as its sources do",
  async (format) => {
    const args = ["status", "podinfo", "-n", "test", ...(format === "text" ? [] : ["-o", format])];
    const { code, stdout, stderr } = await execute(built("kubectl-canary"), ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const bySources = await plane.run(args, { now: () => Date.now() });
    // When a run may end is reckoned from now.
    const timeless = (text: string): string =>
      text.replace(/\d+[dhms]+(\d+[hms]+)*/g, "TIME").replace(/((?:earliest|atThisRate)At\b).*/g, "$1");
    expect(timeless(stdout)).toBe(timeless(bySources.out));
  },
);

it("runs by the link that a person put on the PATH", async () => {
  const { code, stdout } = await execute(join(bin, "kubectl-canary"), "list", "-n", "test", "-o", "name");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "canary.flagger.app/podinfo\n" });
});

it("leaves a pipe that is closed early without a word", async () => {
  const { code, stderr } = await run("/bin/sh", ["-c", `${built("kubectl-canary")} --help | /usr/bin/head -1`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});
