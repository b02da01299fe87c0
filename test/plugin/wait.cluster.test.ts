/** `wait` and `--exit-code` against a real API server, by shell scripts as people write them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Seen } from "../../plugin/view/types.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { hashTemplate } from "../../shared/template-hash.ts";
import type { Place } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { place, placeController, setStatus } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane, waitUntilReady } from "./fixtures/plane.ts";
import { programs } from "./fixtures/program.ts";
import { aDeployment, ago, aRun, canaryImages, stableImages } from "./fixtures/seen.ts";
import { states } from "./fixtures/states.ts";

let plane: Plane;
const program = programs(() => plane.kubeconfig);
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

interface Placed {
  at: Place & { namespace: string };
  /** Hash of what the Deployment's template is, as the API server has defaulted it. */
  intent: string;
}

async function placed(state: string, image = canaryImages.podinfod): Promise<Placed> {
  const namespace = `wait-${++count}`;
  const seen = { ...(states[state] as Seen), target: aDeployment("podinfo", 4, image), lease: undefined };
  await place(plane.cluster, seen, { namespace, controllerNamespace: namespace });
  const at = { name: "podinfo", namespace };
  const { spec } = await plane.cluster.get<V1Deployment>(resource.deployments, at);
  return { at, intent: hashTemplate(spec?.template) };
}

async function write(at: Place, status: Partial<CanaryStatus> | { run: null }): Promise<void> {
  const canary = await plane.cluster.get<Canary>(resource.canaries, at);
  await setStatus(plane.cluster, canary, status as CanaryStatus);
}

const over = (outcome: "promoted" | "rejected" | "superseded", intent: string): object => ({
  run: null,
  ...(outcome === "promoted" ? { stable: { hash: intent, podTemplateHash: "x", images: canaryImages } } : {}),
  history: [{ ...aRun, run: aRun.id, intent, outcome, cause: "the cause", startedAt: ago(90), endedAt: ago(1) }],
});

describe("a script", () => {
  it("with set -e goes on after a plain status, whatever the canary's state", async () => {
    const { at } = await placed("failed");
    const { code, out } = await program.script(`set -e; canary status podinfo -n ${at.namespace} >/dev/null; echo on`)
      .ended;
    expect({ code, out }).toEqual({ code: 0, out: "on\n" });
  });

  it.each([
    ["failed", 3],
    ["waiting for a person", 4],
    ["running an unvetted change", 4],
    ["steady", 0],
    ["progressing", 0],
  ])("that asks for the exit code of a canary that is %s gets %i", async (state, expected) => {
    const { at } = await placed(state);
    const { out } = await program.script(`canary status podinfo -n ${at.namespace} --exit-code -o name; echo $?`).ended;
    expect(out).toBe(`canary.flagger.app/podinfo\n${expected}\n`);
  });

  it("waits through a run until it is promoted", async () => {
    const { at, intent } = await placed("steady");
    const wait = `canary wait podinfo -n ${at.namespace} --for=promoted --for-image podinfo:1.7.1 --timeout 60s`;
    const ran = program.script(`set -e; ${wait}; echo deployed`);
    await write(at, { run: { ...aRun, intent }, reason: "Weight 20 passed." });
    await ran.shows("Weight 20 passed.");
    await write(at, { reason: "Weight 30 passed." });
    await ran.shows("Weight 30 passed.");
    await write(at, over("promoted", intent));
    const { code, out } = await ran.ended;
    expect({ code, out }).toEqual({
      code: 0,
      out: `podinfo: promoted: ${canaryImages.podinfod}: the cause (run 3)\ndeployed\n`,
    });
  });

  it.each([
    ["rejected", 3],
    ["superseded", 6],
  ] as const)("learns that its run was %s by exit code %i", async (outcome, expected) => {
    const { at, intent } = await placed("steady");
    const started = program.start(["wait", "podinfo", "-n", at.namespace, "--timeout", "60s"]);
    await write(at, { run: { ...aRun, intent }, reason: "Seen by wait." });
    await started.shows("Seen by wait.");
    await write(at, over(outcome, intent));
    expect(await started.ended).toMatchObject({
      code: expected,
      out: `podinfo: ${outcome}: ${canaryImages.podinfod}: the cause (run 3)\n`,
    });
  });

  it("learns that a person must act by exit code 4, and what was said", async () => {
    const { at, intent } = await placed("waiting for a person");
    await write(at, { run: { ...aRun, intent, hold: "paused", paused: { by: "alice", at: ago(9) } } });
    const { code, out } = await plane.run(["wait", "podinfo", "-n", at.namespace]);
    expect({ code, out }).toEqual({
      code: 4,
      out: "podinfo: waits for a person: Paused by alice (looking at the logs): the weight stays at 20.\n",
    });
  });

  it("learns of a timeout by exit code 5, where the run stands, and what to ask next", async () => {
    const { at, intent } = await placed("progressing");
    await write(at, { run: { ...aRun, intent } });
    const ran = await plane.run(["wait", "podinfo", "-n", at.namespace, "--for=step=5", "--timeout", "0"]);
    expect(ran).toEqual({
      code: 5,
      out: "",
      err: `error: Not at step 5: Weight 20 passed 1 check: 99.61% of 1176 requests succeeded, P99 44ms.\nWhy:\n  kubectl canary explain podinfo -n ${at.namespace}\n`,
    });
  });

  it("learns by exit code 7 that there is no such Canary, and by 2 that there is no such step", async () => {
    const { at } = await placed("progressing");
    expect((await plane.run(["wait", "podinof", "-n", at.namespace])).code).toBe(7);
    const beyond = await plane.run(["wait", "podinfo", "-n", at.namespace, "--for=step=11"]);
    expect(beyond).toMatchObject({ code: 2, err: 'error: --for=step=11: the run of "podinfo" has 10 steps.\n' });
  });

  it("gets a result with a schema where it asks for JSON", async () => {
    const { at } = await placed("steady", stableImages.podinfod);
    const { out } = await plane.run(["wait", "podinfo", "-n", at.namespace, "--for=initialized", "-o", "json"]);
    expect(JSON.parse(out)).toMatchObject({
      apiVersion: "kubectl-canary/v1",
      kind: "WaitResult",
      for: "initialized",
      outcome: "initialized",
      exitCode: 0,
      run: null,
    });
  });
});

