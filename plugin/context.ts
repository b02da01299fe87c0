/** What a command is given: nothing in `plugin/` reaches for a stream, a clock or a cluster by itself. */
import type { Timers } from "../shared/kube/clock.ts";
import type { Cluster } from "../shared/kube/cluster.ts";

/** The part of a stream that commands use. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  /** Width of the terminal in characters. */
  columns?: number;
  /** Height of the terminal in lines. */
  rows?: number;
}

export type Env = Readonly<Record<string, string | undefined>>;

export interface Io {
  /** Data: what another program may read. */
  stdout: Output;
  /** Words: errors, hints, progress. */
  stderr: Output;
  env: Env;
  /** ms since the epoch. */
  now: () => number;
  timers: Timers;
}

export interface Deps extends Io {
  cluster: Cluster;
  /** Aborted by Ctrl-C; a command that waits stops waiting and returns {@link exitCode.interrupted}. */
  signal: AbortSignal;
}

/** Which Canary a command is about, and how to say the same on a command line. */
export interface Scope {
  namespace: string;
  /** Flags that choose the cluster, to be repeated in commands we print; starts with a space, or is empty. */
  clusterFlags: string;
  /** Where the controller runs, to read its Lease. */
  controllerNamespace: string;
}

/** The verdicts 3 to 6 only from `wait`, and where `--exit-code` asks for them. */
export const exitCode = {
  ok: 0,
  error: 1,
  usage: 2,
  failed: 3,
  waitsForPerson: 4,
  timeout: 5,
  superseded: 6,
  notFound: 7,
  interrupted: 130,
} as const;
