/**
 * A place where controllers are killed, frozen and doubled: an API server of its own, Kubernetes' own controllers, the chart's
 * webhooks answered by this process, and a Prometheus that knows of no request. Each run has a namespace for itself, and
 * controllers that see nothing else, so that many runs go on side by side.
 */
import { join } from "node:path";
import { pino } from "pino";
import { loadAll } from "js-yaml";
import { optional } from "../../shared/core/format/compact.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import {
  type Controller as RunningController,
  startController as startProduct,
} from "../../webhook/controller/controller.ts";
import { createRecorder } from "../../webhook/telemetry/recorder.ts";
import { release } from "../chart/install.ts";
import { ensureBinary } from "../cluster/build.ts";
import { repository } from "../cluster/layout.ts";
import { mustRun } from "../cluster/run.ts";
import { binaries } from "../cluster/versions.ts";
import { waitFor } from "../cluster/wait.ts";
import { PaperNode, startControllers } from "../kube/controllers.ts";
import { startControlPlane, type ControlPlane } from "../kube/control-plane.ts";
import { openDoor, type Door } from "../metrics/door.ts";
import { defineResources } from "../plugin/fixtures/plane.ts";
import { noRequests } from "./no-requests.ts";
import { serveAdmission, type Admission, type ServedTimes, type Serving } from "./admission.ts";
import { startProgram } from "./programs/start.ts";
import { through, type Gate } from "./through.ts";
import { systemClock } from "../../shared/kube/clock.ts";

export interface Controller {
  /** In whose name it leads. */
  identity: string;
  /** Where its Lease is. Two controllers with Leases of their own both lead. */
  leaseNamespace: string;
  /** The only namespace that it sees; all where it is empty. */
  namespace: string;
  gate: Gate;
  /** Where it finds the API server, if not straight. */
  port?: number;
  /** Where it finds Prometheus, if not at the one that knows of no request. */
  metricsServer?: string;
  /** Beside it, what a tenant's Canary may ask. */
  allowedAddresses?: string[];
}

export interface Arena {
  /** The administrator's. */
  cluster: Cluster;
  /** The controller's own account. */
  own: Cluster;
  node: PaperNode;
  /** The uninstall hook's own account, with what the chart gives it. */
  hook(): Promise<Cluster>;
  /** Of admission in a process of its own: what its reviews took in there since this was asked last. */
  reviewTimes?: () => Promise<ServedTimes>;
  /** Another account's. */
  as(token: string): Cluster;
  /** What another process needs to be that account: the text of a kubeconfig. */
  kubeConfig(token?: string): string;
  /** Where the API server listens. */
  port: number;
  startController(options: Controller): Promise<RunningController>;
  stop(): Promise<void>;
}

const account = `system:serviceaccount:${release.namespace}:${release.name}`;

export interface ArenaOptions {
  /** As the chart has it: the controller's account then has the chart's own Roles. Those namespaces are made first. */
  watchNamespaces?: string[];
  /** The chart's `configTracking.namespaces`, some of the others. */
  configNamespaces?: string[];
  /** Reviews are answered by a process of their own. */
  isAdmissionApart?: boolean;
}

