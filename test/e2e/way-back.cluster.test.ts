// A version that was promoted before goes out again at once: within analysis.rollbackWindow, or by whoever may say so.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import { apply } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import type { Output } from "../cluster/run.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;

const patchSpec = (spec: object): Promise<string> =>
  scenario.kubectl("patch", "canary", "podinfo", "--type=merge", "-p", JSON.stringify({ spec }));

const canaryWorkload = (): Promise<V1Deployment> =>
  getJson<V1Deployment>(["deploy", "podinfo-canary", "-n", scenario.namespace]);

/** Somebody with these rights alone; what `undo --to` reads and writes, and no verb of Canaries but `verbs`. */
function somebody(name: string, verbs: string[]): object[] {
  const metadata = { name, namespace: scenario.namespace };
  const apiGroup = "rbac.authorization.k8s.io";
  const rules = [
    { apiGroups: ["flagger.app"], resources: ["canaries"], verbs: ["get", "list", "watch", "patch", ...verbs] },
    { apiGroups: ["apps"], resources: ["deployments", "replicasets"], verbs: ["get", "list", "patch"] },
  ];
  return [
    { apiVersion: `${apiGroup}/v1`, kind: "Role", metadata, rules },
    {
      ...{ apiVersion: `${apiGroup}/v1`, kind: "RoleBinding", metadata },
      roleRef: { apiGroup, kind: "Role", name },
      subjects: [{ apiGroup, kind: "User", name }],
    },
  ];
}

const undoNow = (tag: string, user: string): Promise<Output> =>
  scenario.plugin("undo", "--to", `podinfo:${tag}`, "--now", "--as", user);

const image = (): Promise<string> => scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={..image}");

/** `tag` is stable by so many runs, the last of which judged nothing. */
async function backOn(tag: string, runs: number): Promise<void> {
  const { history = [] } = await scenario.until(
    `${tag} to be stable again`,
    (status) => status.phase === "Succeeded" && status.runs === runs,
  );
  expect(history[0]).toMatchObject({ outcome: "promoted", back: true });
  expect(await image()).toContain(`podinfo:${tag}`);
  await scenario.untilFree();
}

async function release(tag: "1.7.1" | "1.7.4", runs: number): Promise<void> {
  await scenario.setImage(tag);
  await scenario.until(`${tag} to be stable`, (status) => status.phase === "Succeeded" && status.runs === runs);
}

beforeAll(async () => {
  scenario = await Scenario.start("e2e-way-back", {
    provider: "gatewayapi:v1",
    spec: { skipAnalysis: true },
  });
  await release("1.7.1", 1);
  await release("1.7.4", 2);
  // From now on a canary would stay at its first step for an hour.
  await patchSpec({ skipAnalysis: false, analysis: { interval: "3600s", rollbackWindow: { versions: 1 } } });
});

afterAll(() => scenario.end());

it("goes out at once within the window, and no pod of a canary is made for it", async () => {
  const before = await canaryWorkload();
  await scenario.setImage("1.7.1");
  await backOn("1.7.1", 3);
  expect((await canaryWorkload()).spec?.template).toEqual(before.spec?.template);
});

it("goes out by undo --now, for those alone who have its permission, whether or not it is within the window", async () => {
  await apply([...somebody("wanda", ["rollback"]), ...somebody("nora", ["undo-now"])]);
  const refused = await undoNow("1.7.4", "wanda");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("You may not undo at once: ");
  expect(refused.stderr).toContain("needs permission to undo-now canaries.flagger.app");
  expect(await image()).toContain("podinfo:1.7.1");

  // Newer than 1.7.1, so the window has it judged: its canary would stay at its first step.
  const newer = await undoNow("1.7.4", "nora");
  expect(newer, newer.stderr).toMatchObject({ code: 0 });
  await backOn("1.7.4", 4);

  const within = await undoNow("1.7.1", "nora");
  expect(within, within.stderr).toMatchObject({ code: 0 });
  expect(within.stdout).toContain("out at once, within the Canary's own rollbackWindow");
  await backOn("1.7.1", 5);
});
