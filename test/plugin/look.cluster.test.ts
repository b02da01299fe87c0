/** explain, history, events, diff and undo --to against a real API server: what they read, by whose rights, and what they say without. */
import type { V1Deployment, V1ReplicaSet } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Seen } from "../../plugin/view/types.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { hashTemplate } from "../../shared/template-hash.ts";
import type { Place } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { place, setStatus } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "./fixtures/plane.ts";
import { openPrometheus } from "../../plugin/cluster/prometheus.ts";
import { placePod } from "./fixtures/installed.ts";
import { aDeployment, ago, canaryImages, now, scope, stableImages } from "./fixtures/seen.ts";
import { aTerminal } from "./fixtures/terminal.ts";
import { states } from "./fixtures/states.ts";

let plane: Plane;
let count = 0;

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
});
afterAll(() => plane.stop());

interface Placed {
  at: Place & { namespace: string };
  args: string[];
  /** Hash of stable's template. */
  stable: string;
}

/** A Deployment that asks for 1.7.1, its ReplicaSet of 1.7.0 as its controller would have made it, and a Canary with both. */
async function placed(state: string): Promise<Placed> {
  const namespace = `look-${++count}`;
  const seen = { ...(states[state] as Seen), target: aDeployment("podinfo", 4, canaryImages.podinfod) };
  await place(plane.cluster, seen, { namespace, controllerNamespace: `${namespace}-control` });
  const at = { name: "podinfo", namespace };
  const set = await createSet(at, "6d4f8b9c5");
  const stable = hashTemplate(set.spec?.template);
  const canary = await plane.cluster.get<Canary>(resource.canaries, at);
  const history = (canary.status?.history ?? []).map((entry) =>
    entry.outcome === "promoted" ? { ...entry, intent: stable } : entry,
  );
  await setStatus(plane.cluster, canary, {
    stable: { hash: stable, podTemplateHash: "6d4f8b9c5", images: stableImages },
    history,
  });
  return { at, stable, args: ["podinfo", "-n", namespace, "--controller-namespace", `${namespace}-control`] };
}

async function createSet(at: Place & { namespace: string }, hash: string): Promise<V1ReplicaSet> {
  const target = await plane.cluster.get<V1Deployment>(resource.deployments, at);
  const { template, selector } = aDeployment("podinfo", 4, stableImages.podinfod).spec!;
  const labels = { app: "podinfo", "pod-template-hash": hash };
  const owner = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name: at.name,
    uid: target.metadata?.uid ?? "",
    controller: true,
  };
  return plane.cluster.create<V1ReplicaSet>(resource.replicaSets, {
    metadata: { name: `${at.name}-${hash}`, namespace: at.namespace, labels, ownerReferences: [owner] },
    spec: {
      replicas: 4,
      selector: { matchLabels: { ...selector.matchLabels, ...labels } },
      template: { ...template, metadata: { labels } },
    },
  });
}

