import { describe, expect, it } from "vitest";
import { load } from "js-yaml";
import { objectPath } from "./api.ts";
import { builtName, goCommand, groupsOf } from "./build.ts";
import { componentArgs } from "./parts/components.ts";
import { renderCni, renderContainerd, renderKubeconfig, renderKubelet } from "./parts/config.ts";
import { splitDefinition } from "./crds.ts";
import { renderRuleRemoval } from "./machine/host.ts";
import { network, portsAt, stateDir } from "./layout.ts";
import { isOurCommand, isOurRoot, mountsBelow } from "./machine/leftovers.ts";
import { formatLine } from "./progress.ts";
import { renderPrometheus } from "./parts/prometheus.ts";
import { binaries } from "./versions.ts";
import { unmet, waitFor } from "./wait.ts";

describe("building binaries", () => {
  it("compiles all Kubernetes programs in one go build, and every other module by itself", () => {
    const groups = groupsOf(Object.values(binaries));
    expect(groups.map((group) => group.map((spec) => spec.name))).toEqual([
      ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"],
      ["helm"],
      ["coredns"],
      ["prometheus"],
    ]);
  });

  it("installs a module of its own at its pinned version", () => {
    const { args, env } = goCommand([binaries.prometheus], "/out");
    expect(args.at(-1)).toBe("github.com/prometheus/prometheus/cmd/prometheus@v0.316.0");
    expect(args).toContain("remove_all_sd,enable_kubernetes_sd");
    expect(env).toEqual({ GOBIN: "/out" });
  });

  it("knows what go calls a binary", () => {
    expect(builtName("go.etcd.io/etcd/server/v3")).toBe("server");
    expect(builtName("helm.sh/helm/v4/cmd/helm")).toBe("helm");
  });

  it("shows a line with name, stage, seconds and note", () => {
    expect(formatLine("helm", { stage: "compiling", seconds: 12.4, note: "400 packages" }, 8)).toBe(
      "  helm      compiling     12 s  400 packages",
    );
  });
});

describe("the configuration of the cluster", () => {
  it("keeps every path of containerd below the state directory", () => {
    const paths = [...renderContainerd("/usr/lib/cni").matchAll(/= "(\/[^"]+)"/g)].map((match) => match[1]!);
    expect(paths.filter((path) => !path.startsWith(`${stateDir}/`))).toEqual(["/usr/lib/cni"]);
  });

  it("lets nothing listen on an address that other machines reach", () => {
    const listening = Object.values(componentArgs(portsAt(0)))
      .flat()
      .filter((argument) => /^--(bind-address|.*listen.*|.*-bind-address)=/.test(argument));
    expect(listening.length).toBeGreaterThan(5);
    for (const argument of listening) expect(argument).toMatch(/127\.0\.0\.1|10\.213\.255\.1/);
    expect(load(renderKubelet(portsAt(0)))).toMatchObject({ address: network.nodeAddress });
  });

  it("gives pods addresses of the pod range", () => {
    expect(renderCni()).toContain(`"subnet": "${network.podRange}"`);
  });

  it("moves all ports together", () => {
    expect(portsAt(50).api - portsAt(0).api).toBe(50);
    expect(new Set(Object.values(portsAt(0))).size).toBe(9);
  });

  it("writes a kubeconfig with one context", () => {
    const config = renderKubeconfig("https://10.213.255.1:16443", "admin", { token: "secret", caPem: "PEM" });
    expect(load(config)).toMatchObject({
      "current-context": "kubectl-canary-local",
      users: [{ name: "admin", user: { token: "secret" } }],
    });
  });

  it("has Prometheus keep only Linkerd's proxies, at the interval asked for", () => {
    const config = load(renderPrometheus("2s")) as {
      global: { scrape_interval: string };
      scrape_configs: { job_name: string; relabel_configs?: { action: string; regex?: string }[] }[];
    };
    expect(config.global.scrape_interval).toBe("2s");
    const job = config.scrape_configs.find((one) => one.job_name === "linkerd-proxy");
    expect(job?.relabel_configs?.[0]).toMatchObject({ action: "keep", regex: "^linkerd-proxy;linkerd-admin$" });
  });

  it("finds the path of an object", () => {
    const metadata = { name: "x", namespace: "ns" };
    expect(objectPath({ apiVersion: "apps/v1", kind: "Deployment", metadata })).toBe(
      "/apis/apps/v1/namespaces/ns/deployments/x",
    );
    expect(objectPath({ apiVersion: "v1", kind: "Namespace", metadata: { name: "x" } })).toBe("/api/v1/namespaces/x");
  });
});