export async function startArena(options: ArenaOptions = {}): Promise<Arena> {
  const { watchNamespaces = [], configNamespaces = [], isAdmissionApart } = options;
  const plane = await startControlPlane();
  const cluster = plane.cluster();
  const [controllers, node, prometheus] = await Promise.all([
    startControllers(plane),
    PaperNode.start(cluster),
    openDoor(""),
  ]);
  prometheus.behave(noRequests(node));
  await cluster.create(resource.namespaces, { metadata: { name: release.namespace } });
  await Promise.all([defineResources(cluster), createAccount(cluster, release.name)]);
  const chart = (files: string[]): Promise<Configuration[]> =>
    rendered(plane, { watchNamespaces, configNamespaces }, files);
  if (watchNamespaces.length === 0) await allowEverything(cluster);
  else await allowByChart(cluster, await chart(["rbac"]), watchNamespaces);
  if (configNamespaces.length > 0) await allowByChart(cluster, await chart(["config-tracking"]), []);
  const admission: Admission = await (isAdmissionApart ? admissionApart() : serveAdmission(account, watchNamespaces));
  await callAdmission(cluster, await chart(["webhooks", "policies"]), { watchNamespaces, ...admission });
  const token = await tokenOf(cluster, release.name);
  return {
    cluster,
    own: plane.cluster({ token }),
    hook: async () => {
      await allowByChart(cluster, await chart(["uninstall"]), []);
      await createAccount(cluster, hookAccount);
      return plane.cluster({ token: await tokenOf(cluster, hookAccount) });
    },
    ...optional("reviewTimes", admission.times),
    as: (other) => plane.cluster({ token: other, timeoutMs: 10_000 }),
    node,
    kubeConfig: (other) => plane.kubeConfig(other === undefined ? {} : { token: other }).exportConfig(),
    port: plane.port,
    startController: (options) => {
      const { port = plane.port } = options;
      const account = plane.cluster({ token, timeoutMs: 3_000, port });
      return startController(account, prometheus, { ...options, watchNamespaces, configNamespaces });
    },
    stop: async () => {
      await Promise.all([node.stop(), controllers.stop(), prometheus.close()]);
      await plane.stop();
      await admission.end();
    },
  };
}

// --- internal ---

function startController(
  cluster: Cluster,
  prometheus: Door,
  options: Controller & { watchNamespaces: string[]; configNamespaces: string[] },
): Promise<RunningController> {
  const { namespace, leaseNamespace, identity, gate, watchNamespaces, configNamespaces } = options;
  return startProduct({
    cluster: through(cluster, namespace, gate),
    config: {
      namespace: leaseNamespace,
      identity,
      provider: "linkerd",
      metricsServer: options.metricsServer ?? prometheus.url,
      scrapeIntervalMs: 1_000,
      allowedAddresses: options.allowedAddresses ?? [],
      templateNamespaces: [],
      watchNamespaces,
      configNamespaces,
      configIntervalMs: 500,
      hashKeySecret: `${release.name}-hash-key`,
      excludedNamespaces: [],
      allowGateways: false,
      hookAddresses: ["127.0.0.1"],
      alerts: { allowedAddresses: ["127.0.0.1"], providerNamespaces: [] },
      leaseDurationMs: 3_000,
      renewDeadlineMs: 2_000,
      retryPeriodMs: 250,
    },
    log: pino({ enabled: process.env["LOG_LEVEL"] !== undefined, level: process.env["LOG_LEVEL"] ?? "info" }),
    recorder: createRecorder({ version: "test", meshProvider: "linkerd" }),
    clock: systemClock,
    random: () => Math.random(),
  });
}

const hookAccount = `${release.name}-uninstall`;

async function createAccount(cluster: Cluster, name: string): Promise<void> {
  const metadata = { name, namespace: release.namespace };
  await cluster.create(resource.serviceAccounts, { metadata });
}

/** What it may do in a cluster is the chart's matter in most rows. */
async function allowEverything(cluster: Cluster): Promise<void> {
  const { name, namespace } = release;
  await cluster.create(resource.clusterRoleBindings, {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  });
}

/** What the chart gives the account, and the Secret that it may fill. */
const grants: Record<string, Resource> = {
  Role: resource.roles,
  RoleBinding: resource.roleBindings,
  ClusterRole: resource.clusterRoles,
  ClusterRoleBinding: resource.clusterRoleBindings,
  Secret: resource.secrets,
};

async function allowByChart(cluster: Cluster, chart: Configuration[], namespaces: string[]): Promise<void> {
  for (const name of namespaces) await cluster.create(resource.namespaces, { metadata: { name } });
  for (const object of chart) {
    const of = grants[object.kind];
    if (of) await cluster.create(of, object);
  }
}

