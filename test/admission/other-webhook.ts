/** Somebody else's mutating webhook on Deployments, served by the test itself on the machine that the API server runs on. */
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import type { V1Deployment, V1PodTemplateSpec } from "@kubernetes/client-node";
import { operationsBetween } from "../../webhook/admission/json-patch.ts";
import { issueAuthority, issueServing } from "../../webhook/certificates/issue.ts";
import { podinfoImage } from "../app/podinfo.ts";
import { apply, mustKubectl } from "../cluster/client.ts";
import { pauseImage } from "../cluster/parts/config.ts";

/** What such webhooks do to a template; each leaves alone what it has done already. */
export const mutations: Record<string, (template: V1PodTemplateSpec) => void> = {
  "a sidecar": ({ spec }) => {
    if (spec?.containers.some(({ name }) => name === "injected")) return;
    // In front: behind, going back would leave it before the container that comes back, and Kubernetes rolls for the order.
    spec?.containers.unshift({ name: "injected", image: pauseImage });
  },
  // As a policy rewrites a tag to the digest behind it; the local cluster has no registry that knows digests.
  "another image": ({ spec }) => {
    for (const container of spec?.containers ?? [])
      if (container.image === podinfoImage("1.7.1")) container.image = podinfoImage("1.7.4");
  },
  "an annotation": (template) => {
    template.metadata ??= {};
    template.metadata.annotations = { ...template.metadata.annotations, "policy.example.org/scanned": "yes" };
  },
};

/** Where Kubernetes asks it: in the order of names, and ours is `zz-kubectl-canary`. */
export type Order = "before ours" | "after ours";
const names: Record<Order, string> = { "before ours": "aa-another-webhook", "after ours": "zzz-another-webhook" };

export interface OtherWebhook {
  remove(): Promise<void>;
}

export async function addWebhook(mutation: string, order: Order, namespace: string): Promise<OtherWebhook> {
  const validity = { now: Date.now(), lifetimeMs: 3_600_000 };
  const authority = await issueAuthority("another webhook", validity);
  const server = https.createServer(await issueServing(authority, ["localhost"], validity), (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answer(Buffer.concat(chunks).toString(), mutation)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const name = names[order];
  await apply([configuration(name, { namespace, port, ca: authority.cert })]);
  return {
    remove: async () => {
      await mustKubectl(["delete", "mutatingwebhookconfiguration", name, "--ignore-not-found"]);
      server.close();
      server.closeAllConnections();
    },
  };
}

// --- internal ---

function answer(text: string, mutation: string): object {
  const { request } = JSON.parse(text) as { request: { uid: string; object: V1Deployment } };
  const changed = structuredClone(request.object);
  if (changed.spec) mutations[mutation]?.(changed.spec.template);
  const patch = Buffer.from(JSON.stringify(operationsBetween(request.object, changed))).toString("base64");
  const response = { uid: request.uid, allowed: true, patchType: "JSONPatch", patch };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
}

function configuration(name: string, { namespace, port, ca }: { namespace: string; port: number; ca: string }): object {
  const rule = {
    apiGroups: ["apps"],
    apiVersions: ["v1"],
    resources: ["deployments"],
    operations: ["CREATE", "UPDATE"],
  };
  const webhook = {
    name: "another.example.org",
    clientConfig: {
      url: `https://localhost:${port}/`,
      caBundle: Buffer.from(ca).toString("base64"),
    },
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    reinvocationPolicy: "IfNeeded",
    failurePolicy: "Fail",
    rules: [rule],
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
  };
  const kind = "MutatingWebhookConfiguration";
  return { apiVersion: "admissionregistration.k8s.io/v1", kind, metadata: { name }, webhooks: [webhook] };
}
