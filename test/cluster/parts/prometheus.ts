// Prometheus in the cluster, with the scrape job of Linkerd-Viz, so that queries written for Linkerd work unchanged.
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dump } from "js-yaml";
import { getObject, type Manifest } from "../api.ts";
import { paths } from "../layout.ts";
import { requireState } from "../state.ts";
import { prometheusVersion } from "../versions.ts";
import { unmet, waitFor } from "../wait.ts";

export const prometheusImage = `kubectl-canary.local/prometheus:${prometheusVersion}`;
export const vizNamespace = "linkerd-viz";
export const defaultScrapeInterval = "10s";

const name = "prometheus";
const PORT = 9090;

const podLabel = "__meta_kubernetes_pod_label_";

/** The relabelings of Linkerd-Viz's job `linkerd-proxy`: which pods are scraped and which labels their series get. */
const linkerdRelabelings = [
  {
    source_labels: ["__meta_kubernetes_pod_container_name", "__meta_kubernetes_pod_container_port_name"],
    action: "keep",
    regex: "^linkerd-proxy;linkerd-admin$",
  },
  { source_labels: ["__meta_kubernetes_namespace"], action: "replace", target_label: "namespace" },
  { source_labels: ["__meta_kubernetes_pod_name"], action: "replace", target_label: "pod" },
  // A Kubernetes Job's name must not take the place of Prometheus' own label `job`.
  { source_labels: [`${podLabel}linkerd_io_proxy_job`], action: "replace", target_label: "k8s_job" },
  { action: "labeldrop", regex: `${podLabel}linkerd_io_proxy_job` },
  // linkerd.io/proxy-deployment=podinfo becomes deployment="podinfo", and so on for the other owners.
  { action: "labelmap", regex: `${podLabel}linkerd_io_proxy_(.+)` },
  { action: "labeldrop", regex: `${podLabel}linkerd_io_proxy_(.+)` },
  { action: "labelmap", regex: `${podLabel}linkerd_io_(.+)` },
  // Every pod label becomes a label of the series, those of linkerd.io without their prefix.
  { action: "labelmap", regex: `${podLabel}(.+)`, replacement: "__tmp_pod_label_$1" },
  { action: "labelmap", regex: "__tmp_pod_label_linkerd_io_(.+)", replacement: "__tmp_pod_label_$1" },
  { action: "labeldrop", regex: "__tmp_pod_label_linkerd_io_(.+)" },
  { action: "labelmap", regex: "__tmp_pod_label_(.+)" },
];

const podAnnotation = "__meta_kubernetes_pod_annotation_prometheus_io_";

/** Pods by the usual annotations: of the controller alone, for scrapes of a meshed app look like users' requests. */
const annotatedRelabelings = [
  { source_labels: [`${podAnnotation}scrape`], action: "keep", regex: "true" },
  { source_labels: [`${podAnnotation}path`], action: "replace", target_label: "__metrics_path__", regex: "(.+)" },
  {
    source_labels: ["__meta_kubernetes_pod_ip", `${podAnnotation}port`],
    action: "replace",
    target_label: "__address__",
    regex: "(.+);(.+)",
    replacement: "$1:$2",
  },
  // Several ports of a pod are one target.
  { source_labels: ["__meta_kubernetes_pod_name"], action: "replace", target_label: "kubernetes_pod_name" },
];

/** Prometheus' configuration with one scrape interval (such as `10s`) for all jobs. */
export function renderPrometheus(scrapeInterval: string): string {
  return dump({
    global: { scrape_interval: scrapeInterval, scrape_timeout: scrapeInterval, evaluation_interval: scrapeInterval },
    scrape_configs: [
      { job_name: "prometheus", static_configs: [{ targets: [`localhost:${PORT}`] }] },
      {
        job_name: "linkerd-proxy",
        kubernetes_sd_configs: [{ role: "pod" }],
        relabel_configs: linkerdRelabelings,
      },
      {
        job_name: "kubectl-canary",
        kubernetes_sd_configs: [{ role: "pod", namespaces: { names: ["kubectl-canary"] } }],
        relabel_configs: annotatedRelabelings,
      },
    ],
  });
}

/** Writes the configuration where the pod sees it; the folder is mounted, so a rename reaches the pod at once. */
export async function writePrometheusConfig(scrapeInterval: string): Promise<void> {
  if (!/^\d+(ms|s|m)$/.test(scrapeInterval)) {
    throw new Error(`The scrape interval ${scrapeInterval} is not a duration such as 2s or 500ms.`);
  }
  await mkdir(paths.prometheus, { recursive: true });
  const file = join(paths.prometheus, "prometheus.yml");
  await writeFile(`${file}.part`, renderPrometheus(scrapeInterval));
  await rename(`${file}.part`, file);
}

/** Changes the scrape interval of the running Prometheus; its data stay. */
export async function setScrapeInterval(scrapeInterval: string): Promise<void> {
  const url = await prometheusUrl();
  await writePrometheusConfig(scrapeInterval);
  await waitFor(
    async () => {
      const response = await fetch(`${url}/-/reload`, { method: "POST" });
      return response.ok || unmet(`${response.status} ${await response.text()}`);
    },
    30_000,
    "Prometheus to reload",
  );
}

/** Base URL of Prometheus for processes on this machine. */
export async function prometheusUrl(): Promise<string> {
  const service = await getObject<{ spec: { clusterIP: string } }>(
    await requireState(),
    `/api/v1/namespaces/${vizNamespace}/services/${name}`,
  );
  if (!service) throw new Error(`There is no Service ${vizNamespace}/${name} in the cluster.`);
  return `http://${service.spec.clusterIP}:${PORT}`;
}

const labels = { "linkerd.io/extension": "viz", component: name };
const metadata = { name, namespace: vizNamespace, labels };

/** Everything that Prometheus is in the cluster: namespace, account with the right to see pods, Deployment, Service. */
export function prometheusManifests(): Manifest[] {
  return [
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: vizNamespace, labels: { "linkerd.io/extension": "viz" } },
    },
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "linkerd-viz-prometheus", labels },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "linkerd-viz-prometheus", labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "linkerd-viz-prometheus" },
      subjects: [{ kind: "ServiceAccount", name, namespace: vizNamespace }],
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: labels, ports: [{ name: "admin", port: PORT, targetPort: PORT }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1,
        strategy: { type: "Recreate" },
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec },
      },
    },
  ];
}

const podSpec = {
  serviceAccountName: name,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 5,
  securityContext: { runAsUser: 65534, runAsGroup: 65534 },
  containers: [
    {
      name,
      image: prometheusImage,
      imagePullPolicy: "IfNotPresent",
      args: [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/data",
        "--storage.tsdb.retention.time=6h",
        "--web.enable-lifecycle",
        `--web.listen-address=0.0.0.0:${PORT}`,
      ],
      ports: [{ name: "admin", containerPort: PORT }],
      readinessProbe: { httpGet: { path: "/-/ready", port: PORT }, periodSeconds: 1, timeoutSeconds: 5 },
      volumeMounts: [
        { name: "config", mountPath: "/etc/prometheus", readOnly: true },
        { name: "data", mountPath: "/data" },
      ],
    },
  ],
  volumes: [
    // A ConfigMap would reach the pod only after the kubelet's next sync.
    { name: "config", hostPath: { path: paths.prometheus, type: "Directory" } },
    { name: "data", emptyDir: {} },
  ],
};
