/** What the chart and the controller would have left in a cluster where everything is sound, for tests that break one thing. */
import type { V1Pod } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { label } from "../../shared/core/objects/names.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { waitFor } from "../cluster/wait.ts";
import { issueAuthority, issueServing, type Issued } from "../../webhook/certificates/issue.ts";
import { aMeshedPod, aService } from "./doctor-facts.ts";
import { ensureNamespace, place } from "./place.ts";
import { aCheck, aDeployment, aRun, canaryImages, microTime, seenWith, tracks } from "./seen.ts";

export const controllerNamespace = "kubectl-canary";
export const configuration = "zz-kubectl-canary";
const host = `kubectl-canary.${controllerNamespace}.svc`;
const year = (): { now: number; lifetimeMs: number } => ({ now: Date.now(), lifetimeMs: 31_536_000_000 });

/** The controller's Deployment, Lease, webhook and certificate. No such webhook is ever called: its selector matches nothing. */
export async function placeInstallation(cluster: Cluster): Promise<Issued> {
  await ensureNamespace(cluster, controllerNamespace);
  const authority = await issueAuthority("ours", year());
  const controller = aDeployment("kubectl-canary", 1, "ghcr.io/kubectl-canary/kubectl-canary:0.1.0");
  const labels = { "app.kubernetes.io/name": "kubectl-canary" };
  controller.metadata = { name: "kubectl-canary", namespace: controllerNamespace, labels };
  await cluster.create(resource.deployments, controller);
  await cluster.create(resource.endpointSlices, {
    metadata: {
      name: "webhook",
      namespace: controllerNamespace,
      labels: { "kubernetes.io/service-name": "kubectl-canary" },
    },
    addressType: "IPv4",
    ports: [{ port: 10_250 }],
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }],
  });
  await serve(cluster, await issueServing(authority, [host], year()), "create");
  await cluster.create(resource.mutatingWebhookConfigurations, {
    metadata: { name: configuration },
    webhooks: [
      {
        name: "deployments.kubectl-canary.io",
        clientConfig: {
          service: { name: "kubectl-canary", namespace: controllerNamespace },
          caBundle: Buffer.from(authority.cert).toString("base64"),
        },
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        objectSelector: { matchLabels: { never: "there" } },
        rules: [{ apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], operations: ["UPDATE"] }],
      },
    ],
  });
  return authority;
}

/** Linkerd's kind, as far as its name goes. */
export async function defineServiceProfiles(cluster: Cluster): Promise<void> {
  const { group, version, plural, kind } = resource.serviceProfiles;
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  await cluster.create(resource.customResourceDefinitions, {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, kind },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  });
  await waitFor(() => cluster.list(resource.serviceProfiles), 30_000, "ServiceProfiles to be served");
}

/** Puts a serving certificate into the controller's Secret. */
export async function serve(cluster: Cluster, { cert }: Issued, how: "create" | "patch" = "patch"): Promise<void> {
  const at = { name: "kubectl-canary-certificate", namespace: controllerNamespace };
  const data = { "tls.crt": Buffer.from(cert).toString("base64") };
  if (how === "create") await cluster.create(resource.secrets, { metadata: at, data });
  else await cluster.patch(resource.secrets, at, { type: "merge", body: { data } });
}

/** A run at 20% in a namespace of its own, of which everything is sound. */
export async function placeRun(
  cluster: Cluster,
  namespace: string,
  status: Partial<CanaryStatus> = {},
): Promise<Canary> {
  const seen = seenWith({ run: aRun, tracks, checks: [aCheck()], ...status });
  const workload = aDeployment("podinfo-canary", 1, canaryImages.podinfod);
  workload.metadata = { ...workload.metadata, labels: { [label.canary]: "podinfo" } };
  const lease = seen.lease;
  if (lease?.spec) lease.spec.renewTime = microTime(Date.now() + 3_600_000);
  const there = await cluster.list(resource.leases, { namespace: controllerNamespace });
  await place(
    cluster,
    { ...seen, workload, lease: there.items.length > 0 ? undefined : lease },
    { namespace, controllerNamespace },
  );
  const services = [
    aService("podinfo", "podinfo", false),
    aService("podinfo-primary", "podinfo"),
    aService("podinfo-canary", "podinfo-canary"),
  ];
  for (const service of services)
    await cluster.create(resource.services, { ...service, metadata: { ...service.metadata, namespace } });
  await placePod(cluster, namespace, aMeshedPod("podinfo-6d4f8b9c5-x2x4k", "podinfo"));
  await placePod(cluster, namespace, aMeshedPod("podinfo-canary-7c9d-bcdfg", "podinfo-canary"));
  return cluster.get<Canary>(resource.canaries, { name: "podinfo", namespace });
}

/** With its status; without a node nothing will run it. */
export async function placePod(cluster: Cluster, namespace: string, pod: V1Pod): Promise<void> {
  const { status, spec, metadata } = pod;
  const containers = (spec?.containers ?? []).map((container) => ({ image: "podinfo", ...container }));
  const made = { metadata: { ...metadata, namespace }, spec: { ...spec, containers } };
  await cluster.create(resource.pods, made);
  await setPodStatus(cluster, namespace, metadata?.name ?? "", status);
}

export async function setPodStatus(
  cluster: Cluster,
  namespace: string,
  name: string,
  status: V1Pod["status"],
): Promise<void> {
  const at = { name, namespace, subresource: "status" };
  await cluster.patch(resource.pods, at, { type: "merge", body: { status } });
}
