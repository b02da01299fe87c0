// Starts and stops the cluster's processes. They are detached, so that they outlive the command that started them.
import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { waitForApi } from "../api.ts";
import { componentArgs, type ComponentName } from "../parts/components.ts";
import { paths } from "../layout.ts";
import { requireState, writeState, type ClusterState, type ProcessId } from "../state.ts";
import { unmet, waitFor, type Unmet } from "../wait.ts";

const STOP_DEADLINE_MS = 10_000;

/**
 * Starts one component and returns its process; its output goes to a log file named after it. `ended` is told when the
 * process ends while this command still runs.
 */
export async function spawnComponent(
  name: ComponentName,
  state: ClusterState,
  ended: (name: ComponentName) => void = () => undefined,
): Promise<ProcessId> {
  const binary = state.binaries[name];
  if (!binary) throw new Error(`The path of ${name} is unknown.`);
  const log = await open(join(paths.logs, `${name}.log`), "a");
  const child = spawn(binary, componentArgs(state.ports)[name], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  await new Promise<void>((done, failed) => {
    child.once("spawn", done);
    child.once("error", failed);
  });
  child.once("exit", () => ended(name));
  child.unref();
  await log.close();
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${name} did not start.`);
  return { pid, startTicks: (await startTicksOf(pid)) ?? "" };
}

/** Field 22 of /proc/<pid>/stat, or undefined when the process is gone or a zombie. */
export async function startTicksOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export async function isAlive(process: ProcessId | undefined): Promise<boolean> {
  return process !== undefined && (await startTicksOf(process.pid)) === process.startTicks;
}

/** Sends `signal` to a component of the running cluster, for example SIGSTOP and later SIGCONT. */
export async function signalComponent(name: ComponentName, signal: NodeJS.Signals): Promise<void> {
  const process_ = (await requireState()).processes[name];
  if (!process_ || !(await isAlive(process_))) throw new Error(`${name} is not running.`);
  process.kill(process_.pid, signal);
}

/** Kills a component of the running cluster, as a crash would, and returns when it is gone. */
export async function stopComponent(name: ComponentName): Promise<void> {
  const state = await requireState();
  const running = state.processes[name];
  if (running && (await isAlive(running))) {
    process.kill(running.pid, "SIGKILL");
    const gone = async (): Promise<true | Unmet> =>
      !(await isAlive(running)) || unmet(`process ${running.pid} still runs`);
    await waitFor(gone, STOP_DEADLINE_MS, `${name} to end`, 10);
  }
  const { [name]: _stopped, ...processes } = state.processes;
  await writeState({ ...state, processes });
}

/**
 * Starts a component that was stopped, with the arguments it had; does nothing when it runs. Returns when the process
 * runs, for the API server when it is ready.
 */
export async function startComponent(name: ComponentName): Promise<void> {
  const state = await requireState();
  if (await isAlive(state.processes[name])) return;
  const started = await spawnComponent(name, state);
  await writeState({ ...state, processes: { ...state.processes, [name]: started } });
  if (name === "kube-apiserver") await waitForApi(state);
}