describe("wait, in every state of a run", () => {
  it("has its words and exit code, on a terminal and off it", async () => {
    const lines: string[] = [];
    for (const [index, [name, seen]] of Object.entries(states).entries()) {
      // Of one length, or lines would be broken elsewhere.
      const namespace = `state-${String(index).padStart(2, "0")}`;
      await place(plane.cluster, seen, { namespace, controllerNamespace: namespace });
      await alignIntent({ name: "podinfo", namespace });
      const args = ["wait", "podinfo", "-n", namespace, "--controller-namespace", namespace, "--timeout", "0"];
      for (const columns of [undefined, 72]) {
        const { code, out, err } = await plane.run(args, columns === undefined ? {} : { columns });
        const shown = `exit ${code}\n${out && `stdout: ${out}`}${err && `stderr: ${err}`}`;
        lines.push(`== ${name}, ${columns === undefined ? "off a terminal" : "on a terminal"}`);
        // By the API server's clock, which no test sets.
        lines.push(shown.replaceAll(namespace, "test").replace(/silent for [^ ]+\./, "silent for long."));
      }
    }
    await expect(lines.join("\n")).toMatchFileSnapshot("golden/wait-verb.txt");
  });

  /** The status' hashes are made up; the Deployment's is the API server's. */
  async function alignIntent(at: Place & { namespace: string }): Promise<void> {
    const canary = await plane.cluster.get<Canary>(resource.canaries, at);
    const target = await plane.cluster.get<V1Deployment>(resource.deployments, at).catch(() => undefined);
    const { stable, run, rejected, unvetted } = canary.status ?? {};
    if (!target || !stable) return;
    const hash = hashTemplate(target.spec?.template);
    const part = unvetted
      ? { unvetted: { ...unvetted, hash } }
      : run
        ? { run: { ...run, intent: hash } }
        : rejected
          ? { rejected: rejected.map((one) => ({ ...one, hash })) }
          : { stable: { ...stable, hash } };
    await setStatus(plane.cluster, canary, part);
  }

  it("tells at once that no controller is alive, and not by the timeout", async () => {
    const namespace = `wait-${++count}`;
    const seen = states["left by its controller"] as Seen;
    await place(plane.cluster, seen, { namespace, controllerNamespace: namespace });
    await alignIntent({ name: "podinfo", namespace });
    const started = program.start(["wait", "podinfo", "-n", namespace, "--controller-namespace", namespace]);
    await started.shows("Nothing moves until it is back.");
    expect(started.err()).toMatch(/^The controller has been silent for \S+\. Nothing moves/m);
    await started.end("SIGINT");
  });
});

describe("waiting", () => {
  it("goes on through a restart of the API server", async () => {
    const { at, intent } = await placed("progressing");
    await write(at, { run: { ...aRun, intent } });
    const started = program.start(["wait", "podinfo", "-n", at.namespace, "--timeout", "120s"]);
    await started.shows("Weight 20 passed");
    await plane.killApi();
    await plane.startApi();
    await waitUntilReady(plane.cluster);
    await write(at, over("promoted", intent));
    expect((await started.ended).code).toBe(0);
  });

  it("ends with 130 on Ctrl-C, and says that nothing was changed", async () => {
    const { at, intent } = await placed("progressing");
    await write(at, { run: { ...aRun, intent } });
    const started = program.start(["wait", "podinfo", "-n", at.namespace]);
    await started.shows("Weight 20 passed");
    const { code, err } = await started.end("SIGINT");
    expect(code).toBe(130);
    expect(err).toContain("Not waiting any longer; nothing was changed.");
  });
});
