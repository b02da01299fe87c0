/** Helm commands for the cluster that was asked. Pure. */
import type { Scope } from "../../context.ts";

/** `helm WORDS -n NAMESPACE`, with kubectl's flags under Helm's names; what Helm has no flag for is left out. */
export function helm(scope: Scope, words: string): string {
  return `helm ${words} -n ${scope.controllerNamespace}${helmFlags(scope.clusterFlags)}`;
}

// --- internal ---

const renamed: Readonly<Record<string, string>> = {
  "--kubeconfig": "--kubeconfig",
  "--context": "--kube-context",
  "--server": "--kube-apiserver",
  "--as": "--kube-as-user",
  "--as-group": "--kube-as-group",
};

/** Pairs of a flag and a value, which may be quoted. */
function helmFlags(clusterFlags: string): string {
  const pairs = clusterFlags.matchAll(/ (--[a-z-]+) ((?:\\'|'[^']*'|[^\s'])+)/g);
  return [...pairs].map(([, flag = "", value = ""]) => (renamed[flag] ? ` ${renamed[flag]} ${value}` : "")).join("");
}