describe("the definition of TrafficSplit", () => {
  const weight = { type: "number" };
  const old = {
    metadata: { name: "trafficsplits.split.smi-spec.io" },
    spec: {
      group: "split.smi-spec.io",
      scope: "Namespaced",
      names: { kind: "TrafficSplit" },
      validation: {
        openAPIV3Schema: {
          properties: {
            spec: {
              type: "object",
              properties: {
                service: { type: "string" },
                matches: { type: "array" },
                backends: { type: "array", items: { type: "object", properties: { weight } } },
              },
            },
          },
        },
      },
    },
  };

  it("serves the versions asked for and stores the first", () => {
    const definition = splitDefinition(old, ["v1alpha1", "v1alpha2"]);
    expect(definition).toMatchObject({
      apiVersion: "apiextensions.k8s.io/v1",
      spec: {
        versions: [
          { name: "v1alpha1", storage: true },
          { name: "v1alpha2", storage: false },
        ],
      },
    });
  });

  it("allows quantities as weights in v1alpha1 only, and matches in v1alpha4 only", () => {
    const text = (version: "v1alpha1" | "v1alpha2" | "v1alpha4"): string =>
      JSON.stringify(splitDefinition(old, [version]));
    expect(text("v1alpha1")).toContain("x-kubernetes-int-or-string");
    expect(text("v1alpha2")).not.toContain("x-kubernetes-int-or-string");
    expect(text("v1alpha2")).not.toContain("matches");
    expect(text("v1alpha4")).toContain("matches");
  });
});

describe("removing what a cluster left", () => {
  const saved = `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:DOCKER - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -j DOCKER
-A KUBE-SERVICES -j RETURN
COMMIT
*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -s 10.213.0.0/22 -m comment --comment kubectl-canary-cluster -j ACCEPT
COMMIT
`;

  it("takes Kubernetes' chains and our own rules out of the packet filter, and no others", () => {
    expect(renderRuleRemoval(saved)).toBe(`*nat
-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
:KUBE-SERVICES - [0:0]
-X KUBE-SERVICES
COMMIT
*filter
-D FORWARD -s 10.213.0.0/22 -m comment --comment kubectl-canary-cluster -j ACCEPT
COMMIT
`);
    expect(renderRuleRemoval("*nat\n:DOCKER - [0:0]\n-A PREROUTING -j DOCKER\nCOMMIT\n")).toBe("");
  });

  it("knows our daemons and shims from another containerd's", () => {
    expect(isOurCommand(["/usr/bin/containerd", "--config", `${stateDir}/config/containerd.toml`])).toBe(true);
    expect(isOurCommand(["/usr/bin/containerd-shim-runc-v2", "-address", `${stateDir}/run/containerd.sock`])).toBe(
      true,
    );
    expect(isOurCommand(["/x/etcd-3.6.8", `--data-dir=${stateDir}/etcd`])).toBe(true);
    expect(isOurCommand(["/usr/bin/containerd"])).toBe(false);
    expect(isOurCommand(["tail", "-f", `${stateDir}/log/kubelet.log`])).toBe(false);
  });

  it("knows a process in one of our containers by its root", () => {
    const root = (upper: string): string => `40 30 0:5 / / rw - overlay overlay rw,lowerdir=/a,upperdir=${upper}/fs\n`;
    expect(isOurRoot(root(`${stateDir}/containerd/snapshots/1`))).toBe(true);
    expect(isOurRoot(root("/var/lib/containerd/snapshots/1"))).toBe(false);
  });

  it("unmounts the inner mounts first", () => {
    const table = `1 0 8:1 / / rw\n2 1 0:9 / ${stateDir}/a rw\n3 2 0:9 / ${stateDir}/a/b rw\n4 1 0:9 / /other rw\n`;
    expect(mountsBelow(table, stateDir)).toEqual([`${stateDir}/a/b`, `${stateDir}/a`]);
  });
});

describe("waiting", () => {
  it("returns what the condition found", async () => {
    let looks = 0;
    expect(await waitFor(() => ((looks += 1) < 3 ? unmet("not yet") : looks), 1000, "three looks", 1)).toBe(3);
  });

  it("says what it last saw when the time is over", async () => {
    await expect(waitFor(() => unmet("2 of 3 pods ready"), 5, "three pods", 1)).rejects.toThrow(
      "Waited 0.005 s for three pods; last seen: 2 of 3 pods ready",
    );
  });

  it("takes an exception for a condition that is not met", async () => {
    const refuse = (): Promise<true> => Promise.reject(new Error("connection refused"));
    await expect(waitFor(refuse, 5, "the API", 1)).rejects.toThrow("last seen: connection refused");
  });
});
