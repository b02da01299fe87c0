// The configuration files of the cluster's processes, rendered as text from ports and paths.
import { join } from "node:path";
import { dump } from "js-yaml";
import { inState, network, paths, type Ports } from "../layout.ts";

export const pauseImage = "kubectl-canary.local/pause:1";

export const apiServerUrl = (ports: Ports): string => `https://${network.nodeAddress}:${ports.api}`;

/** A kubeconfig for one user with a token. */
export function renderKubeconfig(server: string, user: string, credentials: { token: string; caPem: string }): string {
  const name = "kubectl-canary-local";
  return dump({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name, cluster: { server, "certificate-authority-data": Buffer.from(credentials.caPem).toString("base64") } },
    ],
    users: [{ name: user, user: { token: credentials.token } }],
    contexts: [{ name, context: { cluster: name, user } }],
    "current-context": name,
  });
}

/** containerd's configuration; every path of it is below the state directory. */
export function renderContainerd(cniBinDir: string): string {
  return `version = 2
root = "${paths.containerd}"
state = "${paths.containerdState}"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.restart", "io.containerd.nri.v1.nri"]

[grpc]
  address = "${paths.containerdSocket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${join(paths.containerd, "opt")}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # A machine without CAP_SYS_RESOURCE may not lower its own score.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniBinDir}"
    conf_dir = "${paths.cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${inState("runc")}"
`;
}

/**
 * Pods hang on point-to-point links, so that all their traffic is routed through the host: Services work between pods
 * without the kernel's bridge filter being turned on for the whole machine.
 */
export function renderCni(): string {
  const ipam = {
    type: "host-local",
    dataDir: inState("ipam"),
    ranges: [[{ subnet: network.podRange, gateway: network.podGateway }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return JSON.stringify({ cniVersion: "0.4.0", name: "kubectl-canary", plugins: [{ type: "ptp", ipam }] }, null, 2);
}

/** The kubelet's configuration: one node, no eviction by disk use, quick to report what changes. */
export function renderKubelet(ports: Ports): string {
  return dump({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: network.nodeAddress,
    port: ports.kubelet,
    healthzPort: ports.kubeletHealth,
    healthzBindAddress: "127.0.0.1",
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: join(paths.pki, "ca.crt") } },
    authorization: { mode: "Webhook" },
    tlsCertFile: join(paths.pki, "kubelet.crt"),
    tlsPrivateKeyFile: join(paths.pki, "kubelet.key"),
    clusterDomain: network.domain,
    clusterDNS: [network.dnsAddress],
    resolvConf: "",
    containerRuntimeEndpoint: `unix://${paths.containerdSocket}`,
    podLogsDir: paths.podLogs,
    volumePluginDir: join(paths.kubelet, "volume-plugins"),
    cgroupDriver: "cgroupfs",
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    localStorageCapacityIsolation: false,
    maxPods: 500,
    serializeImagePulls: false,
    // Images exist only locally: the kubelet must never collect one because the disk is full of other things.
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      "memory.available": "1Mi",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "imagefs.available": "0%",
    },
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    eventRecordQPS: 0,
    nodeStatusUpdateFrequency: "2s",
  });
}

/**
 * What the API server writes down: every call of the accounts in `namespace`, which is the controller's, with the body where a
 * route is written; and who deletes what, and what every Canary that anyone writes is of, to hold those calls against.
 */
export function renderAuditPolicy(namespace: string): string {
  const userGroups = [`system:serviceaccounts:${namespace}`];
  const routes = [
    { group: "split.smi-spec.io", resources: ["trafficsplits"] },
    { group: "gateway.networking.k8s.io", resources: ["httproutes"] },
  ];
  const canaries = [{ group: "flagger.app", resources: ["canaries"] }];
  return dump({
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitManagedFields: true,
    rules: [
      { level: "Request", userGroups, verbs: ["create", "update", "patch"], resources: routes },
      // A watch is known from its start on.
      { level: "Metadata", userGroups, verbs: ["watch"], omitStages: ["RequestReceived", "ResponseComplete"] },
      { level: "Metadata", userGroups, omitStages: ["RequestReceived"] },
      { level: "Request", verbs: ["create", "patch", "update"], resources: canaries },
      { level: "Metadata", verbs: ["delete"] },
      { level: "None" },
    ],
    omitStages: ["RequestReceived"],
  });
}
