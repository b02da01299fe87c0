/** Who may look and who may act: the chart's own roles and policy on a real API server, without our webhook beside it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAll } from "js-yaml";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Command } from "../../shared/core/objects/command.ts";
import { annotation } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { release } from "../chart/install.ts";
import { buildAll } from "../cluster/build.ts";
import { run } from "../cluster/run.ts";
import { binaries } from "../cluster/versions.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { answerNext } from "./fixtures/controller.ts";
import { place } from "./fixtures/place.ts";
import { defineResources, type Plane, type Ran, startPlane } from "./fixtures/plane.ts";
import { states } from "./fixtures/states.ts";
import type { Seen } from "../../plugin/view/types.ts";

let plane: Plane;
let kubectl = "";
const namespace = "permissions";
const at = { name: "podinfo", namespace };
const asUser = (user: string, ...argv: string[]): Promise<Ran> =>
  plane.run([...argv, "-n", namespace, "--controller-namespace", namespace, "--as", user]);

const applied = ["ClusterRole", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

/** The roles and the policy as Helm makes them. */
async function applyChart(): Promise<void> {
  const built = await buildAll([binaries.helm, binaries.kubectl]);
  kubectl = built.get("kubectl") ?? "";
  const chart = ["template", release.name, release.chart, "--set", "image.repository=registry.example/canary"];
  const rendered = await run(built.get("helm") ?? "", chart);
  const manifests = loadAll(rendered.stdout) as ({ kind: string } | null)[];
  const items = manifests.filter((manifest) => manifest && applied.includes(manifest.kind));
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const { code, stderr } = await run(kubectl, ["apply", "-f", "-"], { input, env: kubeEnv() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

const kubeEnv = (): NodeJS.ProcessEnv => ({ ...process.env, KUBECONFIG: plane.kubeconfig });

async function bind(user: string, ...roles: string[]): Promise<void> {
  for (const role of roles)
    await plane.cluster.create(resource.roleBindings, {
      metadata: { name: `${user}-${role}`, namespace },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
    });
}

async function defineRole(name: string, verbs: string[]): Promise<void> {
  const rules = [{ apiGroups: ["flagger.app"], resources: ["canaries"], verbs: ["get", "list", "watch", ...verbs] }];
  await plane.cluster.create(resource.clusterRoles, { metadata: { name }, rules });
}

/** As `kubectl annotate` does it, past the plugin. */
const give = (user: string, command: object | string): ReturnType<typeof run> => {
  const text = typeof command === "string" ? command : JSON.stringify(command);
  const args = [
    "-n",
    namespace,
    "--as",
    user,
    "annotate",
    "--overwrite",
    "canary",
    "podinfo",
    `${annotation.command}=${text}`,
  ];
  return run(kubectl, args, { env: kubeEnv() });
};

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  await place(
    plane.cluster,
    { ...(states["progressing"] as Seen), lease: undefined },
    { namespace, controllerNamespace: namespace },
  );
  await applyChart();
  await defineRole("editor", ["patch", "update"]);
  await defineRole("watchdog", ["patch", "update", "rollback"]);
  await defineRole("returner", ["patch", "undo-now"]);
  await bind("vera", "kubectl-canary-viewer");
  await bind("olga", "kubectl-canary-viewer", "kubectl-canary-operator");
  await bind("eddi", "editor");
  await bind("wanda", "watchdog");
  await bind("nora", "returner");
  const policed = async (): Promise<true | ReturnType<typeof unmet>> => {
    const { code } = await give("eddi", { id: crypto.randomUUID(), verb: "promote" });
    return code !== 0 || unmet("a promote of somebody who may not was taken");
  };
  await waitFor(policed, 30_000, "the policy to be in force", 200);
});
afterAll(() => plane.stop());

const accepted = { accepted: true, message: "done." };

/** Runs a verb, and answers the command that it writes. */
async function act(user: string, verb: string, ...flags: string[]): Promise<{ ran: Ran; command: Command }> {
  const { metadata } = await plane.cluster.get<Canary>(resource.canaries, at);
  const before = JSON.parse(metadata.annotations?.[annotation.command] ?? "{}") as { id?: string };
  const [ran, command] = await Promise.all([
    asUser(user, verb, "podinfo", ...flags),
    answerNext(plane.cluster, at, accepted, before.id),
  ]);
  return { ran, command };
}

const acting = ["promote", "rollback", "pause", "resume", "retry", "adopt", "undo"];

describe("who has the viewer's role", () => {
  it.each([["status"], ["explain"], ["history"]])("may look by %s", async (verb) => {
    expect((await asUser("vera", verb, "podinfo")).code).toBe(0);
  });

  it("may list", async () => expect((await asUser("vera", "list")).code).toBe(0));

  it.each(acting)("may not %s, and is told what is missing", async (verb) => {
    expect(await asUser("vera", verb, "podinfo")).toEqual({
      code: 1,
      out: "",
      err: `error: You may not ${verb}: needs permission to patch canaries.flagger.app in namespace ${namespace}.\n`,
    });
  });
});

describe("who has the operator's role", () => {
  it.each(acting)("may %s", async (verb) => {
    const { ran, command } = await act("olga", verb);
    expect([ran.code, ran.out, command.verb]).toEqual([0, "podinfo: done.\n", verb]);
  });

  it("may say all that a command can say", async () => {
    const reason = 'errors: "502" \\ many, seen by {"id":"x"}';
    for (const flags of [["promote", "--to-step", "3", "--force"], ["pause", "--for", "30m"], ["rollback"]]) {
      const [verb = "", ...more] = flags;
      const { ran } = await act("olga", verb, ...more, "--reason", reason);
      expect(ran.code).toBe(0);
    }
  });
});

describe("who may write Canaries, and has not the verb", () => {
  it.each([
    ["promote", "promote"],
    ["resume", "promote"],
    ["retry", "promote"],
    ["adopt", "promote"],
    ["rollback", "rollback"],
    ["pause", "rollback"],
    ["undo", "rollback"],
  ])("may not %s, for want of the verb %s", async (verb, needed) => {
    const { code, err } = await asUser("eddi", verb, "podinfo");
    expect(code).toBe(1);
    expect(err).toContain(`error: You may not ${verb}: `);
    expect(err).toContain(
      `this needs permission to ${needed} canaries.flagger.app "podinfo" in namespace "${namespace}": ask for ClusterRole kubectl-canary-operator`,
    );
  });

  it.each(["rollback", "pause", "undo"])("may %s with the verb rollback alone", async (verb) => {
    const { ran } = await act("wanda", verb);
    expect(ran.code).toBe(0);
  });

  it.each(["promote", "resume", "retry", "adopt"])("may not %s with the verb rollback alone", async (verb) => {
    expect((await asUser("wanda", verb, "podinfo")).err).toContain("this needs permission to promote");
  });
});

describe("who may let an earlier version out at once, and nothing more", () => {
  const command = { id: "now", verb: "undo-now", run: "a-1" };

  it("is who has the verb undo-now, or promote", async () => {
    for (const user of ["nora", "olga"]) expect(await give(user, { ...command, id: user })).toMatchObject({ code: 0 });
    expect(await give("nora", { id: "n", verb: "promote" })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("this needs permission to promote") as string,
    });
  });

  it.each(["eddi", "wanda"])("is not %s, who has other verbs", async (user) => {
    const { code, stderr } = await give(user, command);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("this needs permission to undo-now canaries.flagger.app"),
    ]);
  });
});

