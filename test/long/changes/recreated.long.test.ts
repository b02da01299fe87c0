// A target that is deleted and made anew with another selector: everything follows it whole; and where somebody keeps stable's Service from
// following, so that it reaches none of the ready pods, that is said wherever anyone looks.
import type { V1Deployment } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CanaryStatus } from "../../../shared/core/objects/canary-status.ts";
import { apply, mustKubectl } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Scenario } from "../../e2e/scenario.ts";

const namespace = "recreated";
const leaf = "podinfo-primary";
let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start(namespace, { provider: "gatewayapi:v1", rate: 20 });
});
afterAll(async () => {
  await allowAgain();
  await scenario.end();
});

type Labels = Record<string, string>;

/** As its user does it who renames a label: the Deployment cannot be changed, the Service can. */
async function recreate(from: Labels, to: Labels): Promise<void> {
  const { metadata, spec } = await getJson<V1Deployment>(["deploy", "podinfo", "-n", namespace]);
  await scenario.kubectl("delete", "deploy", "podinfo");
  const template = { ...spec!.template, metadata: { annotations: spec!.template.metadata?.annotations, labels: to } };
  const { paused: _paused, ...rest } = spec!;
  await apply([
    {
      ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: metadata!.name, namespace } },
      spec: { ...rest, selector: { matchLabels: to }, template },
    },
  ]);
  const gone = Object.fromEntries(Object.keys(from).map((key) => [key, null]));
  const selector = JSON.stringify({ spec: { selector: { ...gone, ...to } } });
  await scenario.kubectl("patch", "svc", "podinfo", "--type=merge", "-p", selector);
  await scenario.kubectl("rollout", "status", "deploy/podinfo", "--timeout=90s");
}

const leafSelects = (labels: Labels): Promise<void> =>
  waitFor(
    async () => {
      const found = await scenario.kubectl("get", "svc", leaf, "-o", "jsonpath={.spec.selector}");
      return found === JSON.stringify(labels) ? undefined : unmet(found);
    },
    60_000,
    `${leaf} to select the new pods and nothing else`,
  );

/** So many in a row, once the callers' proxies have heard of the new pods. */
async function requestsReachIt(): Promise<void> {
  const load = await scenario.load();
  await waitFor(
    async () => {
      const { requests, failed } = await load.gather(40);
      return failed === 0 ? undefined : unmet(`${failed} of ${requests} failed`);
    },
    90_000,
    "users' requests to reach the new pods",
  );
}

const policy = "leaf-is-mine";

/** As somebody else's policy would. */
async function forbid(): Promise<void> {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["services"] };
  const expression = `object.metadata.namespace != '${namespace}' || object.metadata.name != '${leaf}'`;
  await apply([
    {
      ...{ apiVersion, kind: "ValidatingAdmissionPolicy", metadata: { name: policy } },
      spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression, message: "hands off" }] },
    },
    {
      ...{ apiVersion, kind: "ValidatingAdmissionPolicyBinding", metadata: { name: policy } },
      spec: { policyName: policy, validationActions: ["Deny"] },
    },
  ]);
  const tried = ["label", "svc", leaf, "tried=yes", "--dry-run=server"];
  await waitFor(
    async () => ((await scenario.try(...tried)).stderr.includes("hands off") ? undefined : unmet("not enforced yet")),
    60_000,
    "the policy to be enforced",
  );
}

async function allowAgain(): Promise<void> {
  for (const kind of ["validatingadmissionpolicybinding", "validatingadmissionpolicy"])
    await mustKubectl(["delete", kind, policy, "--ignore-not-found"]);
}

const [first, second, third] = [{ app: "podinfo" }, { "app.kubernetes.io/name": "podinfo" }, { name: "podinfo" }];

it("is followed whole: stable's Service selects the new pods alone, and requests reach them", async () => {
  await recreate(first, second);
  await leafSelects(second);
  await requestsReachIt();
  expect((await scenario.status()).blocked).toBeUndefined();
});

it("is loud everywhere while stable's Service reaches none of its ready pods", async () => {
  await forbid();
  await recreate(second, third);
  const isSaid = ({ blocked }: CanaryStatus): boolean => blocked?.code === "leaf-empty";
  const { blocked, conditions = [] } = await scenario.until("the empty leaf", isSaid);
  const words = `Service ${leaf} reaches none of the 1 ready pod of Deployment podinfo: stable's share of users' requests fails.`;
  expect(blocked?.what).toContain(words);
  expect(conditions.find(({ type }) => type === "Ready")?.message).toContain(words);
  await scenario.told(words);
  const { stdout } = await scenario.plugin("status");
  expect(stdout).toContain("stable's Service reaches none of its ready pods: its requests fail");
});
