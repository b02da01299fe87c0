// Canaries as the API server takes them: the schema, our webhooks and the policy on commands, through the installed chart.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { Command } from "../../../shared/core/objects/command.ts";
import { annotation } from "../../../shared/core/objects/names.ts";
import { deleteNamespace, kubectl, mustKubectl } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import type { Output } from "../../cluster/run.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";

const namespace = "canary-admission";
const inNamespace = (...args: string[]): Promise<Output> => kubectl(["-n", namespace, ...args]);

function canary(name: string, spec: object = {}): object {
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name },
    // Suspended: the controller looks at it and touches nothing.
    spec: {
      suspend: true,
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      service: { port: 9898 },
      analysis: { interval: "10s", threshold: 5, stepWeight: 10, maxWeight: 100 },
      ...spec,
    },
  };
}

const send = (object: object, ...verb: string[]): Promise<Output> =>
  kubectl(["-n", namespace, ...verb, "-f", "-"], { input: JSON.stringify(object) });

async function command(name: string): Promise<Command | undefined> {
  const { metadata } = await getJson<Canary>(["-n", namespace, "canary", name]);
  const text = metadata.annotations?.[annotation.command];
  return text === undefined ? undefined : (JSON.parse(text) as Command);
}

/** The plugin's way to give a command, as a user of this name with only the rights below. */
const give = (user: string, name: string, given: object | string): Promise<Output> => {
  const text = typeof given === "string" ? given : JSON.stringify(given);
  return inNamespace("--as", user, "annotate", "--overwrite", "canary", name, `${annotation.command}=${text}`);
};

/** May patch Canaries, and these verbs. */
async function grant(user: string, ...verbs: string[]): Promise<void> {
  const rules = [
    {
      apiGroups: ["flagger.app"],
      resources: ["canaries"],
      verbs: ["get", "list", "watch", "patch", "update", ...verbs],
    },
  ];
  const api = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: user } };
  await send({ ...api, kind: "Role", rules }, "apply");
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: user };
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }];
  await send({ ...api, kind: "RoleBinding", roleRef, subjects }, "apply");
}

const saysReason = (name: string, said: RegExp): Promise<true> =>
  waitFor(
    async () => {
      const { status } = await getJson<Canary>(["-n", namespace, "canary", name]);
      return said.test(status?.reason ?? "") ? true : unmet(status?.reason ?? "nothing");
    },
    30_000,
    `the status of ${name}`,
  );

beforeAll(async () => {
  await deleteNamespace(namespace);
  await mustKubectl(["create", "namespace", namespace]);
  await send(canary("podinfo"), "apply");
  await Promise.all([grant("promoter", "promote", "rollback"), grant("watchdog", "rollback"), grant("editor")]);
});

afterAll(() => deleteNamespace(namespace));

