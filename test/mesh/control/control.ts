// The control plane of the stand-in mesh: tells sidecars of their destinations and of who may call them, injects sidecars
// into new pods, writes the status of HTTPRoutes as Linkerd's policy controller does, and the ServiceProfiles of
// TrafficSplits as Linkerd-SMI's adaptor does. It keeps no state of its own.
import { createServer } from "node:https";
import { json } from "node:stream/consumers";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { V1Namespace, V1Pod } from "@kubernetes/client-node";
import { adaptor } from "./adaptor.ts";
import { Api, ApiError } from "./api.ts";
import { ClusterState } from "./cluster-state.ts";
import { describe } from "../policy/destination.ts";
import { destinationServer, type LookUp } from "./destination-server.ts";
import { describePolicy } from "../policy/inbound-policy.ts";
import { inject, type InjectorSettings } from "./injector.ts";
import { parentsStatus } from "./route-status.ts";
import { controlNamespace, destinationsPort, meshImage, meshName, webhookPort } from "../settings.ts";

const DRAIN_MS = 3000;

interface AdmissionReview {
  readonly request: { readonly uid: string; readonly namespace: string; readonly object: V1Pod };
}

export async function runControl(env: NodeJS.ProcessEnv): Promise<void> {
  const api = Api.inCluster(env);
  const state = new ClusterState(api);
  let ready = false;
  const destinations = destinationServer(topicsOf(state), () => ready);
  const adapt = adaptor(api, state);
  state.onChange(() => {
    if (!ready) return;
    destinations.publish();
    adapt();
  });
  const writeStatuses = statusWriter(api, state);
  state.onChange(() => void writeStatuses());
  destinations.server.listen(destinationsPort);
  await state.start();
  ready = true;
  adapt();
  createServer({ cert: env["TLS_CERT"], key: env["TLS_KEY"] }, (request, response) => {
    void answerAdmission(request, response, api, state);
  }).listen(webhookPort);
  process.stdout.write(`The stand-in mesh's control plane watches the cluster and answers on ${webhookPort}.\n`);
  // New pods are brought here until every node has learned of the successor; one that nobody answers has no sidecar.
  process.on("SIGTERM", () => setTimeout(() => process.exit(0), DRAIN_MS));
}

function topicsOf(state: ClusterState): Record<string, LookUp> {
  return {
    destinations: (key) => {
      const [ip = "", port = ""] = key.split(":", 2);
      return describe(ip, Number(port), state);
    },
    policies: (key) => {
      const [namespace = "", pod = ""] = key.split("/", 2);
      return describePolicy(namespace, pod, state);
    },
  };
}

async function answerAdmission(
  request: IncomingMessage,
  response: ServerResponse,
  api: Api,
  state: ClusterState,
): Promise<void> {
  try {
    const review = (await json(request)) as AdmissionReview;
    const { uid, namespace, object } = review.request;
    // Read live: a namespace and its first pod are often made in one breath.
    const found = await api.get<V1Namespace>(`/api/v1/namespaces/${namespace}`);
    const patch = inject(object, { name: namespace, annotations: found.metadata?.annotations ?? {} }, settings(state));
    const verdict = { uid, allowed: true, patchType: "JSONPatch", patch: btoa(JSON.stringify(patch)) };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: verdict }));
  } catch (error) {
    // The webhook's failure policy is Fail: whoever makes the pod tries again.
    process.stderr.write(`Cannot inject a pod: ${String(error)}\n`);
    response.writeHead(500).end(String(error));
  }
}

function settings(state: ClusterState): InjectorSettings {
  const address = state.service(`${controlNamespace}/${meshName}`)?.spec.clusterIP;
  // By address, so that a sidecar does not depend on the cluster's DNS.
  const host = address ?? `${meshName}.${controlNamespace}.svc`;
  return { image: meshImage, destinations: `${host}:${destinationsPort}`, controlNamespace };
}

/** Writes what is not yet right, one pass at a time; a change in mid-pass starts another one. */
function statusWriter(api: Api, state: ClusterState): () => Promise<void> {
  let running = false;
  let again = false;
  const pass = async (): Promise<void> => {
    for (const route of [...state.routes]) {
      const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
      const parents = parentsStatus(route, (key) => state.service(key), now);
      if (!parents) continue;
      const { namespace, name } = route.metadata;
      const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/${name}/status`;
      const typed = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" };
      await api.put(path, { ...typed, ...route, status: { ...route.status, parents } }).catch(tolerateRace);
    }
  };
  return async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      await pass().catch((error: unknown) => process.stderr.write(`Cannot write a route's status: ${String(error)}\n`));
    }
    running = false;
  };
}

/** The route changed or went meanwhile: its own event brings it here again. */
function tolerateRace(error: unknown): void {
  if (!(error instanceof ApiError && (error.status === 409 || error.status === 404))) throw error;
}
