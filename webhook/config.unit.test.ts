import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";

const pod = { KUBECTL_CANARY_NAMESPACE: "canary-system", KUBECTL_CANARY_IDENTITY: "kubectl-canary-0" };

function faultOf(env: Record<string, string>): string {
  try {
    readConfig([], env);
    return "";
  } catch (error) {
    return String(error);
  }
}

describe("the controller's settings", () => {
  it("need nothing but where it runs", () => {
    const config = readConfig([], pod);
    expect(config).toMatchObject({ command: "run", namespace: "canary-system", port: 10_250, drainMs: 5_000 });
    expect(config.ownAccounts).toEqual([
      "system:serviceaccount:canary-system:kubectl-canary",
      "system:serviceaccount:canary-system:kubectl-canary-uninstall",
    ]);
  });

  it("allow no address and no shared template unless they are listed", () => {
    expect(readConfig([], pod)).toMatchObject({ allowedAddresses: [], templateNamespaces: [] });
    const env = { ...pod, KUBECTL_CANARY_ALLOWED_ADDRESSES: "a,*.b", KUBERNETES_SERVICE_HOST: "10.96.0.1" };
    expect(readConfig([], env)).toMatchObject({ allowedAddresses: ["a", "*.b"], apiServer: "10.96.0.1" });
  });

  it("know the namespaces where no change is held", () => {
    expect(readConfig([], pod).excludedNamespaces).toEqual([]);
    const env = { ...pod, KUBECTL_CANARY_EXCLUDED_NAMESPACES: "canary-system,kube-system" };
    expect(readConfig([], env).excludedNamespaces).toEqual(["canary-system", "kube-system"]);
  });

  it("look after every namespace unless some are listed", () => {
    expect(readConfig([], pod).watchNamespaces).toEqual([]);
    expect(readConfig([], { ...pod, KUBECTL_CANARY_WATCH_NAMESPACES: "shop,pay" }).watchNamespaces).toEqual([
      "shop",
      "pay",
    ]);
  });

  it("allow routes no parent beyond the Canary's namespace unless they are told to", () => {
    expect(readConfig([], pod).allowGateways).toBe(false);
    expect(readConfig([], { ...pod, KUBECTL_CANARY_ALLOW_GATEWAYS: "true" }).allowGateways).toBe(true);
  });

  it("name who is told of Canaries that name nobody, and take no address for granted", () => {
    expect(readConfig([], pod).alerts).toEqual({ allowedAddresses: [], providerNamespaces: [] });
    const provider = { type: "msteams", address: "", secretName: "teams", channel: "", username: "", severity: "warn" };
    const env = {
      ...pod,
      KUBECTL_CANARY_ALERT_PROVIDER: JSON.stringify(provider),
      KUBECTL_CANARY_ALERT_ADDRESSES: "*.corp",
      KUBECTL_CANARY_ALERT_NAMESPACES: "platform,shop",
      KUBECTL_CANARY_EVENT_WEBHOOK: JSON.stringify({ address: "https://events.example/x", secretName: "" }),
      KUBECTL_CANARY_CLUSTER_NAME: "production",
    };
    expect(readConfig([], env).alerts).toEqual({
      provider: { type: "msteams", secretName: "teams" },
      severity: "warn",
      eventWebhook: { address: "https://events.example/x" },
      clusterName: "production",
      allowedAddresses: ["*.corp"],
      providerNamespaces: ["platform", "shop"],
    });
  });

  it("are refused where they name nobody who could be told, without the address, which is a secret", () => {
    const env = {
      ...pod,
      KUBECTL_CANARY_ALERT_PROVIDER: JSON.stringify({ type: "pager", severity: "loud", address: "swordfish" }),
      KUBECTL_CANARY_EVENT_WEBHOOK: JSON.stringify({ address: "https://a/swordfish", secretName: "b" }),
    };
    const fault = faultOf(env);
    expect(fault).toMatch(/its type "pager" is none of slack, msteams, discord, rocket, gchat/);
    expect(fault).toMatch(/its severity "loud" is none of info, warn, error/);
    expect(fault).toMatch(/_ALERT_PROVIDER: its address is no http or https URL/);
    expect(fault).toMatch(/_EVENT_WEBHOOK: needs an address or a secretName, and not both/);
    expect(faultOf({ ...pod, KUBECTL_CANARY_EVENT_WEBHOOK: "swordfish" })).toMatch(/is not JSON of an object/);
    expect(fault).not.toContain("swordfish");
  });

  it("come from flags before the environment", () => {
    const env = { ...pod, KUBECTL_CANARY_LOG_LEVEL: "warn", KUBECTL_CANARY_PORT: "9443" };
    expect(readConfig(["--log-level", "debug"], env)).toMatchObject({ logLevel: "debug", port: 9_443 });
  });

  it("take the command of the uninstall hook", () => {
    expect(readConfig(["uninstall"], pod).command).toBe("uninstall");
  });

  it("are refused with all faults at once", () => {
    const env = {
      KUBECTL_CANARY_PORT: "http",
      KUBECTL_CANARY_LOG_LEVEL: "loud",
      KUBECTL_CANARY_PROVIDER: "istio",
      KUBECTL_CANARY_METRICS_SERVER: "prometheus:9090",
      KUBECTL_CANARY_RENEW_DEADLINE: "20s",
      KUBECTL_CANARY_DRAIN: "soon",
      KUBECTL_CANARY_ALLOW_GATEWAYS: "yes",
    };
    const faults = [
      /_NAMESPACE .*is not set/,
      /_IDENTITY .*is not set/,
      /_PORT: "http" is not a port/,
      /_ALLOW_GATEWAYS: "yes" is neither true nor false/,
      /_LOG_LEVEL: "loud" is none of/,
      /_PROVIDER: "istio" is none of/,
      /_METRICS_SERVER: "prometheus:9090" is not an http/,
      /_LEASE_DURATION: must be longer/,
      /_DRAIN: "soon" is not a duration/,
      /unknown command "dance"/,
    ];
    let message = "";
    try {
      readConfig(["dance"], env);
    } catch (error) {
      message = String(error);
    }
    for (const fault of faults) expect(message).toMatch(fault);
  });

  it("are refused with an unknown flag", () => {
    expect(() => readConfig(["--colour"], pod)).toThrow(/--colour/);
  });
});