describe("the text of a Canary", () => {
  it("is refused with all faults at once, each with its field", async () => {
    const analysis = { interval: "10x", threshold: 5, stepWeight: 101, iterations: 3, metrics: [{ name: "latency" }] };
    const { stderr, code } = await send(canary("faulty", { analysis }), "apply");
    expect(code).toBe(1);
    expect(stderr).toMatch(/spec\.analysis\.interval: "10x" is not a duration/);
    expect(stderr).toMatch(/spec\.analysis\.stepWeight: 101 is not a percentage/);
    expect(stderr).toMatch(/stepWeight and iterations exclude each other/);
    expect(stderr).toMatch(/spec\.analysis\.metrics\[0\]: "latency" is not one of/);
  });

  it("is refused by the schema where it is no Canary at all", async () => {
    const { stderr, code } = await send(canary("odd", { analysis: "fast", service: {} }), "apply", "--validate=false");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/spec\.analysis.*must be of type object/)]);
    const wrongKind = canary("odd", { targetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: "odd" } });
    expect((await send(wrongKind, "apply")).stderr).toMatch(/spec\.targetRef\.kind: "StatefulSet" is none of/);
  });

  it("is refused where it could never begin a run, and one that is there already may be put right part by part", async () => {
    const asked = { provider: "istio", service: { port: 9898, headless: true } };
    const { stderr, code } = await send(canary("never", asked), "create");
    expect([code, stderr]).toEqual([1, expect.stringContaining("spec.provider istio (only linkerd, smi:* and")]);
    expect(stderr).toContain("spec.service.headless (a route needs a Service with an address: leave it out)");
    const annotations = { [annotation.leftTo]: "flagger" };
    const left = canary("never", asked) as { metadata: object };
    expect((await send({ ...left, metadata: { ...left.metadata, annotations } }, "create")).code).toBe(0);
    await inNamespace("annotate", "canary", "never", `${annotation.leftTo}-`);
    const patched = (spec: object): Promise<Output> =>
      inNamespace("patch", "canary", "never", "--type=merge", "-p", JSON.stringify({ spec }));
    const better = await patched({ service: { headless: null } });
    expect([better.code, better.stderr]).toEqual([0, expect.stringContaining("Warning: ")]);
    expect((await inNamespace("label", "canary", "never", "team=a")).code).toBe(0);
    const worse = await patched({ service: { headless: true } });
    expect([worse.code, worse.stderr]).toEqual([1, expect.stringContaining("spec.service.headless")]);
  });

  it("is accepted where what it names may still arrive, which its status says a moment later", async () => {
    const metrics = [{ name: "custom", templateRef: { name: "checkout" }, thresholdRange: { max: 1 } }];
    const analysis = { interval: "10s", threshold: 5, stepWeight: 10, metrics };
    const { stderr, code } = await send(canary("early", { analysis, suspend: false }), "apply");
    // Nobody who can reach the webhook's port may learn from it what there is in the cluster.
    expect([code, stderr]).toEqual([0, ""]);
    await saysReason("early", /Deployment early /);
  });

  it("is accepted where another Canary has the same target, which its status says a moment later", async () => {
    const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" };
    const { stderr, code } = await send(canary("second", { targetRef, suspend: false }), "apply");
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("Canary podinfo")]);
    await saysReason("second", /Canary podinfo/);
  });

  it("may have what Flagger's manifests have", async () => {
    const service = {
      port: 9898,
      targetPort: "http",
      gatewayRefs: [{ group: "core", kind: "Service", name: "podinfo", namespace, port: 9898 }],
      match: [{ uri: { prefix: "/" } }],
      trafficPolicy: { tls: { mode: "DISABLE" } },
      apex: { annotations: { team: "a" } },
    };
    const { stderr, code } = await send(
      canary("rich", { service, provider: "gatewayapi:v1" }),
      "apply",
      "--server-side",
    );
    expect([stderr.replaceAll(/^Warning: .*\n/gm, ""), code]).toEqual(["", 0]);
    const stored = await getJson<Canary>(["-n", namespace, "canary", "rich"]);
    expect(stored.spec.service).toEqual(service);
  });
});

describe("a command in a Canary's annotation", () => {
  it("is stamped with who gave it, whatever it says itself", async () => {
    const { code } = await give("promoter", "podinfo", { id: "a", verb: "promote", by: "root" });
    expect(code).toBe(0);
    expect(await command("podinfo")).toEqual({ id: "a", verb: "promote", by: "promoter" });
  });

  it("needs the verb promote, or rollback, beside the right to write Canaries", async () => {
    const promote = await give("watchdog", "podinfo", { id: "b", verb: "promote" });
    expect([promote.code, promote.stderr]).toEqual([1, expect.stringMatching(/needs permission to promote/)]);
    const rollback = await give("editor", "podinfo", { id: "c", verb: "rollback" });
    expect([rollback.code, rollback.stderr]).toEqual([1, expect.stringMatching(/needs permission to rollback/)]);
    const reason = 'errors: "502" \\ many';
    expect((await give("watchdog", "podinfo", { id: "d", verb: "rollback", reason })).code).toBe(0);
    expect(await command("podinfo")).toEqual({ id: "d", verb: "rollback", reason, by: "watchdog" });
  });

  it("cannot smuggle a promotion in as a rollback", async () => {
    for (const text of [
      '{"id":"e","verb":"rollback","verb":"promote"}',
      '{"id":"e","verb":"rollback","\\u0076erb":"promote"}',
      '{ "verb" : "promote", "id":"e" }',
    ]) {
      const { stderr, code } = await give("watchdog", "podinfo", text);
      expect([code, stderr]).toEqual([1, expect.stringContaining("needs permission to promote")]);
    }
  });

  it("leaves everything else to the right to write Canaries", async () => {
    expect((await inNamespace("--as", "editor", "label", "canary", "podinfo", "team=a")).code).toBe(0);
  });

  it("that cannot be read is refused with what to use", async () => {
    const { stderr, code } = await give("promoter", "podinfo", "promote please");
    expect([code, stderr]).toEqual([1, expect.stringContaining("use kubectl canary promote")]);
  });

  it("does not come with a Canary that is created", async () => {
    const object = canary("restored") as { metadata: object };
    const annotations = { [annotation.command]: JSON.stringify({ id: "f", verb: "promote", by: "bob" }) };
    await send({ ...object, metadata: { ...object.metadata, annotations } }, "create");
    expect(await command("restored")).toBeUndefined();
  });
});
