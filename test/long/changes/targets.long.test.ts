// Deployments that cannot be canaried as they are: the Canary says why, and a change of theirs goes out as without us.
import type { V1Deployment } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deployment } from "../../admission/gated.ts";
import { podinfoImage } from "../../app/podinfo.ts";
import { apply, deleteNamespace, mustKubectl } from "../../cluster/client.ts";
import { Scenario, canaryFor } from "../../e2e/scenario.ts";

const namespace = "unfit-targets";
const scenario = Scenario.of(namespace);

interface Unfit {
  is: string;
  change: (manifest: V1Deployment) => void;
  said: RegExp;
}

const targets: Unfit[] = [
  {
    is: "has no pods",
    change: ({ spec }) => (spec!.replicas = 0),
    said: /has 0 replicas: scale it up/,
  },
  {
    is: "stops all of its pods first",
    change: ({ spec }) => (spec!.strategy = { type: "Recreate" }),
    said: /strategy Recreate.*Use RollingUpdate/,
  },
  {
    is: "selects its pods by a label that tells no tracks apart",
    change: ({ spec }) => {
      spec!.selector = { matchLabels: { tier: "web" } };
      spec!.template.metadata!.labels = { tier: "web" };
    },
    said: /selects its pods by tier\. Canary pods are told apart by one value of app, name/,
  },
  {
    is: "belongs to an operator's object",
    change: ({ metadata }) => {
      const owner = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: "", controller: true };
      metadata!.ownerReferences = [owner];
    },
    said: /is run by ConfigMap owner.*canary that instead/,
  },
  {
    is: "is still rolling out",
    change: ({ spec }) => (spec!.template.spec!.containers[0]!.image = "example.org/no-such-image:1"),
    said: /is rolling out: waiting until its pods are ready/,
  },
];

beforeAll(async () => {
  await deleteNamespace(namespace);
  await mustKubectl(["create", "namespace", namespace]);
  await mustKubectl(["-n", namespace, "create", "configmap", "owner"]);
});

afterAll(() => deleteNamespace(namespace));

describe("a Deployment that", () => {
  it.each(targets.map((target) => [target.is, target] as const))("%s", async (_, { change, said }) => {
    const manifest = deployment("v1");
    change(manifest);
    for (const owner of manifest.metadata?.ownerReferences ?? [])
      owner.uid = await scenario.kubectl("get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}");
    await apply([manifest], namespace);
    await apply([canaryFor(namespace, { provider: "gatewayapi:v1" })]);
    await scenario.until(
      "the reason",
      ({ phase, reason }) => phase === "Initializing" && said.test(reason ?? ""),
      30_000,
    );
    const { code, stderr } = await scenario.setImage("1.7.4");
    expect([code, stderr]).toEqual([0, ""]);
    const image = "jsonpath={.spec.paused}{.spec.template.spec.containers[0].image}";
    expect(await scenario.kubectl("get", "deploy", "podinfo", "-o", image)).toBe(podinfoImage("1.7.4"));
    await scenario.kubectl("delete", "canary,deploy,httproute", "--all");
  });
});
