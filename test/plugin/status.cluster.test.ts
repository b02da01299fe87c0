/** `status`, `list` and `version` against a real API server: what is read, by whom, and what is said when it cannot be. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resource } from "../../shared/kube/resources.ts";
import { ensureNamespace, place, placeController, putCanary } from "./fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "./fixtures/plane.ts";
import { aCanary, aLease, aStatus, microTime } from "./fixtures/seen.ts";
import { states } from "./fixtures/states.ts";
import type { Seen } from "../../plugin/view/types.ts";

let plane: Plane;
const running = states["progressing"] as Seen;
const inOrder = { namespace: "running", controllerNamespace: "kubectl-canary" };

beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane.stop());

describe("without the CRD", () => {
  it.each([["status"], ["status", "podinfo"], ["list"], ["promote", "podinfo"]])(
    "%s %s says that the chart is not installed",
    async (...argv) => {
      const { code, out, err } = await plane.run(argv);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toBe(
        "error: This cluster does not know Canaries (CRD canaries.flagger.app is missing). Install kubectl-canary's chart, or choose another cluster with --context.\n",
      );
    },
  );
});

describe("with Canaries", () => {
  beforeAll(async () => {
    await defineResources(plane.cluster);
    await place(plane.cluster, running, inOrder);
  });

  it("shows what stands in the cluster, by any of the Canary's names", async () => {
    const { code, out, err } = await plane.run(["status", "podinfo", "-n", "running"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("◌ the canary has 20% of requests; last check passed");
    expect(out).toContain("canary 20%, primary 80%, read from TrafficSplit podinfo");
    for (const name of ["canary/podinfo", "deploy/podinfo", "deployment/podinfo"])
      expect((await plane.run(["get", name, "-n", "running"])).out).toBe(out);
    expect((await plane.run(["status", "-n", "running"])).out).toBe(out);
  });

  it("says its first line again where a small terminal has lost it, and nowhere else", async () => {
    const argv = ["status", "podinfo", "-n", "running"];
    const verdict = "◌ the canary has 20% of requests; last check passed";
    const endsOn = async (rows: number): Promise<boolean> => {
      const { out } = await plane.run(argv, { columns: 120, rows });
      return out.replace(/\u001b\[\d*m/g, "").endsWith(`\n\n${verdict}\n`);
    };
    expect([await endsOn(24), await endsOn(60)]).toEqual([true, false]);
    expect((await plane.run(argv)).out.split(verdict)).toHaveLength(2);
  });

  it("counts pods in the Deployments as they are now, not in the status", async () => {
    const { out } = await plane.run(["status", "podinfo", "-n", "running"]);
    expect(out).toMatch(/^primary +0\/4 /m);
    const body = { status: { replicas: 4, readyReplicas: 3 } };
    const target = { name: "podinfo", namespace: "running", subresource: "status" };
    await plane.cluster.patch(resource.deployments, target, { type: "merge", body });
    expect((await plane.run(["status", "podinfo", "-n", "running"])).out).toMatch(/^primary +3\/4 /m);
  });

  it("shows the weight that someone else has just written into the route, and who", async () => {
    await place(plane.cluster, { ...running, lease: undefined }, { ...inOrder, namespace: "edited" });
    const backends = [
      { service: "podinfo-primary", weight: 95 },
      { service: "podinfo-canary", weight: 5 },
    ];
    const split = { name: "podinfo", namespace: "edited" };
    const patch = { type: "merge", body: { spec: { backends } }, fieldManager: "alices-script" } as const;
    await plane.cluster.patch(resource.trafficSplits, split, patch);
    await placeController(plane.cluster, "edited-control");
    const { out } = await plane.run(["status", "podinfo", "-n", "edited", "--controller-namespace", "edited-control"], {
      now: () => Date.now(),
    });
    expect(out).toContain("⚠ the canary has 5% of requests; someone else set the weight");
    expect(out).toMatch(
      /TrafficSplit podinfo gives the canary 5%, the controller set 20% \(alices-script, .*(ago|now)\)/,
    );
    expect(out).toMatch(/^canary .* 5% /m);
  });

  it("reads an HTTPRoute in the version that the status names", async () => {
    const seen: Seen = { ...running, canary: structuredClone(running.canary), lease: undefined, route: aRoute };
    const route = { kind: "HTTPRoute", apiVersion: "gateway.networking.k8s.io/v1", name: "podinfo", why: "x" } as const;
    seen.canary.status = { ...seen.canary.status, route };
    await place(plane.cluster, seen, { ...inOrder, namespace: "routed" });
    const { out } = await plane.run(["status", "podinfo", "-n", "routed"]);
    expect(out).toContain("canary 20%, primary 80%, read from HTTPRoute podinfo");
    expect(out).toContain("no controller of a mesh or gateway has accepted it yet");
  });

  it("finds a Canary by its Deployment's name, the older one where two have the same", async () => {
    await ensureNamespace(plane.cluster, "named");
    for (const name of ["first", "second"]) {
      const canary = aCanary(aStatus({ reason: name }));
      canary.metadata = { name, namespace: "named" };
      await putCanary(plane.cluster, canary);
    }
    const { out } = await plane.run(["status", "podinfo", "-n", "named", "-o", "name"]);
    expect(["canary.flagger.app/first\n", "canary.flagger.app/second\n"]).toContain(out);
    expect((await plane.run(["status", "deploy/podinfo", "-n", "named", "-o", "name"])).out).toBe(out);
  });

  it.each([
    [
      ["status", "podinof", "-n", "running"],
      'No Canary "podinof" in namespace "running". Did you mean podinfo? List them:\n  kubectl canary list -n running',
    ],
    [
      ["promote", "shop", "-n", "running"],
      'No Canary "shop" in namespace "running". List them:\n  kubectl canary list -n running',
    ],
    [
      ["rollback", "deploy/podinf", "-n", "running"],
      'No Canary of deployment "podinf" in namespace "running". Did you mean podinfo? List them:\n  kubectl canary list -n running',
    ],
    [
      ["status", "podinfo"],
      'No Canary "podinfo": namespace "default" has no Canary at all. List those of all namespaces:\n  kubectl canary list -A',
    ],
    [["status", "podinfo", "-n", "runing"], 'Namespace "runing" does not exist. Did you mean running?'],
    [["list", "-n", "nowhere"], 'Namespace "nowhere" does not exist.'],
  ])("answers %j with exit code 7", async (argv, message) => {
    expect(await plane.run(argv)).toEqual({ code: 7, out: "", err: `error: ${message}\n` });
  });

  it("lists one namespace or all, those that need a person first", async () => {
    const here = await plane.run(["list", "-n", "running"]);
    expect(here.out.split("\n")).toHaveLength(3);
    const all = await plane.run(["ls", "-A", "-o", "json"]);
    const { items } = JSON.parse(all.out) as { items: { namespace: string; verdict: { level: string } }[] };
    expect(items.map((item) => item.namespace)).toContain("edited");
    const order = ["bad", "warn", "busy", "good"];
    const levels = items.map((item) => order.indexOf(item.verdict.level));
    expect(levels).toEqual([...levels].sort());
    expect(await plane.run(["list", "-l", "team=none", "-A"])).toEqual({
      code: 0,
      out: "",
      err: "No Canary with labels team=none in any namespace.\n",
    });
  });

  it("tells the versions, the API server's among them", async () => {
    const { code, out } = await plane.run(["version", "-o", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      controller: null,
      server: { version: expect.stringMatching(/^v1\./) as string },
    });
  });

  it("believes the API server's clock, not this machine's, about a silent controller", async () => {
    const live = { ...running, lease: aLease(0) };
    live.lease.spec!.renewTime = microTime(Date.now());
    await place(plane.cluster, live, { namespace: "skewed", controllerNamespace: "skewed-control" });
    const hourFast = (): number => Date.now() + 3_600_000;
    const argv = ["status", "podinfo", "-n", "skewed", "--controller-namespace", "skewed-control"];
    expect((await plane.run(argv, { now: hourFast })).out).not.toContain("silent");
    await setRenewTime("skewed-control", Date.now() - 60_000);
    expect((await plane.run(argv, { now: () => Date.now() })).out).toMatch(/^✖ controller silent for (59s|1m)/);
  });
});

describe("someone with few rights", () => {
  beforeAll(() => allow("viewer", [{ apiGroups: ["flagger.app"], resources: ["canaries"], verbs: ["get", "list"] }]));

  it("is shown the status of the Canary, and what they may not see beside it", async () => {
    const { code, out } = await plane.run(["status", "podinfo", "-n", "running", "--as", "viewer"]);
    expect(code).toBe(0);
    expect(out).toContain("canary 20%, primary 80%, from status: the TrafficSplit podinfo cannot be read");
    expect(out).toContain(
      "Not shown: TrafficSplit podinfo, needs permission to get trafficsplits.split.smi-spec.io in namespace running",
    );
    expect(out).toContain(
      "Not shown: Deployment podinfo, needs permission to get deployments.apps in namespace running",
    );
    expect(out).toContain("kubectl canary promote podinfo -n running --as viewer");
  });

  it("is told which permission is missing for the Canary itself", async () => {
    const { code, err } = await plane.run(["status", "podinfo", "-n", "running", "--as", "nobody"]);
    expect(code).toBe(1);
    expect(err).toContain('User "nobody" cannot get resource "canaries" in API group "flagger.app"');
  });

  it("is told which permission is missing to act", async () => {
    const { code, err } = await plane.run(["promote", "podinfo", "-n", "running", "--as", "viewer"]);
    expect({ code, err }).toEqual({
      code: 1,
      err: "error: You may not promote: needs permission to patch canaries.flagger.app in namespace running.\n",
    });
  });

  it("acts by their groups too", async () => {
    const argv = ["status", "podinfo", "-n", "running", "-o", "name", "--as", "nobody", "--as-group", "system:masters"];
    expect(await plane.run(argv)).toMatchObject({ code: 0, out: "canary.flagger.app/podinfo\n" });
  });

  it("whose token is not known is told so", async () => {
    const { code, err } = await plane.run(["status", "podinfo", "--token", "expired"]);
    expect(code).toBe(1);
    expect(err).toMatch(/does not accept the credentials of user .* expired: log in again/);
  });
});

describe("an API server that is down", () => {
  it("is named, in one sentence", async () => {
    await plane.killApi();
    const { code, out, err } = await plane.run(["status", "podinfo", "-n", "running"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(
      /^error: No answer from the API server at https:\/\/127\.0\.0\.1:\d+ \(connection refused\)\. .*\n$/,
    );
  });
});

const aRoute: NonNullable<Seen["route"]> = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "podinfo", namespace: "routed" },
  spec: {
    parentRefs: [{ group: "", kind: "Service", name: "podinfo", port: 9898 }],
    rules: [
      {
        backendRefs: [
          { name: "podinfo-primary", port: 9898, weight: 80 },
          { name: "podinfo-canary", port: 9898, weight: 20 },
        ],
      },
    ],
  },
};

async function setRenewTime(namespace: string, ms: number): Promise<void> {
  const body = { spec: { renewTime: microTime(ms) } };
  await plane.cluster.patch(resource.leases, { name: "kubectl-canary-leader", namespace }, { type: "merge", body });
}

async function allow(user: string, rules: object[]): Promise<void> {
  await plane.cluster.create(resource.clusterRoles, { metadata: { name: user }, rules });
  await plane.cluster.create(resource.clusterRoleBindings, {
    metadata: { name: user },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: user },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}