async function tokenOf(cluster: Cluster, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${release.namespace}/serviceaccounts/${name}/token`;
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 86_400 } };
  const { status } = (await cluster.raw("POST", path, request)) as { status: { token: string } };
  return status.token;
}

interface Configuration {
  kind: string;
  webhooks?: { clientConfig: { service?: { path: string }; url?: string; caBundle?: string } }[];
}

const configurations: Record<string, Resource> = {
  MutatingWebhookConfiguration: resource.mutatingWebhookConfigurations,
  ValidatingWebhookConfiguration: resource.validatingWebhookConfigurations,
};

async function admissionApart(): Promise<Admission> {
  const { said, ask, end } = startProgram<Serving>("serve-admission", [account]);
  return { ...(await said), end, times: () => ask<ServedTimes>() };
}

/** The chart's webhooks, with `port` of this machine in the Service's place. */
async function callAdmission(
  cluster: Cluster,
  chart: Configuration[],
  { port, authority, watchNamespaces }: Serving & { watchNamespaces: string[] },
): Promise<void> {
  const caBundle = Buffer.from(authority).toString("base64");
  for (const configuration of chart) {
    const of = configurations[configuration.kind];
    if (!of) {
      await cluster.raw("POST", policyPath(configuration), configuration);
      continue;
    }
    for (const webhook of configuration.webhooks ?? [])
      webhook.clientConfig = { url: `https://localhost:${port}${webhook.clientConfig.service?.path}`, caBundle };
    await cluster.create(of, configuration);
  }
  await waitForAdmission(cluster, watchNamespaces[0] ?? release.namespace);
}

/** The policies too: what the controller does in all rows is what its own account may do. */
const policyPath = ({ kind }: Configuration): string =>
  `/apis/admissionregistration.k8s.io/v1/${kind === "ValidatingAdmissionPolicy" ? "validatingadmissionpolicies" : "validatingadmissionpolicybindings"}`;

async function rendered(
  plane: ControlPlane,
  values: Pick<ArenaOptions, "watchNamespaces" | "configNamespaces">,
  templates: string[],
): Promise<Configuration[]> {
  const json = (value: unknown): string => JSON.stringify(value);
  const helm = await ensureBinary(binaries.helm);
  const chart = ["template", release.name, join(repository, "charts", release.name), "--namespace", release.namespace];
  const { watchNamespaces, configNamespaces } = values;
  const tracking = `configTracking.namespaces=${json(configNamespaces)}`;
  const namespaces = ["--set-json", `watchNamespaces=${json(watchNamespaces)}`, "--set-json", tracking];
  const args = [...chart, "--set", "image.repository=registry.example/canary", ...namespaces];
  const env = { ...process.env, HELM_CACHE_HOME: plane.dir, HELM_CONFIG_HOME: plane.dir, HELM_DATA_HOME: plane.dir };
  const files = templates.flatMap((name) => ["--show-only", `templates/${name}.yaml`]);
  const text = await mustRun(helm, [...args, ...files], { env });
  return (loadAll(text) as (Configuration | null)[]).flatMap((one) => one ?? []);
}

/** API servers take a moment to call a new webhook: a faulty Canary is refused with our words as soon as they do. */
async function waitForAdmission(cluster: Cluster, namespace: string): Promise<void> {
  const faulty = {
    metadata: { name: "faulty", namespace },
    spec: { targetRef: { kind: "Deployment", name: "none" }, analysis: { stepWeight: 500 } },
  };
  await waitFor(
    async () => {
      const said = await cluster.create(resource.canaries, faulty, { dryRun: true }).catch((error: unknown) => error);
      if (said instanceof Error && said.message.includes("is not a percentage")) return true;
      throw new Error(`the webhook is not asked yet: ${String(said)}`);
    },
    30_000,
    "admission by this process",
  );
}
