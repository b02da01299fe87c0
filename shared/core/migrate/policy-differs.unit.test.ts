// Policies that tell Flagger's primary from the target: nobody is moved to pods that they shut off, or leave unguarded.
import { describe, expect, it } from "vitest";
import { leftByFlagger } from "../../../test/migrate/left.ts";
import type { PolicyObjects } from "../objects/inbound-policy.ts";
import { annotation } from "../objects/names.ts";
import type { NetworkPolicy } from "../selectors/network-policy.ts";
import { migrationRefusal } from "./refusals.ts";
import { afterWait, afterWrite } from "./rehearsal.ts";
import type { MigrationSeen } from "./seen.ts";
import { nextToCanary } from "./to-canary.ts";

const left = leftByFlagger();
const its = { app: "podinfo-primary" };
const both = { matchExpressions: [{ key: "app", operator: "In", values: ["podinfo-primary", "podinfo"] }] };

const network = (name: string, podSelector: object, ingress?: object[]): NetworkPolicy => ({
  metadata: { name },
  spec: { podSelector, policyTypes: ["Ingress"], ...(ingress ? { ingress } : {}) },
});
const deny = network("deny", {});

const inbound = (podSelector: object, defaultPolicy: string): PolicyObjects => ({
  servers: [{ metadata: { name: "http", namespace: "test" }, spec: { podSelector, port: 9898 } }],
  authorizations: [{ metadata: { name: "callers" }, spec: { targetRef: { kind: "Server", name: "http" } } }],
  serverAuthorizations: [],
  defaultPolicy,
});

function refused(change: Partial<MigrationSeen>): { words: string; cure: string } {
  const found = migrationRefusal({ ...left, ...change });
  return found ? { words: `${found.code}: ${found.why}`, cure: found.cure.run ?? "" } : { words: "none", cure: "" };
}

describe("a migration", () => {
  it("is refused where a NetworkPolicy lets requests through to the primary alone", () => {
    const networkPolicies = [deny, network("callers", { matchLabels: its }, [{}])];
    const { words, cure } = refused({ networkPolicies });
    expect(words).toBe(
      "policy-differs: NetworkPolicy callers tells the pods of podinfo-primary, which serve, from those of podinfo, which are to: it lets requests through for those that it selects by app=podinfo-primary, which they do not carry, and others shut the rest off.",
    );
    const patch = JSON.stringify({ spec: { podSelector: { matchLabels: { app: null }, ...both } } });
    expect(cure).toBe(`kubectl -n test patch networkpolicies.networking.k8s.io callers --type merge -p '${patch}'`);
  });

  it.each<[string, NetworkPolicy[], RegExp]>([
    ["guards the primary alone", [network("own", { matchLabels: its }, [])], /it guards those that it selects by/],
    [
      "lets the primary alone in at another",
      [network("db", { matchLabels: { app: "db" } }, [{ from: [{ podSelector: { matchLabels: its } }] }])],
      /NetworkPolicy db .*it lets them through at app=db by app=podinfo-primary/,
    ],
    ["lets nothing through to the target", [network("off", { matchLabels: { app: "podinfo" } })], /NetworkPolicy off/],
  ])("is refused where a NetworkPolicy %s", (_what, networkPolicies, words) =>
    expect(refused({ networkPolicies }).words).toMatch(words),
  );

  it.each<[string, Partial<MigrationSeen>]>([
    ["they are about both", { networkPolicies: [deny, network("callers", both, [{}])] }],
    ["they are about neither", { networkPolicies: [network("db", { matchLabels: { app: "db" } })] }],
    ["a Server is about both", { inboundPolicies: inbound(both, "deny") }],
    ["nothing could be read", {}],
  ])("goes on where %s", (_where, change) => expect(refused(change).words).toBe("none"));

  it.each<[string, string, string]>([
    ["shut off", "deny", "users would be refused there (403)."],
    ["unguarded", "all-unauthenticated", "users would be let in there by another policy."],
  ])("is refused where the target's pods would be %s by Linkerd", (_how, defaultPolicy, words) => {
    const found = refused({ inboundPolicies: inbound({ matchLabels: its }, defaultPolicy) });
    expect(found.words).toContain("policy-differs: Server http (app=podinfo-primary)");
    expect(found.words).toContain(words);
    expect(found.cure).toContain("patch servers.policy.linkerd.io http --type merge");
  });

  it("goes on where the Canary says that it is meant so", () => {
    const annotations = { [annotation.acceptedPolicies]: "networkpolicy/callers,server/http" };
    const canary = { ...left.canary, metadata: { ...left.canary.metadata, annotations } };
    const networkPolicies = [deny, network("callers", { matchLabels: its }, [{}])];
    expect(refused({ canary, networkPolicies }).words).toBe("none");
    expect(refused({ canary, inboundPolicies: inbound({ matchLabels: its }, "deny") }).words).toBe("none");
  });

  it("is not stopped half way by a policy that is about the primary still", () => {
    let seen: MigrationSeen = { ...left, networkPolicies: [] };
    for (let step = nextToCanary(seen); step.kind !== "done"; step = nextToCanary(seen)) {
      expect(step.kind).not.toBe("refuse");
      if (step.kind === "write") seen = afterWrite(seen, step.write);
      if (step.kind === "wait") seen = afterWait(seen, step.code);
      if (step.kind === "wait" && step.code === "drain")
        seen = { ...seen, networkPolicies: [network("own", { matchLabels: its }, [])] };
    }
  });
});
