// The webhook as the API server asks it, through the installed chart, with the tools that people use.
import type { V1Deployment } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { annotation, heldValue, label } from "../../shared/core/objects/names.ts";
import { installChart, release } from "../chart/install.ts";
import { deleteNamespace, kubectl, mustKubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { paths } from "../cluster/layout.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Target, image, manifest } from "./target.ts";
import { unwritten } from "./unwritten.ts";

const target = new Target("admission");
const inRelease = (...args: string[]): Promise<string> => mustKubectl(["-n", release.namespace, ...args]);

const imageOf = (object: V1Deployment): string | undefined => object.spec?.template.spec?.containers[0]?.image;

async function expectHeld(tag: string): Promise<V1Deployment> {
  const object = await target.get();
  expect(imageOf(object)).toBe(image(tag));
  expect(object.spec?.paused).toBe(true);
  expect(object.metadata?.labels?.[label.held]).toBe(heldValue.running);
  return object;
}

/** kubectl prints warnings to its standard error, one a line. */
const warnings = (stderr: string): string[] => stderr.split("\n").filter((line) => line.startsWith("Warning: "));

beforeAll(async () => {
  await deleteNamespace(target.namespace);
  await target.create();
});

afterAll(() => deleteNamespace(target.namespace));

describe("a change of a gated Deployment's template", () => {
  beforeEach(() => target.reset());

  it("by set image is stored and held, warned of in three lines, and restarts no pod", async () => {
    const before = await target.podUids();
    const { stderr, code } = await target.do("set", "image", "deploy/podinfo", `podinfod=${image("1.7.1")}`);
    expect(code).toBe(0);
    expect(warnings(stderr)).toEqual([
      "Warning: canary podinfo.admission holds image podinfod 1.7.0 -> 1.7.1: running pods stay until it is judged",
      "Warning: watch: kubectl canary status podinfo -n admission",
      "Warning: wait for the verdict: kubectl -n admission rollout status deploy podinfo",
    ]);
    expect((await expectHeld("1.7.1")).metadata?.annotations?.[annotation.requestedBy]).toBe("admin");
    const waited = await target.do("rollout", "status", "deploy", "podinfo", "--timeout=2s");
    expect(waited.stdout + waited.stderr).toMatch(/0 out of 1 new replicas have been updated[^]*timed out/);
    expect(await target.podUids()).toBe(before);
  });

  it.each([
    ["client-side apply", ["apply"]],
    ["server-side apply", ["apply", "--server-side", "--force-conflicts"]],
    ["replace", ["replace"]],
  ])("by %s is held, and the same manifest again changes nothing", async (_, verb) => {
    const next = manifest("1.7.1", { COLOR: "green" });
    expect((await target.send(next, ...verb)).code).toBe(0);
    const first = await expectHeld("1.7.1");
    expect(first.spec?.template.spec?.containers[0]?.env).toEqual([{ name: "COLOR", value: "green" }]);
    const before = await observed();
    for (let again = 0; again < 2; again++) {
      const { stderr, code } = await target.send(next, ...verb);
      expect([code, warnings(stderr)]).toEqual([0, []]);
      const object = await expectHeld("1.7.1");
      expect(object.spec).toEqual(first.spec);
      expect(object.metadata?.annotations?.[annotation.requestedBy]).toBe("admin");
    }
    // A PUT drops the annotations that others keep there; the deployment controller writes its own back.
    if (verb[0] === "apply") expect(await observed()).toEqual(before);
  });

  const observed = (): Promise<object> =>
    unwritten(target.namespace, (status) =>
      Boolean(status?.conditions?.some(({ reason }) => reason === "DeploymentPaused")),
    );

  it("names the person who asked, and the next person for the next version", async () => {
    const as = ["--as", "alice", "--as-group", "system:masters"];
    await target.do(...as, "set", "image", "deploy/podinfo", `podinfod=${image("1.7.1")}`);
    expect((await expectHeld("1.7.1")).metadata?.annotations?.[annotation.requestedBy]).toBe("alice");
    await target.do("set", "env", "deploy/podinfo", "COLOR=red");
    expect((await expectHeld("1.7.1")).metadata?.annotations?.[annotation.requestedBy]).toBe("admin");
  });

  it("is warned of and not stored on dry-run", async () => {
    const args = ["set", "image", "deploy/podinfo", `podinfod=${image("1.7.1")}`, "--dry-run=server"];
    const { stderr } = await target.do(...args);
    expect(warnings(stderr)).toHaveLength(3);
    const object = await target.get();
    expect([imageOf(object), object.spec?.paused ?? false]).toEqual([image("1.7.0"), false]);
  });

  it("is refused while the Deployment rolls to a judged version, with a sentence", async () => {
    await target.asController("label", "deploy", "podinfo", `${label.promoting}=run-4`);
    try {
      const { stderr, code } = await target.do("set", "image", "deploy/podinfo", `podinfod=${image("1.7.1")}`);
      expect(code).toBe(1);
      expect(stderr).toMatch(/is promoting a judged version \(run run-4\).*again in a few seconds/);
    } finally {
      await target.asController("label", "deploy", "podinfo", `${label.promoting}-`);
    }
  });

  it("passes by break-glass: the bypass label first, the change after", async () => {
    await target.do("label", "deploy", "podinfo", `${label.bypass}=incident-7`);
    const { stderr } = await target.do("set", "image", "deploy/podinfo", `podinfod=${image("1.7.1")}`);
    expect(warnings(stderr)[0]).toContain("goes out WITHOUT a canary");
    expect((await target.do("rollout", "status", "deploy", "podinfo", "--timeout=60s")).code).toBe(0);
    await target.do("label", "deploy", "podinfo", `${label.bypass}-`);
  });
});

describe("while a version is held", () => {
  beforeEach(async () => {
    await target.reset();
    await target.do("set", "image", "deploy/podinfo", `podinfod=${image("1.7.1")}`);
  });

  it("rollout resume leaves it paused and names both ways out; undo and restart are kubectl's own refusal", async () => {
    const { stderr } = await target.do("rollout", "resume", "deploy", "podinfo");
    expect(warnings(stderr).join("\n")).toMatch(
      /kubectl canary promote podinfo -n admission[^]*kubectl canary rollback/,
    );
    await expectHeld("1.7.1");
    const restart = await target.do("rollout", "restart", "deploy", "podinfo");
    expect([restart.code, restart.stderr]).toEqual([1, expect.stringContaining("paused")]);
  });

  it("our marks cannot be taken off or forged", async () => {
    const removed = await target.do("label", "deploy", "podinfo", `${label.target}-`, `${label.held}-`);
    expect(warnings(removed.stderr).join()).toContain("left as they were");
    await target.do("annotate", "deploy", "podinfo", "--overwrite", `${annotation.requestedBy}=root`);
    const object = await expectHeld("1.7.1");
    expect(object.metadata?.labels?.[label.target]).toBe(object.metadata?.uid);
    expect(object.metadata?.annotations?.[annotation.requestedBy]).toBe("admin");
  });

  it("the Deployment can be scaled, annotated and healed", async () => {
    expect((await target.do("scale", "deploy", "podinfo", "--replicas=2")).code).toBe(0);
    expect((await target.do("annotate", "deploy", "podinfo", "--overwrite", "team=a")).code).toBe(0);
    await waitFor(
      async () => {
        const ready = (await target.get()).status?.readyReplicas;
        return ready === 2 ? true : unmet(`${ready} ready`);
      },
      30_000,
      "two pods of stable",
    );
    await expectHeld("1.7.1");
    await target.do("scale", "deploy", "podinfo", "--replicas=1");
  });

  it("a copy of it, here or in another namespace, has none of its marks, stays paused and is told how to run", async () => {
    const { metadata, spec } = await target.get();
    const { labels, annotations } = { ...metadata };
    for (const namespace of [target.namespace, "default"]) {
      const copy = { ...manifest("1.7.0"), metadata: { name: "copy", namespace, labels, annotations }, spec };
      const args = ["-n", namespace, "create", "-f", "-"];
      const { stderr, code } = await kubectl(args, { input: JSON.stringify(copy) });
      expect([code, warnings(stderr)[1]]).toEqual([
        0,
        `Warning: it is paused, as that one was held; to run its pods: kubectl -n ${namespace} rollout resume deploy copy`,
      ]);
      const object = await getJson<V1Deployment>(["-n", namespace, "deploy", "copy"]);
      expect(Object.keys(object.metadata?.labels ?? {})).toEqual(["app"]);
      expect(object.metadata?.annotations).not.toHaveProperty([annotation.requestedBy]);
      expect(object.spec?.paused).toBe(true);
      await mustKubectl(["-n", namespace, "delete", "deploy", "copy"]);
    }
  });

  it("a manifest that says paused: false passes by every tool, changes nothing and conflicts with nobody", async () => {
    const object = manifest("1.7.1") as V1Deployment;
    object.spec!.paused = false;
    for (const verb of [["apply"], ["apply", "--server-side", "--force-conflicts"], ["apply", "--server-side"]]) {
      const { code, stderr } = await target.send(object, ...verb);
      expect(code, stderr).toBe(0);
      await expectHeld("1.7.1");
    }
  });
});

describe("a Deployment that nobody opted in", () => {
  it("cannot be opted in by its user, and is not held", async () => {
    await target.send({ ...manifest("1.7.0"), metadata: { name: "free", labels: { app: "free" } } }, "create");
    const { metadata } = await getJson<V1Deployment>(["-n", target.namespace, "deploy", "free"]);
    await target.do("label", "deploy", "free", `${label.target}=${metadata?.uid}`);
    const { stderr } = await target.do("set", "image", "deploy/free", `podinfod=${image("1.7.1")}`);
    expect(warnings(stderr)).toEqual([]);
    const object = await getJson<V1Deployment>(["-n", target.namespace, "deploy", "free"]);
    expect([object.metadata?.labels?.[label.target], object.spec?.paused]).toEqual([undefined, undefined]);
    await target.do("delete", "deploy", "free");
  });
});

describe("the webhook's own troubles", () => {
  // A leader gives back what is gated without a Canary: here replicas are replaced, and one begins.
  beforeAll(() => target.suspendedCanary());
  beforeEach(() => target.reset());

  it("a lost Secret is replaced, and meanwhile no change gets past or is refused", async () => {
    const secret = `${release.name}-certificate`;
    const before = await inRelease("get", "secret", secret, "-o", "jsonpath={.metadata.uid}");
    await inRelease("delete", "secret", secret);
    const values = Array.from({ length: 20 }, (_, index) => `TRY=${index}`);
    for (const value of values) {
      const { code, stderr } = await target.do("set", "env", "deploy/podinfo", value);
      expect([code, warnings(stderr).length]).toEqual([0, 3]);
    }
    const isReplaced = async (): Promise<true | ReturnType<typeof unmet>> =>
      (await inRelease("get", "secret", secret, "-o", "jsonpath={.metadata.uid}")) !== before || unmet("the same");
    await waitFor(isReplaced, 60_000, "another Secret");
  });

  it("a CA bundle that someone emptied is written again, and changes are held again", async () => {
    const name = `zz-${release.name}`;
    const patch = JSON.stringify([{ op: "replace", path: "/webhooks/0/clientConfig/caBundle", value: "" }]);
    await mustKubectl(["patch", "mutatingwebhookconfiguration", name, "--type=json", "-p", patch]);
    await waitFor(
      async () => {
        const { stderr, code } = await target.do("set", "env", "deploy/podinfo", "TRY=again");
        return code === 0 && stderr.includes("holds") ? true : unmet(stderr);
      },
      60_000,
      "the API server to trust the webhook",
    );
  });

  it("an upgrade of the chart loses no change, while pods are replaced", async () => {
    const install = installChart({
      kubeconfig: paths.kubeconfig,
      rebuild: false,
      helmArgs: ["--reuse-values", "--set-string", "podAnnotations.restarted=once"],
    });
    const progress = { done: false };
    const finished = install.finally(() => (progress.done = true));
    let changes = 0;
    while (!progress.done) {
      const { code, stderr } = await target.do("set", "env", "deploy/podinfo", `TRY=${changes++}`);
      expect([code, stderr]).toEqual([0, expect.stringContaining("holds")]);
    }
    await finished;
    expect(changes).toBeGreaterThan(5);
  });

  it("while no replica is up, template changes are refused and everything else goes through", async () => {
    await inRelease("scale", "deploy", release.name, "--replicas=0");
    try {
      await inRelease("wait", "pod", "--for=delete", "-l", `app.kubernetes.io/name=${release.name}`, "--timeout=60s");
      const change = await target.do("set", "image", "deploy/podinfo", `podinfod=${image("1.7.1")}`);
      expect([change.code, change.stderr]).toEqual([1, expect.stringContaining("deployments.kubectl-canary.io")]);
      for (const args of [
        ["annotate", "deploy", "podinfo", "--overwrite", "team=b"],
        ["scale", "deploy", "podinfo", "--replicas=1"],
        ["label", "deploy", "podinfo", "--overwrite", "tier=web"],
      ])
        expect((await target.do(...args)).code).toBe(0);
    } finally {
      await inRelease("scale", "deploy", release.name, "--replicas=2");
      await inRelease("rollout", "status", "deploy", release.name, "--timeout=60s");
    }
    expect((await kubectl(["-n", target.namespace, "get", "deploy", "podinfo"])).code).toBe(0);
  });
});
