/** Reads what the chart installed: the CRD, the controller, its webhook and certificate; and who else is at work. */
import type {
  V1CustomResourceDefinition,
  V1Deployment,
  V1EndpointSlice,
  V1LabelSelector,
  V1Lease,
  V1MutatingWebhook,
  V1MutatingWebhookConfiguration,
  V1Secret,
} from "@kubernetes/client-node";
import { isFlagger } from "../../../shared/core/objects/eligibility.ts";
import { annotation, leaseName, manager } from "../../../shared/core/objects/names.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { definitionName } from "../../cluster/crd.ts";
import type { Deps, Scope } from "../../context.ts";
import { timeFor } from "../../read/read-canary.ts";
import { type Facts, nameOf, type Permission, type WebhookFacts } from "./facts.ts";
import type { Session } from "../../cluster/session.ts";
import { servedCertificate } from "./handshake.ts";
import type { Reader } from "./reader.ts";

export interface Installation {
  now: number;
  installed: Pick<Facts, "definition" | "controller" | "lease" | "webhook" | "flaggers" | "permissions">;
}

/** With `forward` the webhook itself is asked for its certificate where the Secret may not be read. */
export async function readInstallation(
  reader: Reader,
  { deps, scope }: Pick<Session, "deps" | "scope">,
  forward?: Session["forward"],
): Promise<Installation> {
  const namespace = scope.controllerNamespace;
  const labelSelector = `app.kubernetes.io/name=${manager}`;
  const [definition, controllers, lease, webhook, deployments, permissions] = await Promise.all([
    reader.get<V1CustomResourceDefinition>(resource.customResourceDefinitions, { name: definitionName }),
    reader.list<V1Deployment>(resource.deployments, { namespace, labelSelector }),
    reader.get<V1Lease>(resource.leases, { name: leaseName, namespace }),
    readWebhook(reader, deps, forward),
    reader.list<V1Deployment>(resource.deployments),
    readPermissions(deps, scope),
  ]);
  return {
    now: await timeFor(lease ?? undefined, deps),
    installed: {
      definition,
      controller: controllers && (controllers[0] ?? null),
      lease,
      webhook,
      flaggers: deployments?.filter(isFlagger),
      permissions,
    },
  };
}

// --- internal ---

const webhookName = "deployments.kubectl-canary.io";

async function readWebhook(
  reader: Reader,
  { timers }: Deps,
  forward: Session["forward"] | undefined,
): Promise<WebhookFacts | null | undefined> {
  const configurations = await reader.list<V1MutatingWebhookConfiguration>(resource.mutatingWebhookConfigurations);
  if (!configurations) return configurations;
  const found = configurations.flatMap((configuration) =>
    (configuration.webhooks ?? []).map((webhook) => ({ configuration, webhook })),
  );
  const ours = found.find(({ webhook }) => webhook.name === webhookName);
  if (!ours) return null;
  const { slices, ...described } = await describeWebhook(reader, ours.configuration, ours.webhook);
  if (described.serving !== undefined || !slices || !forward) return described;
  return { ...described, serving: await servedCertificate(slices, { forward, timers }) };
}

async function describeWebhook(
  reader: Reader,
  configuration: V1MutatingWebhookConfiguration,
  { clientConfig, failurePolicy = "Fail", namespaceSelector }: V1MutatingWebhook,
): Promise<WebhookFacts & { slices: V1EndpointSlice[] | undefined }> {
  const { name = "", namespace = "" } = { ...clientConfig.service };
  const { slices, secret } = await behind(reader, configuration, { name, namespace });
  return {
    slices: slices ?? undefined,
    configuration: nameOf(configuration),
    failurePolicy,
    watchNamespaces: namesIn(namespaceSelector, "In"),
    excludedNamespaces: namesIn(namespaceSelector, "NotIn") ?? [],
    service: { name, namespace },
    trusted: certificatesIn(decoded(clientConfig.caBundle)),
    readyEndpoints: slices ? readyIn(slices) : undefined,
    serving: secret && (certificatesIn(decoded(secret.data?.["tls.crt"]))[0] ?? null),
  };
}

interface Behind {
  slices?: V1EndpointSlice[] | null | undefined;
  secret?: V1Secret | null | undefined;
}

/** Of one that is called by an address, outside of the cluster, nothing is known. */
async function behind(
  reader: Reader,
  configuration: V1MutatingWebhookConfiguration,
  { name, namespace }: WebhookFacts["service"],
): Promise<Behind> {
  if (name === "") return {};
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const [slices, secret] = await Promise.all([
    reader.list<V1EndpointSlice>(resource.endpointSlices, { namespace, labelSelector }),
    reader.get<V1Secret>(resource.secrets, { name: secretNameIn(configuration, name), namespace }),
  ]);
  return { slices, secret };
}

/** As the chart says it; before it did, there was only one. */
function secretNameIn({ metadata }: V1MutatingWebhookConfiguration, service: string): string {
  return metadata?.annotations?.[annotation.certificateSecret] ?? `${service}-certificate`;
}

/** Undefined where the selector has no such expression. */
function namesIn(selector: V1LabelSelector | undefined, wanted: "In" | "NotIn"): string[] | undefined {
  const byName = (selector?.matchExpressions ?? []).filter(
    ({ key, operator }) => key === "kubernetes.io/metadata.name" && operator === wanted,
  );
  return byName.length === 0 ? undefined : byName.flatMap(({ values = [] }) => values);
}

function readyIn(slices: readonly V1EndpointSlice[]): number {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
  return endpoints.filter(({ conditions }) => conditions?.ready !== false).length;
}

const decoded = (base64: string | undefined): string => Buffer.from(base64 ?? "", "base64").toString();

const certificatesIn = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** The permissions that `status` and the verbs need. */
function needed({ namespace, controllerNamespace }: Scope): Omit<Permission, "allowed">[] {
  const canaries = "canaries.flagger.app";
  return [
    { verb: "patch", resource: canaries, namespace, for: "no verb that steers can be given" },
    { verb: "promote", resource: canaries, namespace, for: "every verb that steers but rollback is refused" },
    { verb: "rollback", resource: canaries, namespace, for: "rollback is refused" },
    { verb: "get", resource: "deployments.apps", namespace, for: "pods of both tracks are not shown" },
    {
      verb: "get",
      resource: "leases.coordination.k8s.io",
      name: leaseName,
      namespace: controllerNamespace,
      for: "it is not seen whether the controller is alive",
    },
  ];
}

function readPermissions({ cluster }: Deps, scope: Scope): Promise<Permission[]> {
  return Promise.all(
    needed(scope).map(async (permission) => {
      const { name } = permission;
      const [plural = "", ...group] = permission.resource.split(".");
      const resourceAttributes = {
        verb: permission.verb,
        resource: plural,
        group: group.join("."),
        namespace: permission.namespace,
        ...(name ? { name } : {}),
      };
      const review = { spec: { resourceAttributes } };
      const answer = await cluster.create<typeof review & { status?: { allowed: boolean } }>(
        resource.selfSubjectAccessReviews,
        review,
      );
      return { ...permission, allowed: answer.status?.allowed ?? true };
    }),
  );
}
