// The command line of each process of the cluster: pure data from ports and paths, started by processes.ts.
import { join } from "node:path";
import { network, nodeName, paths, type Ports } from "../layout.ts";

export const componentNames = [
  "containerd",
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubelet",
  "kube-proxy",
] as const;

export type ComponentName = (typeof componentNames)[number];

const pki = (file: string): string => join(paths.pki, file);
export const kubeconfigOf = (user: string): string => join(paths.config, `${user}.kubeconfig`);
export const configFile = (file: string): string => join(paths.config, file);

/** Arguments of every component. */
export function componentArgs(ports: Ports): Record<ComponentName, string[]> {
  return {
    containerd: ["--config", configFile("containerd.toml")],
    etcd: etcdArgs(ports),
    "kube-apiserver": apiServerArgs(ports),
    "kube-controller-manager": controllerManagerArgs(ports),
    "kube-scheduler": [
      `--kubeconfig=${kubeconfigOf("kube-scheduler")}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.scheduler}`,
      "--leader-elect=false",
      "--kube-api-qps=200",
      "--kube-api-burst=400",
    ],
    kubelet: [
      `--config=${configFile("kubelet.yaml")}`,
      `--kubeconfig=${kubeconfigOf("kubelet")}`,
      `--root-dir=${paths.kubelet}`,
      `--cert-dir=${paths.pki}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${network.nodeAddress}`,
    ],
    "kube-proxy": kubeProxyArgs(ports),
  };
}

function etcdArgs(ports: Ports): string[] {
  const client = `https://127.0.0.1:${ports.etcd}`;
  const peer = `https://127.0.0.1:${ports.etcdPeer}`;
  return [
    "--name=local",
    `--data-dir=${paths.etcd}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=local=${peer}`,
    `--cert-file=${pki("etcd.crt")}`,
    `--key-file=${pki("etcd.key")}`,
    `--trusted-ca-file=${pki("ca.crt")}`,
    "--client-cert-auth",
    `--peer-cert-file=${pki("etcd.crt")}`,
    `--peer-key-file=${pki("etcd.key")}`,
    `--peer-trusted-ca-file=${pki("ca.crt")}`,
    "--peer-client-cert-auth",
    // The data is thrown away with the cluster, so durability is not worth a flush per write.
    "--unsafe-no-fsync",
    "--heartbeat-interval=100",
    "--log-level=warn",
  ];
}

function apiServerArgs(ports: Ports): string[] {
  return [
    `--advertise-address=${network.nodeAddress}`,
    `--bind-address=${network.nodeAddress}`,
    `--secure-port=${ports.api}`,
    `--etcd-servers=https://127.0.0.1:${ports.etcd}`,
    `--etcd-cafile=${pki("ca.crt")}`,
    `--etcd-certfile=${pki("etcd.crt")}`,
    `--etcd-keyfile=${pki("etcd.key")}`,
    `--service-cluster-ip-range=${network.serviceRange}`,
    `--tls-cert-file=${pki("apiserver.crt")}`,
    `--tls-private-key-file=${pki("apiserver.key")}`,
    `--client-ca-file=${pki("ca.crt")}`,
    `--token-auth-file=${pki("tokens.csv")}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    `--service-account-issuer=https://kubernetes.default.svc.${network.domain}`,
    `--service-account-key-file=${pki("service-account.pub")}`,
    `--service-account-signing-key-file=${pki("service-account.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    `--kubelet-client-certificate=${pki("apiserver-kubelet.crt")}`,
    `--kubelet-client-key=${pki("apiserver-kubelet.key")}`,
    // Otherwise logs, exec and port-forward look the node up by its name, which no DNS knows.
    "--kubelet-preferred-address-types=InternalIP",
    `--requestheader-client-ca-file=${pki("front-proxy-ca.crt")}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${pki("front-proxy.crt")}`,
    `--proxy-client-key-file=${pki("front-proxy.key")}`,
    "--enable-aggregator-routing=true",
    `--audit-policy-file=${configFile("audit.yaml")}`,
    `--audit-log-path=${paths.audit}`,
    // Megabytes: tests read it by offset, which must not move under them.
    "--audit-log-maxsize=2000",
  ];
}

function controllerManagerArgs(ports: Ports): string[] {
  return [
    `--kubeconfig=${kubeconfigOf("kube-controller-manager")}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${ports.controllerManager}`,
    "--leader-elect=false",
    // Each controller under its own service account, as on real clusters: admission webhooks see these names.
    "--use-service-account-credentials=true",
    `--service-account-private-key-file=${pki("service-account.key")}`,
    `--root-ca-file=${pki("ca.crt")}`,
    `--cluster-signing-cert-file=${pki("ca.crt")}`,
    `--cluster-signing-key-file=${pki("ca.key")}`,
    "--kube-api-qps=200",
    "--kube-api-burst=400",
  ];
}

function kubeProxyArgs(ports: Ports): string[] {
  return [
    `--kubeconfig=${kubeconfigOf("kube-proxy")}`,
    "--proxy-mode=iptables",
    `--hostname-override=${nodeName}`,
    `--cluster-cidr=${network.podRange}`,
    `--metrics-bind-address=127.0.0.1:${ports.proxyMetrics}`,
    `--healthz-bind-address=127.0.0.1:${ports.proxyHealth}`,
    "--iptables-min-sync-period=100ms",
    "--iptables-localhost-nodeports=false",
    // Zero leaves the machine's connection tracking as it is.
    "--conntrack-max-per-core=0",
    "--conntrack-min=0",
    "--conntrack-tcp-timeout-established=0s",
    "--conntrack-tcp-timeout-close-wait=0s",
  ];
}
