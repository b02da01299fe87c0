/** `promote` and `rollback` against a real API server, with the test in the controller's place. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Seen } from "../../plugin/view/types.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Command } from "../../shared/core/objects/command.ts";
import { annotation } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { buildAll } from "../cluster/build.ts";
import { run as runProcess } from "../cluster/run.ts";
import { binaries } from "../cluster/versions.ts";
import { answerNext, nextCommand } from "./fixtures/controller.ts";
import { place, setStatus } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane, waitUntilReady } from "./fixtures/plane.ts";
import { aRun } from "./fixtures/seen.ts";
import { states } from "./fixtures/states.ts";

let plane: Plane;
let kubectl = "";
let count = 0;

const main = fileURLToPath(new URL("../../plugin/main.ts", import.meta.url));
const promoting = { accepted: true, message: "promoting podinfo:1.7.1: Deployment podinfo rolls to it now." };
const rollingBack = { accepted: true, message: "rolling back podinfo:1.7.1: all traffic goes to stable." };

beforeAll(async () => {
  kubectl = (await buildAll([binaries.kubectl])).get("kubectl") ?? "";
  plane = await startPlane();
  await defineResources(plane.cluster);
});
afterAll(() => plane.stop());

interface Placed {
  at: { name: string; namespace: string };
  /** Arguments that name the Canary, and where its controller would be. */
  args: string[];
}

/** A namespace of its own for each test, with a run at weight 20 in it. */
async function aRunningCanary(seen = states["progressing"] as Seen): Promise<Placed> {
  const namespace = `operate-${++count}`;
  const controllerNamespace = `${namespace}-control`;
  await place(plane.cluster, seen, { namespace, controllerNamespace });
  const args = ["podinfo", "-n", namespace, "--controller-namespace", controllerNamespace];
  return { at: { name: "podinfo", namespace }, args };
}

function commandIn(canary: Canary): Command {
  return JSON.parse(canary.metadata.annotations?.[annotation.command] ?? "null") as Command;
}

describe("a command", () => {
  it("is written for the run that was seen, and its acceptance is printed", async () => {
    const { at, args } = await aRunningCanary();
    const [ran, command] = await Promise.all([
      plane.run(["promote", ...args, "--reason", "seen by eye"]),
      answerNext(plane.cluster, at, promoting),
    ]);
    expect(command).toEqual({ id: expect.any(String) as string, verb: "promote", run: "3", reason: "seen by eye" });
    expect(ran).toEqual({
      code: 0,
      out: "podinfo: promoting podinfo:1.7.1: Deployment podinfo rolls to it now.\n",
      err: `Follow it: kubectl canary watch podinfo -n ${at.namespace}\n`,
    });
  });

  it("may be forced, and meant for another run than the one that is seen", async () => {
    const { at, args } = await aRunningCanary();
    const [, command] = await Promise.all([
      plane.run(["promote", ...args, "--force", "--if-run", "2"]),
      answerNext(plane.cluster, at, promoting),
    ]);
    expect(command).toMatchObject({ verb: "promote", run: "2", force: true });
  });

  it("that the controller refuses ends with exit code 1 and the controller's words", async () => {
    const { at, args } = await aRunningCanary();
    const message = "cannot promote: its last check failed: 71.20% is below 99%. --force promotes it all the same.";
    const [ran] = await Promise.all([
      plane.run(["promote", ...args]),
      answerNext(plane.cluster, at, { accepted: false, message }),
    ]);
    expect(ran).toEqual({ code: 1, out: "", err: `error: ${message}\n` });
  });

  it("is given for a Canary without a run too, for the controller to refuse", async () => {
    const { at, args } = await aRunningCanary(states["steady"]);
    const [ran, command] = await Promise.all([
      plane.run(["rollback", ...args]),
      answerNext(plane.cluster, at, { accepted: false, message: "cannot rollback: nothing is running." }),
    ]);
    expect(command.run).toBeUndefined();
    expect(ran).toMatchObject({ code: 1, err: "error: cannot rollback: nothing is running.\n" });
  });

  it("gets through although the status is written all the time", async () => {
    const { at, args } = await aRunningCanary();
    let writing = true;
    const writer = (async (): Promise<void> => {
      for (let failedChecks = 0; writing; failedChecks++)
        await setStatus(plane.cluster, await plane.cluster.get<Canary>(resource.canaries, at), { failedChecks });
    })();
    const [ran] = await Promise.all([plane.run(["rollback", ...args]), answerNext(plane.cluster, at, rollingBack)]);
    writing = false;
    await writer;
    expect(ran.code).toBe(0);
  });

  it("keeps the run that was seen when another one begins before it is written", async () => {
    const { at, args } = await aRunningCanary();
    let patches = 0;
    const beforePatch = async (): Promise<void> => {
      if (++patches > 1) return;
      const canary = await plane.cluster.get<Canary>(resource.canaries, at);
      await setStatus(plane.cluster, canary, { run: { ...aRun, id: "4" } });
    };
    const [, command] = await Promise.all([
      plane.run(["promote", ...args], { beforePatch }),
      answerNext(plane.cluster, at, { accepted: false, message: "cannot promote: it was meant for run 3" }),
    ]);
    expect({ patches, run: command.run }).toEqual({ patches: 2, run: "3" });
  });

  it("is answered although the API server is killed while it waits", async () => {
    const { at, args } = await aRunningCanary();
    const ran = plane.run(["promote", ...args, "--timeout", "60s"]);
    await nextCommand(plane.cluster, at);
    await plane.killApi();
    await plane.startApi();
    await waitUntilReady(plane.cluster);
    await answerNext(plane.cluster, at, promoting);
    expect(await ran).toMatchObject({ code: 0 });
  });

  it("whose Canary is deleted meanwhile says so", async () => {
    const { at, args } = await aRunningCanary();
    const ran = plane.run(["promote", ...args]);
    await nextCommand(plane.cluster, at);
    await plane.cluster.delete(resource.canaries, at);
    expect(await ran).toMatchObject({
      code: 1,
      err: 'error: Canary "podinfo" was deleted before the controller answered.\n',
    });
  });
});

