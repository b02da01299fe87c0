/** One write of a migration, and whether the person who asks may do those that are to come. */
import type { MigrationKind, MigrationStep, MigrationWrite } from "../../../shared/core/migrate/seen.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { at, groupResource, resource, type Resource } from "../../../shared/kube/resources.ts";
import { missingPermission, Refusal } from "../../errors.ts";

export const migrateManager = "kubectl-canary-migrate";

/** False: somebody else wrote the object in that moment, so that it is to be looked at again. */
export async function carryOut(cluster: Cluster, write: MigrationWrite): Promise<boolean> {
  try {
    await (write.verb === "delete" ? remove(cluster, write) : replace(cluster, write));
    return true;
  } catch (error) {
    if (hasCode(error, "Conflict", "NotFound")) return false;
    const permission = missingPermission(error);
    if (permission) throw new Refusal(`Not written: ${permission}. What is done so far stays, and serves.`);
    throw error;
  }
}

/** Sentences such as `delete deployments.apps`, of what the writes in `steps` need and this person may not do. */
export async function forbiddenWrites(
  cluster: Cluster,
  steps: readonly MigrationStep[],
  namespace: string,
): Promise<string[]> {
  const needed = new Map<string, Access>();
  for (const step of steps) {
    if (step.kind !== "write") continue;
    const { verb, kind, object, subresource } = step.write;
    const of = resourceOf(kind, object.apiVersion);
    const access: Access = { verb: verb === "delete" ? verb : "update", of, ...optional("subresource", subresource) };
    needed.set(wordsOf(access), access);
  }
  const answers = await Promise.all(
    [...needed].map(async ([words, access]) => ((await mayDo(cluster, access, namespace)) ? [] : [words])),
  );
  return answers.flat();
}

// --- internal ---

interface Access {
  verb: "update" | "delete";
  of: Resource;
  subresource?: string;
}

const wordsOf = ({ verb, of, subresource }: Access): string =>
  `${verb} ${subresource ? `${of.plural}/${subresource}.${of.group}` : groupResource(of)}`;

async function mayDo(cluster: Cluster, { verb, of, subresource }: Access, namespace: string): Promise<boolean> {
  const { group, plural } = of;
  const resourceAttributes = { verb, group, resource: plural, namespace, ...optional("subresource", subresource) };
  const review: { spec: object; status?: { allowed: boolean } } = { spec: { resourceAttributes } };
  const answer = await cluster.create(resource.selfSubjectAccessReviews, review);
  return answer.status?.allowed ?? true;
}

const resources: Readonly<Record<MigrationKind, Resource>> = {
  Canary: resource.canaries,
  Deployment: resource.deployments,
  Service: resource.services,
  TrafficSplit: resource.trafficSplits,
  HTTPRoute: resource.httpRoutes,
  HorizontalPodAutoscaler: resource.horizontalPodAutoscalers,
  ScaledObject: resource.scaledObjects,
  ConfigMap: resource.configMaps,
  Secret: resource.secrets,
};

/** Routes are served in several versions: the one that they were read in. */
function resourceOf(kind: MigrationKind, apiVersion = ""): Resource {
  const of = resources[kind];
  const version = apiVersion.slice(apiVersion.lastIndexOf("/") + 1);
  return kind === "TrafficSplit" || kind === "HTTPRoute" ? at(of, version) : of;
}

function replace(cluster: Cluster, { kind, object, subresource }: MigrationWrite): Promise<unknown> {
  return cluster.replace(resourceOf(kind, object.apiVersion), object, {
    fieldManager: migrateManager,
    ...optional("subresource", subresource),
  });
}

/** Exactly what was seen. */
function remove(cluster: Cluster, { kind, object }: MigrationWrite): Promise<void> {
  const { name = "", namespace = "", uid, resourceVersion } = object.metadata ?? {};
  return cluster.delete(
    resourceOf(kind, object.apiVersion),
    { name, namespace },
    { propagation: "Background", ...optional("uid", uid), ...optional("resourceVersion", resourceVersion) },
  );
}
