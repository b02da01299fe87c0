/**
 * What a Canary names and the cluster does not have (yet): said as warnings when the Canary is written, since what is
 * missing may still arrive. Reads are few and bounded; a cluster that does not answer costs warnings, never the write.
 */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";

export interface MissingOptions {
  /** Later answers are dropped. The API server itself waits 5 s for the webhook. */
  timeoutMs: number;
}

/** Never rejects. */
export async function missingOf(cluster: Cluster, canary: Canary, options: MissingOptions): Promise<string[]> {
  const found: string[] = [];
  const questions = [missingTarget, missingPort, missingTemplates, rivals].map(async (ask) => {
    try {
      found.push(...(await ask(cluster, canary)));
    } catch {
      // Not an answer: the controller's own look at the cluster reports what is really wrong.
      return;
    }
  });
  await withinMs(options.timeoutMs, Promise.all(questions));
  return [...found];
}

// --- internal ---

type Question = (cluster: Cluster, canary: Canary) => Promise<string[]>;

const missingTarget: Question = async (cluster, { metadata, spec }) => {
  const { kind, name } = spec.targetRef;
  if (kind !== "Deployment" || (await find<V1Deployment>(cluster, "deployments", name, metadata.namespace))) return [];
  return [`Deployment ${name} is not in namespace ${metadata.namespace}: the canary waits for it`];
};

/** A Service that does not exist is created; one that exists is the user's and stays as it is. */
const missingPort: Question = async (cluster, { metadata, spec }) => {
  const { port } = spec.service ?? {};
  const name = spec.service?.name ?? spec.targetRef.name;
  if (port === undefined) return [];
  const service = await find<V1Service>(cluster, "services", name, metadata.namespace);
  if (!service) return [];
  const ports = (service.spec?.ports ?? []).map((one) => one.port);
  if (ports.includes(port)) return [];
  return [`Service ${name} has no port ${port} (it has ${ports.join(", ") || "none"}): the canary waits for it`];
};

const missingTemplates: Question = async (cluster, { metadata, spec }) => {
  const references = (spec.analysis.metrics ?? []).flatMap((metric) => metric.templateRef ?? []);
  const missing = await Promise.all(
    references.map(async ({ name, namespace = metadata.namespace }) =>
      (await find(cluster, "metricTemplates", name, namespace))
        ? []
        : [`MetricTemplate ${name} is not in namespace ${namespace}: the canary waits for it`],
    ),
  );
  return missing.flat();
};

const rivals: Question = async (cluster, { metadata, spec }) => {
  const { items } = await cluster.list<Canary>(resource.canaries, { namespace: metadata.namespace ?? "" });
  return items
    .filter((other) => other.metadata.name !== metadata.name)
    .filter(
      (other) => other.spec.targetRef.kind === spec.targetRef.kind && other.spec.targetRef.name === spec.targetRef.name,
    )
    .map(
      (other) => `Canary ${other.metadata.name} has the same target ${spec.targetRef.name}: the older of the two acts`,
    );
};

async function find<T>(
  cluster: Cluster,
  kind: "deployments" | "services" | "metricTemplates",
  name: string,
  namespace: string | undefined,
): Promise<T | undefined> {
  try {
    return await cluster.get<T>(resource[kind], { name, ...(namespace === undefined ? {} : { namespace }) });
  } catch (error) {
    if (hasCode(error, "NotFound")) return undefined;
    throw error;
  }
}

async function withinMs(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
