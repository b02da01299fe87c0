/** `init` and `completion` against a real API server. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { load } from "js-yaml";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { resource } from "../../shared/kube/resources.ts";
import { placeInstallation, placePod } from "./fixtures/installed.ts";
import { aMeshedPod } from "./fixtures/doctor-facts.ts";
import { ensureNamespace, putCanary, setStatus } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "./fixtures/plane.ts";
import { aCanary, aDeployment, aLease, aStatus, microTime } from "./fixtures/seen.ts";
import { states } from "./fixtures/states.ts";

let plane: Plane;

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  await placeInstallation(plane.cluster);
  const lease = aLease(0);
  if (lease.spec) lease.spec.renewTime = microTime(Date.now() + 3_600_000);
  await plane.cluster.create(resource.leases, lease);
});
afterAll(() => plane.stop());

/** A Deployment with a container port, its meshed pod, and a Service of that name unless told otherwise. */
async function aShop(
  namespace: string,
  services: [name: string, ports: object[]][] = [["podinfo", [{ port: 9898 }]]],
): Promise<void> {
  await ensureNamespace(plane.cluster, namespace);
  const deployment = aDeployment("podinfo", 2, "podinfo:1");
  await plane.cluster.create(resource.deployments, { ...deployment, metadata: { name: "podinfo", namespace } });
  await placePod(plane.cluster, namespace, aMeshedPod("podinfo-6d4f8b9c5-x2x4k", "podinfo"));
  for (const [name, ports] of services)
    await plane.cluster.create(resource.services, {
      metadata: { name, namespace },
      spec: { selector: { app: "podinfo" }, ports },
    });
}

const init = (namespace: string, ...args: string[]) =>
  plane.run(["init", "deploy/podinfo", "-n", namespace, ...args], { now: () => Date.now() });

