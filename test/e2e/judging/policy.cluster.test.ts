// Linkerd's policy shuts the canary's pods off: no user gets them before that is put right, by the cure that doctor gives.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DoctorView } from "../../../plugin/commands/doctor/facts.ts";
import { apply } from "../../cluster/client.ts";
import { run } from "../../cluster/run.ts";
import { identityOf } from "../../mesh/settings.ts";
import { Scenario } from "../scenario.ts";

let scenario: Scenario;

/** A Server of stable's pods alone, as Linkerd's documentation writes it, and who may call them. */
function guard(namespace: string): object[] {
  const group = "policy.linkerd.io";
  const metadata = (name: string): object => ({ name, namespace });
  const targetRef = { group, kind: "Server", name: "guard" };
  const requiredAuthenticationRefs = [{ group, kind: "MeshTLSAuthentication", name: "users" }];
  return [
    {
      ...{ apiVersion: `${group}/v1beta3`, kind: "Server", metadata: metadata("guard") },
      spec: { podSelector: { matchLabels: { app: "podinfo" } }, port: "http" },
    },
    {
      ...{ apiVersion: `${group}/v1alpha1`, kind: "MeshTLSAuthentication", metadata: metadata("users") },
      spec: { identities: [identityOf("default", namespace)] },
    },
    {
      ...{ apiVersion: `${group}/v1alpha1`, kind: "AuthorizationPolicy", metadata: metadata("users") },
      spec: { targetRef, requiredAuthenticationRefs },
    },
  ];
}

beforeAll(async () => {
  scenario = await Scenario.start("e2e-policy", { provider: "gatewayapi:v1", rate: 20 });
  await apply(guard("e2e-policy"));
  await scenario.kubectl("annotate", "ns", "e2e-policy", "config.linkerd.io/default-inbound-policy=deny");
  // Namespaces and Deployments come by watches of their own: a change might be seen first.
  await scenario.until("the policy to be known", (status) =>
    JSON.stringify(status).includes("would refuse every user"),
  );
});

afterAll(() => scenario.end());

it("starts no run, names default policy, Server, AuthorizationPolicy and label, and goes on once doctor's cure was pasted", async () => {
  const load = await scenario.load();
  await load.reset();
  await scenario.setImage("1.7.1");
  const { blocked, canaryWeight } = await scenario.until(
    "the obstacle",
    ({ blocked }) => blocked?.code === "policy-shuts-canary",
  );
  expect(canaryWeight ?? 0).toBe(0);
  expect(blocked?.what).toBe(
    "The default policy (deny) would refuse every user of the canary (403); at stable's pods Server guard lets users in by AuthorizationPolicy users, but it selects by app=podinfo, which the canary's pods do not carry. No run starts.",
  );
  const { stdout } = await scenario.plugin("doctor", "-o", "json");
  const found = (JSON.parse(stdout) as DoctorView).findings.find(({ fault }) => fault === "policy-shuts-canary");
  const command = found?.cure.replace(/^let Server guard select both: /, "") ?? "";
  await run("sh", ["-c", command]);
  expect((await scenario.phase("Succeeded")).history?.[0]?.outcome).toBe("promoted");
  const { byStatus, failed } = await load.rest();
  expect({ refused: byStatus["403"] ?? 0, failed }).toEqual({ refused: 0, failed: 0 });
});
