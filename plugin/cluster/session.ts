/** From flags to a cluster that can be asked. */
import type { Deps, Io, Scope } from "../context.ts";
import { type ClusterFlags, durationFlag, scopeOf } from "./flags.ts";
import type { Forward, PodPort } from "./port-forward.ts";
import { clientVersion } from "../build-info.ts";

export interface Session {
  deps: Deps;
  scope: Scope;
  /** Brings a pod's port to this machine, until it is closed. */
  forward: (at: PodPort) => Promise<Forward>;
}

/** Opens no connection yet; throws a refusal where the flags and the kubeconfig choose no cluster. */
export async function openSession(flags: ClusterFlags, io: Io, signal: AbortSignal): Promise<Session> {
  const timeoutMs = durationFlag("request-timeout", flags["request-timeout"] ?? "10s") || noDeadlineMs;
  // Loaded only here: `--help` and usage errors need no cluster.
  const [{ chooseCluster }, { connect }, { readableCanaries }] = await Promise.all([
    import("./kubeconfig.ts"),
    import("../../shared/kube/cluster.ts"),
    import("./readable-canaries.ts"),
  ]);
  const { kubeConfig, namespace, headers } = chooseCluster(flags, io.env);
  const userAgent = `kubectl-canary/${clientVersion().version}`;
  const cluster = readableCanaries(connect(kubeConfig, { timers: io.timers, timeoutMs, headers, userAgent }));
  return {
    deps: { ...io, cluster, signal },
    scope: scopeOf(flags, namespace, io.env),
    forward: async (at) => (await import("./port-forward.ts")).forwardTo(kubeConfig, at),
  };
}

// --- internal ---

/** `--request-timeout 0`; timers hold no longer than this. */
const noDeadlineMs = 2 ** 31 - 1;
