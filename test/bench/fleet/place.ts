/** An API server of a bench's own, with what the controller wants to find there, and its requests counted apart. */
import { readdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { load } from "js-yaml";
import { repository } from "../../cluster/layout.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { startControlPlane, type ControlPlane } from "../../kube/control-plane.ts";
import { defineResources } from "../../plugin/fixtures/plane.ts";
import { sumOf } from "../../load/counting.ts";

export interface Place {
  plane: ControlPlane;
  cluster: Cluster;
  /** The controller's account. */
  token: string;
  /** A Prometheus that knows of nothing. */
  metricsServer: string;
  calls(): Promise<Calls>;
  stop(): Promise<void>;
}

/** Requests of the controller's account so far. */
export interface Calls {
  lease: number;
  status: number;
  others: number;
}

const definitions = join(repository, "charts/kubectl-canary/files/crds");
const account = { name: "kubectl-canary", namespace: "kubectl-canary" };

export async function startPlace(): Promise<Place> {
  const plane = await startControlPlane();
  const cluster = plane.cluster();
  await defineResources(cluster);
  // What is not served is asked for again and again.
  await defineOthers(cluster);
  await cluster.create(resource.namespaces, { metadata: { name: account.namespace } });
  await Promise.all([createAccount(cluster), createWebhooks(cluster), countApart(cluster)]);
  const path = `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`;
  const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 7_200 } };
  const { status } = (await cluster.raw("POST", path, asked)) as { status: { token: string } };
  const prometheus = await knowsNothing();
  return {
    plane,
    cluster,
    token: status.token,
    metricsServer: `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`,
    calls: () => callsSoFar(cluster),
    stop: async () => {
      prometheus.close();
      await plane.stop();
    },
  };
}

/** Every definition of the chart's but the Canary's. */
export async function defineOthers(cluster: Cluster): Promise<void> {
  for (const file of await readdir(definitions)) {
    if (file === "canaries.yaml") continue;
    const definition = load(await readFile(join(definitions, file), "utf8")) as object;
    await cluster.create(resource.customResourceDefinitions, definition);
  }
}

/** Resolves when so many Canaries are. */
export function initialized({ cluster }: Place, count: number): Promise<void> {
  return waitFor(
    async () => {
      const { items } = await cluster.list<Canary>(resource.canaries);
      const found = items.filter(({ status }) => status?.phase === "Initialized").length;
      const other = items.find(({ status }) => status?.phase !== "Initialized");
      return found >= count ? undefined : unmet(`${found} of ${count}; another: ${other?.status?.reason}`);
    },
    600_000,
    `${count} Canaries to be initialized`,
  );
}

// --- internal ---

async function createAccount(cluster: Cluster): Promise<void> {
  await cluster.create(resource.serviceAccounts, { metadata: account });
  const apiGroup = "rbac.authorization.k8s.io";
  await cluster.raw("POST", `/apis/${apiGroup}/v1/clusterrolebindings`, {
    apiVersion: `${apiGroup}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: account.name },
    roleRef: { apiGroup, kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", ...account }],
  });
}

/** Only for the certificate to be put somewhere: they match nothing. */
async function createWebhooks(cluster: Cluster): Promise<void> {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const rule = {
    apiGroups: ["nothing.example.org"],
    apiVersions: ["v1"],
    operations: ["CREATE"],
    resources: ["nothing"],
  };
  for (const [kind, name] of [
    ["MutatingWebhookConfiguration", "zz-kubectl-canary"],
    ["ValidatingWebhookConfiguration", "kubectl-canary"],
  ] as const)
    await cluster.raw("POST", `/apis/${apiVersion}/${kind.toLowerCase()}s`, {
      apiVersion,
      kind,
      metadata: { name },
      webhooks: [
        {
          name: "nothing.kubectl-canary.io",
          clientConfig: { service: { ...account, port: 443, path: "/" } },
          rules: [rule],
          failurePolicy: "Ignore",
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
        },
      ],
    });
}

/** The first that a request matches counts it. A watch is opened anew every few minutes, however idle the cluster is. */
const schemas = [
  { name: "canary-watch", verbs: ["watch"], apiGroups: ["*"], resources: ["*"] },
  { name: "canary-lease", verbs: ["*"], apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
  { name: "canary-status", verbs: ["*"], apiGroups: ["flagger.app"], resources: ["canaries/status"] },
  { name: "canary-others", verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
];

async function countApart(cluster: Cluster): Promise<void> {
  const apiVersion = "flowcontrol.apiserver.k8s.io/v1";
  for (const [index, { name, verbs, apiGroups, resources }] of schemas.entries())
    await cluster.raw("POST", `/apis/${apiVersion}/flowschemas`, {
      apiVersion,
      kind: "FlowSchema",
      metadata: { name },
      spec: {
        matchingPrecedence: 500 + index,
        priorityLevelConfiguration: { name: "workload-high" },
        distinguisherMethod: { type: "ByUser" },
        rules: [
          {
            subjects: [{ kind: "ServiceAccount", serviceAccount: account }],
            resourceRules: [{ verbs, apiGroups, resources, namespaces: ["*"], clusterScope: true }],
          },
        ],
      },
    });
}

async function callsSoFar(cluster: Cluster): Promise<Calls> {
  const text = String(await cluster.raw("GET", "/metrics"));
  const of = (schema: string): number =>
    sumOf(text, "apiserver_flowcontrol_dispatched_requests_total", `flow_schema="${schema}"`);
  return { lease: of("canary-lease"), status: of("canary-status"), others: of("canary-others") };
}

function knowsNothing(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result: [] } }));
  });
  return new Promise((resolve) => void server.listen(0, "127.0.0.1", () => resolve(server)));
}