describe("two commands at once", () => {
  it("a rollback takes the place of a promote, whose giver is told", async () => {
    const { at, args } = await aRunningCanary();
    const promote = plane.run(["promote", ...args]);
    const first = await nextCommand(plane.cluster, at);
    const rollback = plane.run(["rollback", ...args]);
    await nextCommand(plane.cluster, at, first.id);
    const command = await answerNext(plane.cluster, at, rollingBack);
    expect(command.verb).toBe("rollback");
    expect(await rollback).toMatchObject({ code: 0 });
    expect(await promote).toMatchObject({
      code: 1,
      err: "error: The promote was not answered: another command, rollback, took its place before the controller had read it.\n",
    });
  });

  it("a promote does not take the place of a rollback", async () => {
    const { at, args } = await aRunningCanary();
    const rollback = plane.run(["rollback", ...args]);
    const first = await nextCommand(plane.cluster, at);
    const promote = await plane.run(["promote", ...args]);
    expect(promote.code).toBe(1);
    expect(promote.err).toMatch(/^error: A rollback has been asked for and not been carried out yet: it goes first\./);
    expect(commandIn(await plane.cluster.get<Canary>(resource.canaries, at)).id).toBe(first.id);
    await answerNext(plane.cluster, at, rollingBack);
    expect(await rollback).toMatchObject({ code: 0 });
  });
});

describe("without an answer", () => {
  it("from a controller that is alive, the command stays written and can be withdrawn", async () => {
    const { at, args } = await aRunningCanary();
    const { code, out, err } = await plane.run(["promote", ...args, "--timeout", "1s"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("error: The controller has not answered within 1s. The promote stays written");
    await runPasted(err, "kubectl annotate");
    const canary = await plane.cluster.get<Canary>(resource.canaries, at);
    expect(canary.metadata.annotations?.[annotation.command]).toBeUndefined();
  });

  it.each(["promote", "rollback"])(
    "from a controller that is gone, %s says since when, and the printed command takes all traffic back",
    async (verb) => {
      const { at, args } = await aRunningCanary(states["left by its controller"]);
      const { code, err } = await plane.run([verb, ...args, "--timeout", "1s"]);
      expect(code).toBe(1);
      expect(err).toContain("error: The controller has been silent since 2026-11-23T02:56:50.000Z (");
      await runPasted(err, "kubectl patch");
      const split = await plane.cluster.get<{ spec: unknown }>(resource.trafficSplits, at);
      const backends = [
        { service: "podinfo-primary", weight: 100 },
        { service: "podinfo-canary", weight: 0 },
      ];
      expect(split.spec).toEqual({ service: "podinfo", backends });
    },
  );

  it("a person who may not watch is answered all the same", async () => {
    const rules = [{ apiGroups: ["flagger.app"], resources: ["canaries"], verbs: ["get", "patch"] }];
    await plane.cluster.create(resource.clusterRoles, { metadata: { name: "watchless" }, rules });
    await plane.cluster.create(resource.clusterRoleBindings, {
      metadata: { name: "watchless" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "watchless" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "carol" }],
    });
    const { at, args } = await aRunningCanary();
    const [ran] = await Promise.all([
      plane.run(["promote", ...args, "--as", "carol"]),
      answerNext(plane.cluster, at, promoting),
    ]);
    expect(ran.code).toBe(0);
  });

  it("Ctrl-C stops the waiting with exit code 130, and says that the command stays", async () => {
    const { at, args } = await aRunningCanary();
    const child = spawn(process.execPath, [main, "promote", ...args], {
      env: { ...process.env, KUBECONFIG: plane.kubeconfig },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const err = textOf(child);
    await nextCommand(plane.cluster, at);
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(130);
    expect(err()).toBe("\nNot waiting any longer. The promote stays written: the controller will carry it out.\n");
  });
});

function textOf(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

/** Does with the line that begins with `start` what a person does: pastes it into a shell. */
async function runPasted(text: string, start: string): Promise<void> {
  const line = text.split("\n").find((candidate) => candidate.trim().startsWith(start)) ?? "";
  const env = { ...process.env, KUBECONFIG: plane.kubeconfig };
  const { code, stderr } = await runProcess("sh", ["-c", line.trim().replace(/^kubectl/, kubectl)], { env });
  expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: "" });
}