describe("init", () => {
  it("prints a Canary that the API server takes, and creates nothing", async () => {
    await aShop("dry");
    const { code, out, err } = await init("dry", "--dry-run");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: podinfo
  namespace: dry
spec:
  targetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: podinfo
  service:
    port: 9898
  analysis:
    interval: 30s
    threshold: 5
    stepWeight: 10
    maxWeight: 50
    metrics:
      - name: request-success-rate
        interval: 1m
        thresholdRange:
          min: 99
      - name: request-duration
        interval: 1m
        thresholdRange:
          max: 500
`);
    expect((await plane.cluster.list(resource.canaries, { namespace: "dry" })).items).toEqual([]);
    await plane.cluster.create(resource.canaries, load(out) as Canary, { dryRun: true });
  });

  it("creates it, says how to see it, and refuses a second one", async () => {
    await aShop("made");
    expect(await init("made")).toEqual({
      code: 0,
      out: "canary.flagger.app/podinfo created\n",
      err: "See it take podinfo under control: kubectl canary status podinfo -n made\n",
    });
    const canary = await plane.cluster.get<Canary>(resource.canaries, { name: "podinfo", namespace: "made" });
    expect(canary.spec.service).toEqual({ port: 9898 });
    expect(await init("made")).toEqual({
      code: 1,
      out: "",
      err: "error: Deployment podinfo has a Canary already: podinfo. See kubectl canary status podinfo -n made\n",
    });
  });

  it("takes the one Service that selects the pods, and of its ports the one for HTTP", async () => {
    await aShop("other", [
      [
        "web",
        [
          { name: "metrics", port: 9797 },
          { name: "http", port: 80 },
        ],
      ],
    ]);
    const { out } = await init("other", "--dry-run");
    expect((load(out) as Canary).spec.service).toEqual({ name: "web", port: 80 });
  });

  it("does not choose between Services, nor invent a port", async () => {
    await aShop("two", [
      ["a", [{ port: 80 }]],
      ["b", [{ port: 80 }]],
    ]);
    expect((await init("two")).err).toContain("2 Services select the pods of podinfo and none has its name: a, b.");
    await aShop("none", []);
    const { code, err } = await init("none");
    expect(code).toBe(1);
    expect(err).toContain("create a Service first, kubectl expose deploy podinfo --port PORT -n none");
  });

  it("refuses a Deployment that cannot be canaried, with the reason and the cure", async () => {
    await aShop("unfit");
    const at = { name: "podinfo", namespace: "unfit" };
    const body = { spec: { strategy: { type: "Recreate", rollingUpdate: null } } };
    await plane.cluster.patch(resource.deployments, at, { type: "merge", body });
    const { code, out, err } = await init("unfit");
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("error: No Canary was made: Deployment podinfo has strategy Recreate");
    expect(err).toContain("  kubectl -n unfit edit deploy podinfo");
  });

  it("names what is near to a Deployment that is not there", async () => {
    expect(await plane.run(["init", "deploy/podinof", "-n", "dry"])).toEqual({
      code: 7,
      out: "",
      err: 'error: Deployment "podinof" does not exist in namespace "dry". Did you mean podinfo?\n',
    });
  });
});

describe("completion", () => {
  const complete = async (...words: string[]): Promise<string[]> =>
    (await plane.run(["__complete", ...words])).out.split("\n");

  beforeAll(async () => {
    await ensureNamespace(plane.cluster, "complete");
    await plane.cluster.create(resource.deployments, {
      ...aDeployment("web", 1, "x"),
      metadata: { name: "web", namespace: "complete" },
    });
    for (const name of ["podinfo", "portal"]) {
      const canary = aCanary(undefined);
      await putCanary(plane.cluster, { ...canary, metadata: { name, namespace: "complete" } });
    }
  });

  it("knows verbs, names, namespaces, steps and formats", async () => {
    expect(await complete("pro")).toEqual(["promote", ":4", ""]);
    expect(await complete("status", "-n", "complete", "po")).toEqual(["podinfo", "portal", ":4", ""]);
    expect(await complete("status", "podinfo", "--namespace", "comp")).toEqual(["complete", ":4", ""]);
    expect(await complete("promote", "podinfo", "-n", "complete", "--to-step", "1")).toEqual(["1", "10", ":4", ""]);
    expect(await complete("status", "podinfo", "-o", "y")).toEqual(["yaml", ":4", ""]);
    expect(await complete("init", "-n=complete", "")).toEqual(["deploy/web", ":4", ""]);
    expect(await complete("promote", "podinfo", "-n", "complete", "--to-step=1")).toEqual(["1", "10", ":4", ""]);
    expect(await complete("promote", "deploy/podinfo", "--namespace=complete", "--to-step=1")).toHaveLength(4);
    expect(await complete("status", "--namespace=compl")).toEqual(["complete", ":4", ""]);
    expect(await complete("wait", "podinfo", "--for", "p")).toEqual(["promoted", "paused", ":4", ""]);
    expect(await complete("pause", "podinfo", "--for", "")).toEqual([":4", ""]);
  });

  it("says nothing where the cluster cannot be asked", async () => {
    expect(await complete("status", "--kubeconfig", "/none", "p")).toEqual([":4", ""]);
    expect(await plane.run(["__complete", "status", "-n", "complete", "--as", "nobody", "p"])).toEqual({
      code: 0,
      out: ":4\n",
      err: "",
    });
  });

  it("works in a real bash", async () => {
    const { out } = await plane.run(["completion", "bash"]);
    // Bash's own cut at "=" and ":" is undone for the plugin, and done again with what it answers.
    const script = `kubectl-canary() { printf '%s\\n' "$*" "podinfo:1.7.0" ":4" | tee -a "$ASKED"; }
${out}
ask() { COMP_WORDS=(kubectl-canary "$@"); COMP_CWORD=$#; __kubectl_canary; printf '%s\\n' "\${COMPREPLY[1]}"; }
ASKED=$(mktemp)
ask status -n test po; ask undo x --to = podinfo : 1; ask status --namespace = ""
grep __complete "$ASKED"; rm "$ASKED"`;
    expect(execFileSync("bash", ["-c", script], { encoding: "utf8" }).split("\n")).toEqual([
      "podinfo:1.7.0",
      "1.7.0",
      "podinfo:1.7.0",
      "__complete status -n test po",
      "__complete undo x --to=podinfo:1",
      "__complete status --namespace=",
      "",
    ]);
  });

  it("offers the promoted versions to undo --to", async () => {
    const canary = await plane.cluster.get<Canary>(resource.canaries, { name: "portal", namespace: "complete" });
    const { history = [] } = states["failed"]?.canary.status ?? {};
    await setStatus(plane.cluster, canary, aStatus({ history }));
    expect(await complete("undo", "portal", "-n", "complete", "--to", "")).toEqual([
      "quay.io/stefanprodan/podinfo:1.7.0",
      ":4",
      "",
    ]);
  });

  it.each(["zsh", "fish", "kubectl"])("prints a script for %s", async (shell) => {
    const { code, out } = await plane.run(["completion", shell]);
    expect(code).toBe(0);
    expect(out).toContain("kubectl-canary __complete");
  });

  it("refuses a shell that it does not know", async () => {
    const { code, err } = await plane.run(["completion", "tcsh"]);
    expect(code).toBe(2);
    expect(err).toContain('"bash", "zsh", "fish", "kubectl"');
  });
});
