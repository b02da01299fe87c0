/** Flags that every verb has: kubectl's own, for choosing cluster, user and namespace, and where the controller runs. */
import type { Options } from "yargs";
import { parseDuration } from "../../shared/core/format/duration.ts";
import { shellQuoted } from "../../shared/core/format/shell.ts";
import { type Env, exitCode, type Scope } from "../context.ts";
import { Refusal } from "../errors.ts";

export interface ClusterFlags {
  namespace?: string | undefined;
  context?: string | undefined;
  kubeconfig?: string | undefined;
  cluster?: string | undefined;
  user?: string | undefined;
  server?: string | undefined;
  token?: string | undefined;
  as?: string | undefined;
  "as-group"?: string[] | undefined;
  "as-uid"?: string | undefined;
  "request-timeout"?: string | undefined;
  "insecure-skip-tls-verify"?: boolean | undefined;
  "certificate-authority"?: string | undefined;
  "client-certificate"?: string | undefined;
  "client-key"?: string | undefined;
  "tls-server-name"?: string | undefined;
  "controller-namespace"?: string | undefined;
}

const text = (describe: string): Options => ({ type: "string", requiresArg: true, describe, coerce: last });

/** Rarely used flags are not listed in the help text; its last line names some. */
const hidden = { hidden: true };

/** In the order of the help text. */
export const clusterOptions: Record<keyof ClusterFlags, Options> = {
  namespace: { ...text("Namespace of the Canary (default: the context's)"), alias: "n" },
  context: text("Context of the kubeconfig to use"),
  kubeconfig: text("Kubeconfig file to use"),
  cluster: { ...text("Cluster of the kubeconfig to use"), ...hidden },
  user: { ...text("User of the kubeconfig to use"), ...hidden },
  server: { ...text("Address of the API server"), alias: "s", ...hidden },
  token: { ...text("Bearer token for the API server"), ...hidden },
  as: { ...text("User to act as"), ...hidden },
  "as-group": {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "Group to act as; may be repeated",
    ...hidden,
  },
  "as-uid": { ...text("UID to act as"), ...hidden },
  "request-timeout": {
    ...text("Longest wait for one answer of the API server, as 10s (default 10s; 0: none)"),
    ...hidden,
  },
  "insecure-skip-tls-verify": { type: "boolean", describe: "Do not check the API server's certificate", ...hidden },
  "certificate-authority": { ...text("File with the certificate authority of the API server"), ...hidden },
  "client-certificate": { ...text("File with a client certificate"), ...hidden },
  "client-key": { ...text("File with the key of the client certificate"), ...hidden },
  "tls-server-name": { ...text("Name to expect in the API server's certificate"), ...hidden },
  "controller-namespace": text("Namespace of the controller, to see whether it is alive (default kubectl-canary)"),
};

/** `10s`, `2m`, or a number of seconds, in milliseconds. Throws a usage refusal that names the flag. */
export function durationFlag(flag: string, value: string): number {
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : parseDuration(value);
  if (ms === undefined) throw new Refusal(`--${flag} "${value}" is not a duration such as 10s or 2m.`, exitCode.usage);
  return ms;
}

/** What commands that we print must repeat, to reach the same cluster. A token is not repeated: it would be shown. */
export function scopeOf(flags: ClusterFlags, namespace: string, env: Env): Scope {
  const repeated = ["kubeconfig", "context", "cluster", "user", "server", "as"] as const;
  const words = [
    ...repeated.flatMap((name) => (flags[name] ? [`--${name}`, flags[name]] : [])),
    ...(flags["as-group"] ?? []).flatMap((group) => ["--as-group", group]),
  ];
  return {
    namespace,
    clusterFlags: words.map((word) => ` ${shellQuoted(word)}`).join(""),
    controllerNamespace: flags["controller-namespace"] || env["KUBECTL_CANARY_NAMESPACE"] || "kubectl-canary",
  };
}

// --- internal ---

/** Of a flag given twice kubectl takes the last. */
function last(value: unknown): unknown {
  return Array.isArray(value) ? (value as unknown[]).at(-1) : value;
}
