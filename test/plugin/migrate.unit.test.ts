/** What `migrate` says before it writes: the dry run, refusals, permissions. Writes are for test/safety, on a real API server. */
import type { V1Deployment } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { runCli } from "../../plugin/cli/cli.ts";
import type { MigrationSeen } from "../../shared/core/migrate/seen.ts";
import { at, resource, type Resource } from "../../shared/kube/resources.ts";
import { leftByFlagger, podTemplate } from "../migrate/left.ts";
import { type Given, RecordingCluster } from "../recording-cluster.ts";
import { aTerminal } from "./fixtures/terminal.ts";

const scope = { namespace: "test", clusterFlags: "", controllerNamespace: "kubectl-canary" };

function given(seen: MigrationSeen, more: readonly V1Deployment[] = []): Given {
  const configs = { ConfigMap: resource.configMaps, Secret: resource.secrets };
  const routes = { TrafficSplit: at(resource.trafficSplits, "v1alpha1"), HTTPRoute: resource.httpRoutes };
  const all: [Resource, (object | null)[]][] = [
    [resource.namespaces, [{ metadata: { name: "test" } }]],
    [resource.canaries, [seen.canary]],
    [resource.deployments, [seen.target, seen.primary, ...more]],
    [resource.services, [...seen.services]],
    [resource.horizontalPodAutoscalers, [...seen.scalers]],
    ...seen.configs.map((one): [Resource, object[]] => [configs[one.kind], [one]]),
    ...seen.routes.map((one): [Resource, object[]] => [routes[one.kind as keyof typeof routes], [one]]),
  ];
  return all.flatMap(([of, objects]) => objects.flatMap((object) => (object ? [{ of, object: object }] : [])));
}

async function run(argv: string[], objects: Given): Promise<{ code: number; text: string; writes: string[] }> {
  const io = aTerminal();
  const cluster = new RecordingCluster(objects);
  const deps = { ...io, cluster, signal: new AbortController().signal };
  const forward = (): Promise<never> => Promise.reject(new Error("no pod is asked"));
  const code = await runCli(argv, io, () => Promise.resolve({ deps, scope, forward }));
  const writes = cluster.calls.filter((call) => !call.startsWith("create SelfSubjectAccessReview"));
  return { code, text: `$ kubectl canary ${argv.join(" ")}\n${io.out()}${io.err()}`, writes };
}

const flagger: V1Deployment = {
  metadata: { name: "flagger", namespace: "flagger-system" },
  spec: {
    selector: {},
    template: { spec: { containers: [{ name: "flagger", image: "ghcr.io/fluxcd/flagger:1.44.0" }] } },
  },
};

function withPhase(phase: "Progressing" | "Failed"): MigrationSeen {
  const left = leftByFlagger();
  return { ...left, canary: { ...left.canary, status: { ...left.canary.status, phase } } };
}

function rejected(): MigrationSeen {
  const seen = withPhase("Failed");
  const template = podTemplate({ name: "podinfo", image: "podinfo:1.7.9\u001b[2J", port: 9898 });
  return { ...seen, target: { ...seen.target!, spec: { ...seen.target!.spec!, template } } };
}

const migrate = ["migrate", "podinfo", "-n", "test"];

const situations: [string, string[], Given][] = [
  ["dry-run", [...migrate, "--dry-run"], given(leftByFlagger({ provider: "gatewayapi:v1" }))],
  ["dry-run-rejected", [...migrate, "--dry-run"], given(rejected())],
  ["dry-run-back", [...migrate, "--dry-run", "--back"], given({ ...leftByFlagger(), primary: null })],
  ["unfinished", migrate, given(withPhase("Progressing"))],
  ["flagger-acts", migrate, given(leftByFlagger(), [flagger])],
  ["namespace", ["migrate", "-n", "test", "--all", "--dry-run"], given(withPhase("Progressing"))],
];

describe("migrate", () => {
  it.each(situations)("says what it would do, or why not: %s", async (name, argv, objects) => {
    const { text, code, writes } = await run(argv, objects);
    expect(writes).toEqual([]);
    expect(text).not.toContain("\u001b");
    await expect(`${text}exit code ${code}\n`).toMatchFileSnapshot(`golden/migrate-${name}.txt`);
  });

  it("gives up what somebody undoes each time", async () => {
    // The cluster has no semantics: what is written is as it was at the next look.
    const { code, text, writes } = await run(migrate, given(leftByFlagger()));
    expect([code, writes]).toEqual([1, Array.from({ length: 10 }, () => "replace Deployment podinfo")]);
    expect(text).toContain("error: Written 10 times: deployment/podinfo is scaled from 0 to 2");
  });

  it("goes on without a floor that does not stay, and says so", async () => {
    const scaled = leftByFlagger();
    const target = { ...scaled.target!, spec: { ...scaled.target!.spec!, replicas: 2 } };
    const { code, text, writes } = await run([...migrate, "--timeout", "1s"], given({ ...scaled, target }));
    expect([code, writes]).toEqual([1, Array.from({ length: 5 }, () => "replace Canary podinfo/status")]);
    expect(text).toContain("podinfo: status.floor does not stay in the Canary");
    expect(text).toContain("Nothing has moved for 1s: 0 of 2 pods of podinfo are ready.");
  });

  it("says of a Canary without a target that there is nothing to migrate, and goes on with others", async () => {
    const left = leftByFlagger();
    const { targetRef: _none, ...spec } = left.canary.spec;
    const bare = { ...left.canary, metadata: { ...left.canary.metadata, name: "bare" }, spec };
    const objects: Given = [...given(left), { of: resource.canaries, object: bare }];
    const { code, text } = await run(["migrate", "-n", "test", "--all", "--dry-run"], objects);
    expect(code).toBe(1);
    expect(text).toContain("bare refused: ");
    expect(text).not.toContain("undefined");
    expect(text).toContain("podinfo: deployment/podinfo is scaled from 0 to 2");
  });

  it("takes a name or --all, and not both", async () => {
    for (const argv of [["migrate"], [...migrate, "--all"], [...migrate, "-A"]]) {
      const { code, text } = await run(argv, []);
      expect({ code, text }).toMatchObject({ code: 2 });
      expect(text).toContain("migrate needs the name of a Canary, or --all, or --all-namespaces.");
    }
  });
});
