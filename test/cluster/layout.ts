// Where the local cluster lives on this machine: its one state directory, its addresses and its names.
// Every address is private to the cluster and bound to its own bridge, so nothing of it can be reached from another machine.
import { join, resolve } from "node:path";

export const repository = resolve(import.meta.dirname, "../..");

export const stateDir = "/var/lib/kubectl-canary-cluster";

/** A path below the state directory. */
export const inState = (...parts: string[]): string => join(stateDir, ...parts);

export const paths = {
  state: inState("state.json"),
  kubeconfig: inState("kubeconfig"),
  bin: inState("bin"),
  logs: inState("log"),
  audit: inState("log", "audit.log"),
  config: inState("config"),
  pki: inState("pki"),
  etcd: inState("etcd"),
  kubelet: inState("kubelet"),
  podLogs: inState("pods"),
  cni: inState("cni"),
  images: inState("images"),
  prometheus: inState("prometheus"),
  containerd: inState("containerd"),
  containerdState: inState("run"),
  containerdSocket: inState("run", "containerd.sock"),
} as const;

/** The bridge only carries the machine's address that pods can reach; pods hang on point-to-point links. */
export const network = {
  bridge: "kcc0",
  nodeAddress: "10.213.255.1",
  podRange: "10.213.0.0/22",
  podGateway: "10.213.0.1",
  serviceRange: "10.213.128.0/20",
  apiServiceAddress: "10.213.128.1",
  dnsAddress: "10.213.128.10",
  domain: "cluster.local",
} as const;

export const nodeName = "canary-local";

/** TCP ports on the node's address and on loopback. */
export interface Ports {
  readonly api: number;
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly kubelet: number;
  readonly kubeletHealth: number;
  readonly controllerManager: number;
  readonly scheduler: number;
  readonly proxyMetrics: number;
  readonly proxyHealth: number;
}

/** Ports far from a user's own cluster (6443, 2379, 10250); `offset` moves all of them when one is taken. */
export function portsAt(offset: number): Ports {
  return {
    api: 16443 + offset,
    etcd: 16379 + offset,
    etcdPeer: 16380 + offset,
    kubelet: 16250 + offset,
    kubeletHealth: 16248 + offset,
    controllerManager: 16257 + offset,
    scheduler: 16259 + offset,
    proxyMetrics: 16249 + offset,
    proxyHealth: 16256 + offset,
  };
}
