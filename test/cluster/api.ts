// A few plain requests to the API server: readiness, objects by path, server-side apply. It spares `up` the start of
// kubectl and a discovery of all APIs for each object.
import { request } from "node:https";
import { network, paths } from "./layout.ts";
import type { ClusterState } from "./state.ts";
import { unmet, waitFor } from "./wait.ts";

/** A Kubernetes object as far as this file looks into it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly [field: string]: unknown;
}

export interface Response {
  readonly status: number;
  readonly body: string;
}

/** All groups' resources in one answer. */
const discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

type Access = Pick<ClusterState, "ports" | "adminToken" | "caPem">;

/** One request as the administrator. Throws only when there is no answer. */
export function callApi(access: Access, method: string, path: string, body?: unknown): Promise<Response> {
  return new Promise((done, failed) => {
    const outgoing = request(
      {
        host: network.nodeAddress,
        port: access.ports.api,
        ca: access.caPem,
        method,
        path,
        timeout: 10_000,
        headers: {
          accept: path === "/api" || path === "/apis" ? discovery : "application/json",
          authorization: `Bearer ${access.adminToken}`,
          ...(body !== undefined && { "content-type": contentTypes[method] ?? "application/json" }),
        },
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (text += chunk));
        incoming.on("end", () => done({ status: incoming.statusCode ?? 0, body: text }));
        incoming.on("error", failed);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("the API server did not answer for 10 s")));
    outgoing.on("error", failed);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Waits until the API server says that it is ready. */
export async function waitForApi(access: Access, deadlineMs = 120_000): Promise<void> {
  await waitFor(
    async () => {
      const { status, body } = await callApi(access, "GET", "/readyz");
      return status === 200 || unmet(`${status} ${body.slice(0, 200)}`);
    },
    deadlineMs,
    `the API server to be ready (its log: ${paths.logs}/kube-apiserver.log)`,
  );
}

const contentTypes: Record<string, string> = { PATCH: "application/apply-patch+yaml" };

/** The object at `path`, or undefined when there is none. */
export async function getObject<T>(access: Access, path: string): Promise<T | undefined> {
  const { status, body } = await callApi(access, "GET", path);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${body.slice(0, 300)}`);
  return JSON.parse(body) as T;
}

/** Creates or updates an object by server-side apply. */
export async function applyObject(access: Access, object: Manifest): Promise<void> {
  const path = `${objectPath(object)}?fieldManager=local-cluster&force=true`;
  const { status, body } = await callApi(access, "PATCH", path, object);
  if (status >= 300)
    throw new Error(`Applying ${object.kind} ${object.metadata.name}: ${status} ${body.slice(0, 500)}`);
}

/** Deletes an object; it is no error when it does not exist. */
export async function deleteObject(access: Access, object: Manifest): Promise<void> {
  const { status, body } = await callApi(access, "DELETE", objectPath(object));
  if (status >= 300 && status !== 404) {
    throw new Error(`Deleting ${object.kind} ${object.metadata.name}: ${status} ${body.slice(0, 500)}`);
  }
}

/** The URL path of an object. The plural of every kind used here is its lower-case name with an s. */
export function objectPath(object: Manifest): string {
  const root = object.apiVersion.includes("/") ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
  const namespace = object.metadata.namespace ? `/namespaces/${object.metadata.namespace}` : "";
  return `${root}${namespace}/${plural(object.kind)}/${object.metadata.name}`;
}

function plural(kind: string): string {
  const lower = kind.toLowerCase();
  return lower.endsWith("y") ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}
