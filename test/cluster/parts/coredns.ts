// The cluster's DNS: CoreDNS for Services and pods, and nothing outside the cluster.
import type { Manifest } from "../api.ts";
import { network } from "../layout.ts";
import { coreDnsVersion } from "../versions.ts";

export const coreDnsImage = `kubectl-canary.local/coredns:${coreDnsVersion}`;

const labels = { "k8s-app": "kube-dns" };
const metadata = { name: "coredns", namespace: "kube-system", labels };

// No cache: answers come from memory anyway, and a cached "no such name" would outlive the creation of a Service.
const corefile = `.:53 {
    errors
    health {
        lameduck 0s
    }
    ready
    kubernetes ${network.domain} in-addr.arpa ip6.arpa {
        pods insecure
        ttl 1
    }
    loadbalance
}
`;

/** Account, rights, configuration, Deployment and Service of the cluster's DNS. */
export function coreDnsManifests(): Manifest[] {
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "system:coredns", labels },
      rules: [
        { apiGroups: [""], resources: ["endpoints", "services", "pods", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "system:coredns", labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:coredns" },
      subjects: [{ kind: "ServiceAccount", name: "coredns", namespace: "kube-system" }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile: corefile } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, name: "kube-dns" },
      spec: {
        clusterIP: network.dnsAddress,
        selector: labels,
        ports: [
          { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
          { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
        ],
      },
    },
  ];
}

const podSpec = {
  serviceAccountName: "coredns",
  priorityClassName: "system-cluster-critical",
  enableServiceLinks: false,
  dnsPolicy: "Default",
  terminationGracePeriodSeconds: 5,
  containers: [
    {
      name: "coredns",
      image: coreDnsImage,
      imagePullPolicy: "IfNotPresent",
      args: ["-conf", "/etc/coredns/Corefile"],
      ports: [
        { name: "dns", containerPort: 53, protocol: "UDP" },
        { name: "dns-tcp", containerPort: 53, protocol: "TCP" },
      ],
      readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 1, timeoutSeconds: 5 },
      volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }],
    },
  ],
  volumes: [{ name: "config", configMap: { name: "coredns" } }],
};
