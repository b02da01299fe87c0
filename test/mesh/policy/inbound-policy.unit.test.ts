// Who may call a pod, by Linkerd's policy resources.
import { describe, expect, it } from "vitest";
import { authorize, defaultPolicy, describePolicy, type InboundPolicy } from "./inbound-policy.ts";
import type { AuthorizationPolicy, MeshTlsAuthentication, Pod, PolicyServer, PolicyView } from "./objects.ts";
import { selects } from "./selector.ts";
import { identityOf } from "../settings.ts";

const metadata = (name: string) => ({ name, namespace: "shop" });
const server = (name: string, port: number | string, app: string): PolicyServer => ({
  metadata: metadata(name),
  spec: { podSelector: { matchLabels: { app } }, port },
});
const policy = (kind: string, name: string, required: AuthorizationPolicy["spec"]["requiredAuthenticationRefs"]) => ({
  metadata: metadata(`on-${name}`),
  spec: { targetRef: { group: "policy.linkerd.io", kind, name }, requiredAuthenticationRefs: required ?? [] },
});
const callers: MeshTlsAuthentication = {
  metadata: metadata("callers"),
  spec: { identities: [identityOf("web", "shop")], identityRefs: [{ kind: "Namespace", name: "ops" }] },
};

function view(servers: PolicyServer[], policies: AuthorizationPolicy[] = [], annotation?: string): PolicyView {
  const pod = (app: string): Pod => ({
    metadata: {
      ...metadata(app),
      labels: { app },
      ...(annotation ? { annotations: { "config.linkerd.io/default-inbound-policy": annotation } } : {}),
    },
    spec: { containers: [{ ports: [{ name: "http", containerPort: 9898 }] }] },
  });
  return {
    pod: (_namespace, name) => (name === "gone" ? undefined : pod(name)),
    serversIn: () => servers,
    authorizationsIn: () => policies,
    meshTls: (_namespace, name) => (name === "callers" ? callers : undefined),
    network: () => ({
      metadata: metadata("office"),
      spec: { networks: [{ cidr: "10.1.0.0/16", except: ["10.1.9.0/24"] }] },
    }),
  };
}

const of = (each: InboundPolicy | undefined) => each?.ports["9898"] ?? each?.otherwise ?? defaultPolicy("deny");
const web = { clientId: identityOf("web", "shop"), ip: "10.2.0.1" };
const unmeshed = { clientId: undefined, ip: "10.2.0.1" };

describe("the default policy", () => {
  it.each([
    ["all-unauthenticated", true, true],
    ["all-authenticated", true, false],
    ["cluster-unauthenticated", true, true],
    ["deny", false, false],
  ])("%s lets in meshed callers: %s, others: %s", (name, meshed, others) => {
    const found = of(describePolicy("shop", "shop", view([], [], name)));
    expect(found.server).toEqual({ group: "", kind: "default", name });
    expect([web, unmeshed].map((caller) => authorize(found, caller) !== undefined)).toEqual([meshed, others]);
  });

  it("of cluster networks keeps others out", () => {
    expect(authorize(defaultPolicy("cluster-unauthenticated"), { clientId: undefined, ip: "8.8.8.8" })).toBeUndefined();
  });

  it("lets everybody in where no annotation says otherwise, and is not known of a pod that is not known", () => {
    expect(of(describePolicy("shop", "shop", view([]))).server.name).toBe("all-unauthenticated");
    expect(describePolicy("shop", "gone", view([]))).toBeUndefined();
  });
});

describe("a Server", () => {
  const guarded = [server("http", "http", "shop")];

  it("lets in nobody but whom an AuthorizationPolicy on it or on its namespace authorizes, by its port's name too", () => {
    const required = [{ kind: "MeshTLSAuthentication", name: "callers" }];
    expect(authorize(of(describePolicy("shop", "shop", view(guarded))), web)).toBeUndefined();
    for (const each of [policy("Server", "http", required), policy("Namespace", "shop", required)]) {
      const found = of(describePolicy("shop", "shop", view(guarded, [each])));
      expect(found.server).toEqual({ group: "policy.linkerd.io", kind: "server", name: "http" });
      expect(authorize(found, web)).toMatchObject({ kind: "authorizationpolicy", name: each.metadata.name });
      expect(authorize(found, { ...web, clientId: identityOf("anyone", "ops") })).toBeDefined();
      expect(authorize(found, { ...web, clientId: identityOf("anyone", "shop") })).toBeUndefined();
      expect(authorize(found, unmeshed)).toBeUndefined();
    }
  });

  it("that selects stable's pods leaves the canary's to the default policy", () => {
    const all = view(guarded, [policy("Server", "http", [])], "deny");
    expect(authorize(of(describePolicy("shop", "shop", all)), unmeshed)).toBeDefined();
    const canary = of(describePolicy("shop", "shop-canary", all));
    expect(canary.server.name).toBe("deny");
    expect(authorize(canary, web)).toBeUndefined();
  });

  it("wants all of the authentications that a policy names, and one that does not exist is met by nobody", () => {
    const both = [
      { kind: "MeshTLSAuthentication", name: "callers" },
      { kind: "NetworkAuthentication", name: "office" },
    ];
    const found = of(describePolicy("shop", "shop", view(guarded, [policy("Server", "http", both)])));
    const from = (ip: string): boolean => authorize(found, { ...web, ip }) !== undefined;
    expect([from("10.1.2.3"), from("10.1.9.3"), from("10.2.0.1")]).toEqual([true, false, false]);
    const missing = policy("Server", "http", [{ kind: "MeshTLSAuthentication", name: "nobody" }]);
    expect(authorize(of(describePolicy("shop", "shop", view(guarded, [missing]))), web)).toBeUndefined();
  });
});

it("selectors know labels and expressions", () => {
  const labels = { app: "shop", tier: "web" };
  const expression = (operator: string, key: string, values?: string[]) => ({
    matchExpressions: [{ key, operator, ...(values ? { values } : {}) }],
  });
  expect(selects({ matchLabels: { app: "shop" } }, labels)).toBe(true);
  expect(selects({}, labels)).toBe(true);
  const met = [
    expression("In", "tier", ["web", "api"]),
    expression("NotIn", "tier", ["web"]),
    expression("Exists", "tier"),
    expression("DoesNotExist", "tier"),
    expression("Like", "tier"),
  ].map((each) => selects(each, labels));
  expect(met).toEqual([true, false, true, false, false]);
});
