// The pinned versions of everything the local cluster is made of.
// Kubernetes and etcd are pinned by kubernetes/go.mod; the others are modules of their own, since one module graph for
// all would move Kubernetes' libraries up a minor version.
import { join } from "node:path";
import type { BinarySpec } from "./build.ts";

export const kubernetesVersion = "1.36.3";
const etcdVersion = "3.6.8";
const helmVersion = "4.3.1";
export const coreDnsVersion = "1.15.0";
export const prometheusVersion = "3.16.0";

const kubernetesModule = join(import.meta.dirname, "kubernetes");

// Without a stamped version kubectl warns of a skew on every call.
const stamp = "k8s.io/component-base/version";
const kubernetesFlags = [
  `-X ${stamp}.gitVersion=v${kubernetesVersion}`,
  `-X ${stamp}.gitMajor=1`,
  `-X ${stamp}.gitMinor=36`,
];

function kubernetes(name: string): BinarySpec {
  return {
    name,
    version: kubernetesVersion,
    package: `k8s.io/kubernetes/cmd/${name}`,
    moduleDir: kubernetesModule,
    ldflags: kubernetesFlags,
  };
}

/** Name of each binary the cluster runs -> how it is built. */
export const binaries = {
  etcd: {
    name: "etcd",
    version: etcdVersion,
    package: "go.etcd.io/etcd/server/v3",
    moduleDir: kubernetesModule,
    ldflags: kubernetesFlags,
  },
  "kube-apiserver": kubernetes("kube-apiserver"),
  "kube-controller-manager": kubernetes("kube-controller-manager"),
  "kube-scheduler": kubernetes("kube-scheduler"),
  kubelet: kubernetes("kubelet"),
  "kube-proxy": kubernetes("kube-proxy"),
  kubectl: kubernetes("kubectl"),
  helm: {
    name: "helm",
    version: helmVersion,
    package: "helm.sh/helm/v4/cmd/helm",
    moduleVersion: `v${helmVersion}`,
  },
  coredns: {
    name: "coredns",
    version: coreDnsVersion,
    package: "github.com/coredns/coredns",
    moduleVersion: `v${coreDnsVersion}`,
  },
  prometheus: {
    name: "prometheus",
    version: prometheusVersion,
    package: "github.com/prometheus/prometheus/cmd/prometheus",
    // Prometheus 3.x is published as module version v0.3xx.
    moduleVersion: "v0.316.0",
    // Debian's build lacks discovery by the Kubernetes API; the other discoveries would triple the compile time.
    tags: ["remove_all_sd", "enable_kubernetes_sd"],
  },
} as const satisfies Record<string, BinarySpec>;

/** Plays the kubelet of nodes that are not there, for the tests at length that need hundreds of pods. */
export const kwok: BinarySpec = {
  name: "kwok",
  version: "0.8.0",
  package: "sigs.k8s.io/kwok/cmd/kwok",
  moduleVersion: "v0.8.0",
};

export type BinaryName = keyof typeof binaries;

/** Go modules that are wanted for the CRDs they contain. */
export const crdModules = {
  smi: "github.com/servicemeshinterface/smi-sdk-go@v0.5.0",
  gatewayApi: "sigs.k8s.io/gateway-api@v1.5.1",
  certManager: "github.com/cert-manager/cert-manager@v1.11.5",
} as const;

/** Not part of the cluster: a test starts it beside it. */
export const certManager: BinarySpec = {
  name: "cert-manager",
  version: "1.11.5",
  package: "github.com/cert-manager/cert-manager/cmd/controller",
  moduleDir: join(import.meta.dirname, "cert-manager"),
  ldflags: ["-X github.com/cert-manager/cert-manager/pkg/util.AppVersion=v1.11.5"],
};
