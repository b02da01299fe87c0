/**
 * Which of the namespaces that the chart lists can be watched. One that was deleted has lost its Role with it, and must keep no
 * other from being looked after; it is taken up as soon as it can be read again.
 */
import { pause, type Clock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode, messageOf } from "../../shared/kube/errors.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import type { Logger } from "../../shared/log.ts";

export interface Readable {
  watched: string[];
  /** Listed, and not to be read. */
  leftOut: string[];
}

/** `of` stands for all that is read there, which one Role allows. Throws `CanaryError` where the cluster cannot be asked. */
export async function readableNamespaces(
  { cluster, log }: { cluster: Cluster; log: Pick<Logger, "error"> },
  listed: readonly string[],
  of: Resource = resource.deployments,
): Promise<Readable> {
  const found = await Promise.all(listed.map(async (namespace) => refusal(cluster, of, namespace)));
  const leftOut = listed.filter((namespace, index) => {
    const reason = found[index];
    if (reason !== undefined) log.error({ namespace, reason }, "this namespace cannot be watched, and is left out");
    return reason !== undefined;
  });
  return { watched: listed.filter((namespace) => !leftOut.includes(namespace)), leftOut };
}

/** Resolves when one of those that were left out can be read, or at `ending`. */
export async function namespacesAppear(
  { cluster, clock }: { cluster: Cluster; clock: Clock },
  leftOut: readonly string[],
  ending: AbortSignal,
): Promise<void> {
  while (!ending.aborted) {
    await pause(clock, lookAgainMs, ending);
    if (ending.aborted) return;
    // Who does not answer now is asked again.
    const asked = leftOut.map((namespace) => refusal(cluster, resource.deployments, namespace).catch(messageOf));
    if ((await Promise.all(asked)).includes(undefined)) return;
  }
}

// --- internal ---

const lookAgainMs = 30_000;

/** Why it may not be read; undefined where it may. */
async function refusal(cluster: Cluster, of: Resource, namespace: string): Promise<string | undefined> {
  try {
    await cluster.pages(of, { namespace, limit: 1 })[Symbol.asyncIterator]().next();
    return undefined;
  } catch (error: unknown) {
    if (hasCode(error, "Forbidden")) return messageOf(error);
    if (hasCode(error, "NoSuchKind")) return undefined;
    throw error;
  }
}
