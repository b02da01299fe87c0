/** kubectl's rules for choosing a cluster: kubeconfig files, their contexts, and the flags that override them. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { Cluster, Context } from "@kubernetes/client-node";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { type Env, exitCode } from "../context.ts";
import { Refusal } from "../errors.ts";
import type { ClusterFlags } from "./flags.ts";
import { type KubectlUser, readKubeconfig } from "./kubeconfig-file.ts";
import { proxyFor } from "./proxy-choice.ts";

export interface Access {
  kubeConfig: KubeConfig;
  /** Of `--namespace`, else of the context, else `default`. */
  namespace: string;
  /** Headers that client-node does not set from a kubeconfig. */
  headers: Record<string, string | string[]>;
}

/** Throws a usage refusal that says what is missing and what there is. */
export function chooseCluster(flags: ClusterFlags, env: Env): Access {
  const kubeConfig = readFiles(flags, env);
  const context = override(kubeConfig, flags);
  const [cluster] = kubeConfig.clusters;
  const proxyUrl = cluster && (cluster.proxyUrl ?? proxyFor(cluster.server, env));
  if (cluster && proxyUrl) kubeConfig.clusters = [{ ...cluster, proxyUrl }];
  const headers = impersonation(flags, kubeConfig.users[0]);
  return { kubeConfig, namespace: flags.namespace ?? context.namespace ?? "default", headers };
}

// --- internal ---

function readFiles(flags: ClusterFlags, env: Env): KubeConfig {
  const files = filesOf(flags, env).filter((file) => flags.kubeconfig !== undefined || existsSync(file));
  const merged = new KubeConfig();
  for (const file of files) merge(merged, readKubeconfig(file));
  if (files.length === 0 && env["KUBERNETES_SERVICE_HOST"] && !flags.context) merged.loadFromCluster();
  if (merged.contexts.length === 0 && !flags.server) throw noContexts(flags, env, files);
  return merged;
}

function filesOf(flags: ClusterFlags, env: Env): string[] {
  if (flags.kubeconfig !== undefined) return [flags.kubeconfig];
  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  return listed.length > 0 ? listed : [join(env["HOME"] || homedir(), ".kube", "config")];
}

/** The first file that names a thing wins, as in kubectl. */
function merge(into: KubeConfig, from: KubeConfig): void {
  const fresh = <T extends { name: string }>(mine: readonly T[], theirs: readonly T[]): T[] =>
    theirs.filter((item) => !mine.some(({ name }) => name === item.name));
  into.clusters = [...into.clusters, ...fresh(into.clusters, from.clusters)];
  into.users = [...into.users, ...fresh(into.users, from.users)];
  into.contexts = [...into.contexts, ...fresh(into.contexts, from.contexts)];
  into.currentContext ||= from.currentContext;
}

/** Makes one context out of the chosen one and the flags, and returns it. */
function override(kubeConfig: KubeConfig, flags: ClusterFlags): Context {
  const chosen = chosenContext(kubeConfig, flags);
  const cluster = overrideCluster(kubeConfig, chosen, flags);
  const user = overrideUser(kubeConfig, chosen, flags);
  const namespace = chosen?.namespace;
  // Without a name where the flags alone choose a cluster: nobody knows such a context.
  const name = chosen?.name ?? "";
  const context: Context = { name, cluster: cluster.name, user: user.name, ...(namespace ? { namespace } : {}) };
  kubeConfig.clusters = [cluster];
  kubeConfig.users = [user];
  kubeConfig.contexts = [context];
  kubeConfig.setCurrentContext(name);
  return context;
}

function chosenContext(kubeConfig: KubeConfig, flags: ClusterFlags): Context | undefined {
  const name = flags.context ?? kubeConfig.currentContext;
  if (!name) {
    if (flags.server ?? flags.cluster) return undefined;
    throw new Refusal(
      `The kubeconfig has no current-context. Choose one with --context or "kubectl config use-context": ${namesOf(kubeConfig.contexts)}.`,
      exitCode.usage,
    );
  }
  const context = kubeConfig.getContextObject(name);
  if (context) return context;
  throw new Refusal(
    `The kubeconfig has no context "${name}"; it has: ${namesOf(kubeConfig.contexts)}.`,
    exitCode.usage,
  );
}

function overrideCluster(kubeConfig: KubeConfig, context: Context | undefined, flags: ClusterFlags): Cluster {
  const name = flags.cluster ?? context?.cluster ?? "flags";
  const found = kubeConfig.getCluster(name);
  if (!found && !flags.server)
    throw new Refusal(
      `The kubeconfig has no cluster "${name}"; it has: ${namesOf(kubeConfig.clusters)}.`,
      exitCode.usage,
    );
  const authority = flags["certificate-authority"];
  return {
    ...(found ?? { name, server: "", skipTLSVerify: false }),
    ...given("server", flags.server?.replace(/\/$/, "")),
    ...given("skipTLSVerify", flags["insecure-skip-tls-verify"]),
    ...given("tlsServerName", flags["tls-server-name"]),
    ...(authority ? { caFile: authority, caData: "" } : {}),
  };
}

function overrideUser(kubeConfig: KubeConfig, context: Context | undefined, flags: ClusterFlags): KubectlUser {
  const name = flags.user ?? context?.user ?? "";
  const found = kubeConfig.getUser(name);
  if (!found && flags.user !== undefined)
    throw new Refusal(`The kubeconfig has no user "${name}"; it has: ${namesOf(kubeConfig.users)}.`, exitCode.usage);
  const [certificate, key] = [flags["client-certificate"], flags["client-key"]];
  // A token on the command line replaces every other way in, or an exec plugin's token would win over it.
  return {
    ...(flags.token || !found ? { name } : found),
    ...given("token", flags.token),
    ...(certificate ? { certFile: certificate, certData: "" } : {}),
    ...(key ? { keyFile: key, keyData: "" } : {}),
    ...given("impersonateUser", flags.as),
  };
}

/** The property, if it has a value that says something. */
function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value ? ({ [key]: value } as Record<K, V>) : {};
}

/** What client-node does not send of it; a flag wins over the kubeconfig. */
function impersonation(flags: ClusterFlags, user: KubectlUser | undefined): Record<string, string | string[]> {
  const { impersonateUser, impersonateGroups = [], impersonateUid, impersonateExtra = {} } = { ...user };
  const groups = flags["as-group"] ?? impersonateGroups;
  const uid = flags["as-uid"] ?? impersonateUid;
  if (!impersonateUser && [...groups, uid].some(Boolean))
    throw new Refusal("--as-group and --as-uid need --as, the user to act as.", exitCode.usage);
  const extra = Object.entries(impersonateExtra).map(([key, values]) => [`Impersonate-Extra-${escaped(key)}`, values]);
  return {
    ...(groups.length > 0 ? { "Impersonate-Group": groups } : {}),
    ...(uid ? { "Impersonate-Uid": uid } : {}),
    ...(Object.fromEntries(extra) as Record<string, string[]>),
  };
}

/** As client-go writes a key into a header's name. */
const escaped = (key: string): string => encodeURIComponent(key);

function noContexts(flags: ClusterFlags, env: Env, files: readonly string[]): Refusal {
  const where =
    files.length > 0 ? `${files.join(", ")} names no context` : `${filesOf(flags, env).join(", ")} is not there`;
  return new Refusal(
    `No cluster to talk to: ${where}. Set KUBECONFIG, or give --kubeconfig or --server.`,
    exitCode.usage,
  );
}

function namesOf(things: readonly { name: string }[]): string {
  return things.map(({ name }) => name).join(", ") || "none";
}
