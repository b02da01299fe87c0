/** From what was typed (`podinfo`, `canary/podinfo`, `deploy/podinfo`) to the Canary that is meant. */
import { type Canary, oldestFirst } from "../../shared/core/objects/canary.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { type Deps, exitCode, type Scope } from "../context.ts";
import { Refusal } from "../errors.ts";
import { nearest } from "../did-you-mean.ts";

export interface Argument {
  kind: "canary" | "deployment";
  name: string;
}

const kinds: Readonly<Record<string, Argument["kind"]>> = {
  canary: "canary",
  canaries: "canary",
  "canary.flagger.app": "canary",
  "canaries.flagger.app": "canary",
  deploy: "deployment",
  deployment: "deployment",
  deployments: "deployment",
  "deployment.apps": "deployment",
  "deployments.apps": "deployment",
};

/** Throws a usage refusal for an invalid name. */
export function parseArgument(text: string): Argument {
  const slash = text.indexOf("/");
  const kind = slash < 0 ? "canary" : kinds[text.slice(0, slash).toLowerCase()];
  const name = text.slice(slash + 1);
  if (!kind)
    throw new Refusal(`"${text}": only canary/NAME and deployment/NAME (or deploy/NAME) are known.`, exitCode.usage);
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name))
    throw new Refusal(
      `"${name}" is not a name that Kubernetes allows: lower case letters, digits, "-" and ".", at most 253.`,
      exitCode.usage,
    );
  return { kind, name };
}

/** The Canary that the argument means. Where there is none, refuses with names that are near and exit code 7. */
export async function findCanary(argument: string, deps: Deps, scope: Scope): Promise<Canary> {
  const wanted = parseArgument(argument);
  if (wanted.kind === "canary") {
    try {
      return await deps.cluster.get<Canary>(resource.canaries, { name: wanted.name, namespace: scope.namespace });
    } catch (error) {
      if (!hasCode(error, "NotFound")) throw error;
    }
  }
  const { items } = await deps.cluster.list<Canary>(resource.canaries, { namespace: scope.namespace });
  const canary = oldest(items.filter((item) => item.spec.targetRef.name === wanted.name));
  if (canary) return canary;
  throw await notFound(wanted, items, deps.cluster, scope);
}

/** The older Canary on a target wins; so it does in the controller. */
export function oldest(canaries: readonly Canary[]): Canary | undefined {
  return [...canaries].sort(oldestFirst)[0];
}

async function notFound(wanted: Argument, there: readonly Canary[], cluster: Cluster, scope: Scope): Promise<Refusal> {
  const { namespace, clusterFlags } = scope;
  const subject = wanted.kind === "canary" ? `Canary "${wanted.name}"` : `Canary of deployment "${wanted.name}"`;
  if (there.length === 0) {
    await requireNamespace(cluster, namespace);
    const everywhere = `List those of all namespaces:\n  kubectl canary list -A${clusterFlags}`;
    return new Refusal(
      `No ${subject}: namespace "${namespace}" has no Canary at all. ${everywhere}`,
      exitCode.notFound,
    );
  }
  const names = there.map((canary) =>
    wanted.kind === "canary" ? (canary.metadata.name ?? "") : canary.spec.targetRef.name,
  );
  const near = nearest(wanted.name, names);
  const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}? ` : "";
  const list = `List them:\n  kubectl canary list -n ${namespace}${clusterFlags}`;
  return new Refusal(`No ${subject} in namespace "${namespace}". ${hint}${list}`, exitCode.notFound);
}

/** Refuses if the namespace does not exist; one that may not be read is assumed to exist. */
export async function requireNamespace(cluster: Cluster, namespace: string): Promise<void> {
  try {
    await cluster.get(resource.namespaces, { name: namespace });
  } catch (error) {
    if (hasCode(error, "Forbidden")) return;
    if (!hasCode(error, "NotFound")) throw error;
    const near = nearest(namespace, await namespaceNames(cluster));
    const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
    throw new Refusal(`Namespace "${namespace}" does not exist.${hint}`, exitCode.notFound);
  }
}

async function namespaceNames(cluster: Cluster): Promise<string[]> {
  try {
    const { items } = await cluster.list<{ metadata: { name: string } }>(resource.namespaces);
    return items.map((item) => item.metadata.name);
  } catch (error) {
    if (hasCode(error, "Forbidden")) return [];
    throw error;
  }
}
