// What the running cluster is: written once by `up`, read by everything that comes later.
import { readFile, rename, writeFile } from "node:fs/promises";
import { paths, type Ports } from "./layout.ts";
import type { ComponentName } from "./parts/components.ts";

/** A process and its start time in clock ticks, which tells it from a later process with the same id. */
export interface ProcessId {
  readonly pid: number;
  readonly startTicks: string;
}

export interface ClusterState {
  readonly ports: Ports;
  readonly binaries: Readonly<Record<string, string>>;
  /** Absent components are stopped. */
  readonly processes: Partial<Record<ComponentName, ProcessId>>;
  /** Kernel settings as they were before the cluster, to be put back. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Folders outside the state directory that did not exist before the cluster. */
  readonly madeFolders: readonly string[];
  readonly adminToken: string;
  readonly caPem: string;
  /** True once everything has become ready. */
  readonly ready: boolean;
}

/** The state, or undefined when there is no cluster. */
export async function readState(): Promise<ClusterState | undefined> {
  try {
    return JSON.parse(await readFile(paths.state, "utf8")) as ClusterState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function writeState(state: ClusterState): Promise<void> {
  const partial = `${paths.state}.part`;
  await writeFile(partial, JSON.stringify(state, null, 2), { mode: 0o600 });
  await rename(partial, paths.state);
}

/** The state of a cluster that runs. Throws, with the command that starts one, when there is none. */
export async function requireState(): Promise<ClusterState> {
  const state = await readState();
  if (!state) throw new Error("No local cluster is running. Start one with: make cluster");
  return state;
}