async function grant(user: string, rules: object[]): Promise<void> {
  const metadata = { name: user };
  await plane.cluster.create(resource.clusterRoles, { metadata, rules });
  await plane.cluster.create(resource.clusterRoleBindings, {
    metadata,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: user },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}

const canariesOnly = [{ apiGroups: ["flagger.app"], resources: ["canaries"], verbs: ["get", "list"] }];

describe("a Canary that is not there", () => {
  it.each(["explain", "history", "events", "diff", "stats"])(
    "is told by %s with exit code 7 and names that are near",
    async (verb) => {
      const { at } = await placed("steady");
      expect(await plane.run([verb, "podinof", "-n", at.namespace])).toEqual({
        code: 7,
        out: "",
        err: `error: No Canary "podinof" in namespace "${at.namespace}". Did you mean podinfo? List them:\n  kubectl canary list -n ${at.namespace}\n`,
      });
    },
  );
});

describe("explain", () => {
  it("says why it does not move, with the events of this very Canary", async () => {
    const { at, args } = await placed("held for want of evidence");
    const canary = await plane.cluster.get<Canary>(resource.canaries, at);
    for (const [name, uid] of [
      ["own", canary.metadata.uid],
      ["of-another", "gone"],
    ] as const)
      await plane.cluster.create(resource.coreEvents, {
        metadata: { name, namespace: at.namespace },
        involvedObject: { apiVersion: "flagger.app/v1beta1", kind: "Canary", ...at, uid },
        type: "Warning",
        reason: "Synced",
        message: `Halt advancement (${name})`,
        lastTimestamp: ago(5),
        count: 1,
      });
    const { code, out, err } = await plane.run(["explain", ...args]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("It does not move: users' requests reach the primary, and none the canary (for 1m35s)");
    expect(out).toContain("Halt advancement (own)");
    expect(out).not.toContain("of-another");
    expect((await plane.run(["events", ...args])).out).toBe(
      "SEEN     TYPE      COUNT   MESSAGE\n5s ago   Warning       1   Halt advancement (own)\n",
    );
    const view = JSON.parse((await plane.run(["explain", ...args, "-o", "json"])).out) as unknown;
    expect(view).toMatchObject({ kind: "ExplainView", cause: { code: "unreached", moving: false } });
  });

  it("leaves out what its user may not read", async () => {
    await grant("explainer", canariesOnly);
    const { args } = await placed("progressing");
    const { code, out } = await plane.run(["explain", ...args, "--as", "explainer"]);
    expect(code).toBe(0);
    expect(out).toContain("needs permission to get deployments.apps");
  });
});

describe("history", () => {
  it("lists runs, the newest first, no more than asked for", async () => {
    const { args } = await placed("failed");
    const { out } = await plane.run(["history", ...args]);
    expect(out).toBe(
      [
        "RUN   IMAGES          ASKED BY              STARTED      TOOK   OUTCOME    WHY",
        "3     podinfo:1.7.1   alice (kubectl-set)   3m20s ago   1m20s   rejected   request-success-rate 71.20% is below 99% (5 of 5 checks failed)",
        "2     podinfo:1.7.0   bob                   1h6m ago    3m20s   promoted   10 of 10 steps passed",
        "",
      ].join("\n"),
    );
    expect((await plane.run(["history", ...args, "--limit", "1", "-o", "name"])).out).toBe("3\n");
    const { items } = JSON.parse((await plane.run(["history", ...args, "-o", "json"])).out) as { items: object[] };
    expect(items[0]).toMatchObject({ run: "3", outcome: "rejected", durationSeconds: 80 });
  });

  it("of a Canary that has none says so on stderr", async () => {
    const { args } = await placed("initializing");
    expect(await plane.run(["history", ...args])).toEqual({
      code: 0,
      out: "",
      err: 'Nothing has been tried yet for Canary "podinfo".\n',
    });
    const json = await plane.run(["history", ...args, "-o", "json"]);
    expect(JSON.parse(json.out)).toMatchObject({ items: [] });
  });
});

describe("diff", () => {
  it("shows what the Deployment asks for against what is stable, and exits with 1 only where asked to", async () => {
    const { args } = await placed("progressing");
    const { code, out } = await plane.run(["diff", ...args]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^--- stable quay\.io\/stefanprodan\/podinfo:1\.7\.0 \(replicaset\/podinfo-6d4f8b9c5\)\n\+\+\+ asked for quay/,
    );
    const changed = out.split("\n").filter((line) => /^[-+] /.test(line));
    expect(changed.map((line) => line.replace(/\s+/g, " "))).toEqual([
      "- image: quay.io/stefanprodan/podinfo:1.7.0",
      "+ image: quay.io/stefanprodan/podinfo:1.7.1",
    ]);
    expect((await plane.run(["diff", ...args, "--exit-code"])).code).toBe(1);
  });

  it("of equal templates prints nothing on stdout", async () => {
    const { at, args } = await placed("steady");
    const path = "/spec/template/spec/containers/0/image";
    const body = [{ op: "replace", path, value: stableImages.podinfod }];
    await plane.cluster.patch(resource.deployments, at, { type: "json", body });
    expect(await plane.run(["diff", ...args, "--exit-code"])).toEqual({
      code: 0,
      out: "",
      err: "No difference: deployment/podinfo asks for what is stable.\n",
    });
  });

  it("says which permission is missing, and what is gone", async () => {
    await grant("differ", canariesOnly);
    const { at, args } = await placed("progressing");
    const denied = await plane.run(["diff", ...args, "--as", "differ"]);
    expect(denied.err).toMatch(
      /^error: You may not compare the templates: needs permission to (get|list) \S+ in namespace/,
    );
    await plane.cluster.delete(resource.replicaSets, { ...at, name: "podinfo-6d4f8b9c5" });
    const gone = await plane.run(["diff", ...args]);
    expect(gone).toMatchObject({ code: 1, err: expect.stringContaining("(podinfo-6d4f8b9c5) is gone") as string });
  });
});

describe("stats", () => {
  it("shows the controller's last measurement, with the weight in the route", async () => {
    const { args } = await placed("progressing");
    expect(await plane.run(["stats", ...args])).toEqual({
      code: 0,
      err: "",
      out: [
        "TRACK     READY   WEIGHT   SUCCESS       RPS   P50    P95    P99   REQUESTS",
        "primary     0/4      80%   100.00%   81.2rps   4ms   12ms   31ms       4871",
        "canary      0/1      20%    99.61%   19.6rps   5ms   14ms   44ms       1176",
        "users' requests over 60s, measured 4s ago",
        "",
      ].join("\n"),
    });
    const view = JSON.parse((await plane.run(["stats", ...args, "-o", "json"])).out) as unknown;
    expect(view).toMatchObject({ kind: "StatsView", source: "status", from: null, windowSeconds: 60 });
  });

  it("names the Prometheus that it could not ask by the address that people know", async () => {
    const { at } = await placed("progressing");
    const { namespace } = at;
    const spec = { selector: { app: "prometheus" }, ports: [{ port: 9090 }] };
    await plane.cluster.create(resource.services, { metadata: { name: "prometheus", namespace }, spec });
    await placePod(plane.cluster, namespace, {
      metadata: { name: "prometheus-0", labels: { app: "prometheus" } },
      spec: { containers: [{ name: "prometheus" }] },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    });
    const metricsServer = `http://prometheus.${namespace}:9090`;
    await plane.cluster.patch(resource.canaries, at, { type: "merge", body: { spec: { metricsServer } } });
    const canary = await plane.cluster.get<Canary>(resource.canaries, at);
    const session = {
      deps: { ...aTerminal(), cluster: plane.cluster, signal: new AbortController().signal },
      scope: { ...scope, namespace },
      forward: () => Promise.resolve({ url: "http://127.0.0.1:1", close: () => undefined, problem: () => undefined }),
    };
    const prometheus = await openPrometheus(canary, session);
    const said = await prometheus.query("up", now).catch((error: Error) => error.message);
    expect(said).toMatch(new RegExp(`^Prometheus at ${metricsServer}, by port-forward, cannot be reached`));
  });
});

describe("undo --to", () => {
  it("names the recorded versions where it knows none of that name", async () => {
    const { args } = await placed("failed");
    expect(await plane.run(["undo", ...args, "--to", "podinfo:9"])).toEqual({
      code: 7,
      out: "",
      err: 'error: No promoted version "podinfo:9" of Canary "podinfo". Recorded are quay.io/stefanprodan/podinfo:1.7.0 (run 2).\n',
    });
  });

  it("goes back to stable by its ReplicaSet, for the image, the run or the hash", async () => {
    const { at, args, stable } = await placed("failed");
    for (const to of ["podinfo:1.7.0", "2", stable, stable.slice(3, 11)]) {
      const body = [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: canaryImages.podinfod }];
      await plane.cluster.patch(resource.deployments, at, { type: "json", body });
      const { code, out } = await plane.run(["undo", ...args, "--to", to]);
      expect({ code, out }).toEqual({
        code: 0,
        out: "podinfo: deployment/podinfo is set to quay.io/stefanprodan/podinfo:1.7.0 (run 2, promoted 1h3m ago) again: it is stable, so no pod restarts.\n",
      });
      const { spec } = await plane.cluster.get<V1Deployment>(resource.deployments, at);
      expect([hashTemplate(spec?.template), spec?.template.metadata?.labels]).toEqual([stable, { app: "podinfo" }]);
    }
    expect((await plane.run(["undo", ...args, "--to", "2"])).err).toContain("already: nothing to undo.");
  });

  it("writes nothing that no webhook would hold", async () => {
    const { at, args } = await placed("failed");
    const canary = await plane.cluster.get<Canary>(resource.canaries, at);
    await setStatus(plane.cluster, canary, {
      stable: { hash: "v1-other", podTemplateHash: "x", images: stableImages },
    });
    const before = await plane.cluster.get<V1Deployment>(resource.deployments, at);
    const { code, err } = await plane.run(["undo", ...args, "--to", "podinfo:1.7.0"]);
    expect(code).toBe(1);
    expect(err).toContain("Not written: the webhook would not hold deployment/podinfo");
    expect((await plane.cluster.get<V1Deployment>(resource.deployments, at)).spec).toEqual(before.spec);
  });

  it("says when the ReplicaSet is gone, and which permission is missing", async () => {
    await grant("undoer", canariesOnly);
    const { at, args } = await placed("failed");
    const denied = await plane.run(["undo", ...args, "--to", "2", "--as", "undoer"]);
    expect(denied.err).toContain("You may not undo to another version: needs permission to get deployments.apps");
    await plane.cluster.delete(resource.replicaSets, { ...at, name: "podinfo-6d4f8b9c5" });
    const gone = await plane.run(["undo", ...args, "--to", "2"]);
    expect(gone.err).toMatch(
      /^error: The ReplicaSet of quay\S+ \(run 2, promoted 1h3m ago\) is gone: deployment\/podinfo keeps 10 old ones/,
    );
  });
});
