/** Composition root of the plugin: real streams, clock and cluster; the only place that ends the process. */
import process from "node:process";
import { connect } from "../shared/kube/cluster.ts";
import { runCli, type Session } from "./cli.ts";
import { exitCode, type Io } from "./deps.ts";
import { type ClusterFlags, durationFlag, scopeOf } from "./flags.ts";
import { clientVersion } from "./version.ts";

const { stdout, stderr, env } = process;
const io: Io = { stdout, stderr, env, now: () => Date.now() };
const interrupt = new AbortController();

/** Without a deadline, as `--request-timeout 0` asks for; timers hold no longer than this. */
const noDeadlineMs = 2 ** 31 - 1;

async function open(flags: ClusterFlags): Promise<Session> {
  // Loaded only here: `--help` and usage errors need no cluster.
  const { chooseCluster } = await import("./kubeconfig.ts");
  const { kubeConfig, namespace, headers } = chooseCluster(flags, env);
  const timeoutMs = durationFlag("request-timeout", flags["request-timeout"] ?? "10s") || noDeadlineMs;
  const userAgent = `kubectl-canary/${clientVersion().version}`;
  const cluster = connect(kubeConfig, { timeoutMs, headers, userAgent });
  return { deps: { ...io, cluster, signal: interrupt.signal }, scope: scopeOf(flags, namespace, env) };
}

/** A command that waits says how it ended before the process does; one that does not is given no time. */
function onInterrupt(): void {
  interrupt.abort();
  setTimeout(() => process.exit(exitCode.interrupted), 100);
}

process.once("SIGINT", onInterrupt);
// The reader of a pipe went away, as `head` does: nothing is left to be said.
stdout.on("error", () => process.exit(exitCode.ok));

process.exit(await runCli(process.argv.slice(2), io, open));