describe("who leaves a Canary to Flagger", () => {
  const leave = (user: string): ReturnType<typeof run> => {
    const args = ["-n", namespace, "--as", user, "annotate", "canary", "podinfo", `${annotation.leftTo}=flagger`];
    return run(kubectl, args, { env: kubeEnv() });
  };

  it("may delete or promote it: an edit of the object alone would end every hold", async () => {
    const { code, stderr } = await leave("eddi");
    expect([code, stderr]).toEqual([1, expect.stringContaining("needs permission to delete (or promote)")]);
    expect((await leave("olga")).code).toBe(0);
    await plane.cluster.patch(resource.canaries, at, {
      type: "merge",
      body: { metadata: { annotations: { [annotation.leftTo]: null } } },
    });
  });
});

describe("a command that is written past the plugin", () => {
  it.each([
    '{"id":"e","verb":"rollback","verb":"promote"}',
    '{"id":"e","verb":"rollback","\\u0076erb":"promote"}',
    '{"id":"e","verb":"undo","toStep":3}',
    '{ "verb" : "promote", "id":"e" }',
    '{"verb":"promote","id":"e"}',
    '{"id":"e","verb":"pause"} ,',
  ])("is not taken for a harmless one: %s", async (text) => {
    const { code, stderr } = await give("wanda", text);
    expect([code, stderr]).toEqual([1, expect.stringContaining("this needs permission to promote")]);
  });

  it.each(["promote please", '{"id":"e","verb":"promote","extra":1}', '{"id":"e","verb":"promote","\\u0062y":"root"}'])(
    "is refused where it cannot be read: %s",
    async (text) => {
      const { code, stderr } = await give("olga", text);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining("holds no command that can be read: use kubectl canary promote"),
      ]);
    },
  );

  it("may name nobody but who sends it, while the webhook that stamps it is away", async () => {
    const forged: Command = { id: "f", verb: "promote", by: "root" };
    const { code, stderr } = await give("olga", forged);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("the command names another user than olga, who sends it"),
    ]);
    expect((await give("olga", { ...forged, by: "olga" })).code).toBe(0);
  });

  it("does not keep anyone from writing the rest of the Canary", async () => {
    const { code } = await run(kubectl, ["-n", namespace, "--as", "eddi", "label", "canary", "podinfo", "team=a"], {
      env: kubeEnv(),
    });
    expect(code).toBe(0);
    const { metadata } = await plane.cluster.get<Canary>(resource.canaries, at);
    expect(metadata.labels).toEqual({ team: "a" });
  });
});
