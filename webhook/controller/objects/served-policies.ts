/** Whether the cluster has Linkerd's policy objects, in which versions, and whether we may read them. */
import { optional } from "../../../shared/core/format/compact.ts";
import { pause, type Clock } from "../../../shared/kube/clock.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode, isAbsent } from "../../../shared/kube/errors.ts";
import { at, collectionPath, resource, type Resource } from "../../../shared/kube/resources.ts";

export interface ServedPolicies {
  servers: Resource;
  authorizations: Resource;
  /** Gone from some version of Linkerd's on. */
  serverAuthorizations?: Resource;
}

/** In these namespaces; in all, where none is named. Undefined where they are not installed, or the chart does not let us read them: then nothing is said of policy in advance. */
export async function discoverPolicies(
  cluster: Cluster,
  namespaces: readonly string[] = [],
): Promise<ServedPolicies | undefined> {
  const found = await Promise.all(
    [resource.linkerdServers, resource.authorizationPolicies].map((one) => served(cluster, one)),
  );
  const [servers, authorizations] = found;
  if (!servers || !authorizations) return undefined;
  const serverAuthorizations = await served(cluster, resource.serverAuthorizations);
  const all = { servers, authorizations, ...optional("serverAuthorizations", serverAuthorizations) };
  const readable = await Promise.all(Object.values(all).map((one) => mayList(cluster, one, namespaces[0])));
  return readable.every(Boolean) ? all : undefined;
}

/**
 * Which of `kinds` are served and may be listed: by their plurals. One that is installed later is seen after a restart: to ask for it
 * again and again is a call that an idle installation does not make.
 */
export async function readableKinds(
  cluster: Cluster,
  kinds: readonly Resource[],
  namespaces: readonly string[] = [],
): Promise<string[]> {
  const may = await Promise.all(kinds.map((one) => mayList(cluster, one, namespaces[0])));
  return kinds.flatMap(({ plural }, index) => (may[index] ? [plural] : []));
}

/** How soon they are seen where they are installed after us. */
const lookAgainMs = 30_000;

/** Resolves when they can be read, or at `ending`. */
export async function policiesAppear(
  { cluster, clock }: { cluster: Cluster; clock: Clock },
  namespaces: readonly string[],
  ending: AbortSignal,
): Promise<void> {
  while (!ending.aborted) {
    await pause(clock, lookAgainMs, ending);
    // Who does not answer now is asked again.
    if (!ending.aborted && (await discoverPolicies(cluster, namespaces).catch(() => undefined))) return;
  }
}

// --- internal ---

/** In the version that the API server likes best among those that have this resource. */
async function served(cluster: Cluster, of: Resource): Promise<Resource | undefined> {
  const group = await orNothing(cluster.raw("GET", `/apis/${of.group}`));
  for (const { version } of (group as { versions?: { version: string }[] } | undefined)?.versions ?? []) {
    const list = await orNothing(cluster.raw("GET", `/apis/${of.group}/${version}`));
    const names = (list as { resources?: { name: string }[] } | undefined)?.resources ?? [];
    if (names.some(({ name }) => name === of.plural)) return at(of, version);
  }
  return undefined;
}

/** One Role allows all that we read in a namespace: what may be listed in one may be in the others. */
async function mayList(cluster: Cluster, of: Resource, namespace: string | undefined): Promise<boolean> {
  try {
    await cluster.raw("GET", `${collectionPath(of, namespace)}?limit=1`);
    return true;
  } catch (error: unknown) {
    if (hasCode(error, "Forbidden") || isAbsent(error)) return false;
    throw error;
  }
}

async function orNothing(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await asked;
  } catch (error: unknown) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
