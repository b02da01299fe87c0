/**
 * What the controller has asked of the API server, as the API server itself wrote it down. Nothing else is as honest a witness
 * of what was not written, and of what is watched instead of asked again and again.
 */
import { open, stat } from "node:fs/promises";
import type { RouteObject, Router } from "../../../shared/core/routes/routes.ts";
import { paths } from "../layout.ts";

export interface Call {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly requestObject?: unknown;
  readonly responseStatus?: { readonly code: number };
  /** ISO times in microseconds. */
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** Where the audit log ends now, to read on from. */
export async function auditMark(): Promise<number> {
  return (await stat(paths.audit)).size;
}

/** All calls that were answered since `mark`, oldest first. */
export async function callsSince(mark: number): Promise<Call[]> {
  const file = await open(paths.audit);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - mark), 0, size - mark, mark);
    const text = buffer.toString("utf8", 0, bytesRead);
    // The last line may still be written.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole.split("\n").flatMap((line) => (line ? [JSON.parse(line) as Call] : []));
  } finally {
    await file.close();
  }
}

/** The weights of the canary podinfo that the controller has written into its route, oldest first. */
export function weightsWritten(
  calls: readonly Call[],
  namespace: string,
  router: Router,
): { at: number; weight: number }[] {
  return ourWrites(calls)
    .filter(({ verb, objectRef }) => verb === "update" && objectRef?.namespace === namespace)
    .filter(({ objectRef }) => objectRef?.resource === router.plural)
    .map(({ requestObject, stageTimestamp }) => ({
      at: Date.parse(stageTimestamp),
      weight: router.read(requestObject as RouteObject, "podinfo")?.weight ?? -1,
    }));
}

/**
 * Writes of ours to objects that belong to no Canary there ever was: none may be found. Ours alone are the Lease, the Secret,
 * the webhook configurations, the controller's own Deployment, and Events.
 */
export function strayWrites(calls: readonly Call[]): string[] {
  const allowed = new Set(calls.flatMap(objectsOfCanary));
  return ourWrites(calls).flatMap(({ verb, objectRef }) => {
    const { resource = "", namespace = "", name = "" } = { ...objectRef };
    if (!placed.includes(resource) || namespace === "kubectl-canary") return [];
    const object = `${namespace}/${resource}/${name.replace(/-stable-[a-z0-9]+$/, "-stable")}`;
    return allowed.has(object) ? [] : [`${verb} ${object}`];
  });
}

/** Kinds of which users have some without a Canary. */
const placed = ["deployments", "services", "trafficsplits", "httproutes", "controllerrevisions", "replicasets", "pods"];

interface CanaryBody {
  spec?: { targetRef?: { name?: string }; service?: { name?: string } };
}

/** Everything that may be written for the Canary that this call writes. */
function objectsOfCanary({ objectRef, requestObject }: Call): string[] {
  const { spec } = (requestObject ?? {}) as CanaryBody;
  const target = spec?.targetRef?.name;
  if (objectRef?.resource !== "canaries" || !target) return [];
  const apex = spec.service?.name ?? target;
  return [
    `deployments/${target}`,
    `deployments/${target}-canary`,
    `controllerrevisions/${target}-stable`,
    ...["", "-primary", "-canary"].map((leaf) => `services/${apex}${leaf}`),
    `trafficsplits/${apex}`,
    `httproutes/${apex}`,
  ].map((object) => `${objectRef.namespace}/${object}`);
}

const writing = ["create", "update", "patch", "delete", "deletecollection"];

/** Answered writes by the accounts of the controller's namespace, the uninstall hook's included. */
export function ourWrites(calls: readonly Call[], namespace = "kubectl-canary"): Call[] {
  return calls.filter(({ verb, user }) => writing.includes(verb) && isOurs(user.username, namespace));
}

export const isOurs = (username: string, namespace = "kubectl-canary"): boolean =>
  username.startsWith(`system:serviceaccount:${namespace}:`);
