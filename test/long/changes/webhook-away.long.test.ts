// The webhook is away. With failurePolicy Ignore what happens meanwhile is found out afterwards; with Fail only changes of
// the template of an opted-in Deployment wait, and are told why.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { label } from "../../../shared/core/objects/names.ts";
import { arrive, leave } from "../../chart/away.ts";
import { kubectl, mustKubectl } from "../../cluster/client.ts";
import { Scenario } from "../../e2e/scenario.ts";

const configuration = "mutatingwebhookconfiguration";
let scenario: Scenario;
let name: string;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-webhook-away", { provider: "gatewayapi:v1", analysis: { stepWeight: 50 } });
  const names = await mustKubectl(["get", configuration, "-o", "name", "-l", "app.kubernetes.io/name=kubectl-canary"]);
  name = names.trim();
});

afterAll(async () => {
  await failurePolicy("Fail");
  await arrive();
  await scenario.end();
});

function failurePolicy(policy: "Fail" | "Ignore"): Promise<string> {
  const patch = JSON.stringify([{ op: "replace", path: "/webhooks/0/failurePolicy", value: policy }]);
  return mustKubectl(["patch", name, "--type=json", "-p", patch, "--field-manager=helm"]);
}

describe("with failurePolicy Ignore", () => {
  beforeAll(() => failurePolicy("Ignore"));

  it.each<[string, string[]]>([
    ["a change", []],
    ["a change after our label was taken off", [`${label.target}-`]],
  ])("%s is named as unvetted, with its writer, and can be undone", async (_, labels) => {
    await leave();
    if (labels.length > 0) await scenario.kubectl("label", "deploy", "podinfo", ...labels);
    await scenario.setImage("1.7.4");
    await arrive();
    const said = await scenario.until("the unvetted change", (status) => status.unvetted !== undefined, 30_000);
    expect(said.unvetted?.by).toBe("kubectl-set");
    expect(said.reason).toMatch(/^Unvetted change by kubectl-set: podinfo:1.7.0 to podinfo:1.7.4/);
    await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=60s");
    const { code, stderr } = await scenario.plugin("undo");
    expect(code, stderr).toBe(0);
    await scenario.until("stable again", (status) => status.unvetted === undefined);
    expect(await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={..image}")).toContain(":1.7.0");
  });
});

describe("with failurePolicy Fail", () => {
  beforeAll(async () => {
    await failurePolicy("Fail");
    await leave();
  });

  it("a template change is refused, and the error names the webhook", async () => {
    const { code, stderr } = await scenario.setImage("1.7.1");
    expect(code).toBe(1);
    expect(stderr).toMatch(/deployments\.kubectl-canary\.io/);
  });

  it.each([
    ["scale", ["scale", "deploy", "podinfo", "--replicas=2"]],
    ["annotate", ["annotate", "deploy", "podinfo", "note=1"]],
    ["label", ["label", "deploy", "podinfo", "team=shop"]],
    ["a template change of a Deployment without a Canary", ["set", "env", "deploy/load", "X=1"]],
  ])("%s goes through", async (_, command) => {
    const { code, stderr } = await kubectl(["-n", scenario.namespace, ...command]);
    expect(code, stderr).toBe(0);
  });
});
