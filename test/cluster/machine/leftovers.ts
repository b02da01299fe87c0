// Removes everything a cluster has left on this machine, whether it was stopped in order or killed half-way:
// processes, containers, mounts, network, and files. It recognises what is ours by the paths below the state directory.
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { hasBridge, removeNetwork, restoreSysctls } from "./host.ts";
import { inState, paths, stateDir } from "../layout.ts";
import { startTicksOf } from "./processes.ts";
import { mustRun } from "../run.ts";
import { readState } from "../state.ts";
import { unmet, waitFor } from "../wait.ts";

const DEADLINE_MS = 20_000;

/** Leaves nothing of a cluster behind; the cache of binaries stays. */
export async function removeCluster(): Promise<void> {
  const state = await readState().catch(() => undefined);
  await killOurProcesses();
  const containers = await containerIds();
  const sockets = await shimSockets();
  await unmountAll();
  // Without a trace of ours, Kubernetes' rules on this machine are another node's.
  if (existsSync(stateDir) || (await hasBridge())) await removeNetwork();
  await removeControlGroups(containers);
  await removeForeignFiles(sockets, containers);
  if (state) await restoreSysctls(state.sysctls);
  await rm(stateDir, { recursive: true, force: true });
  for (const folder of state?.madeFolders ?? []) await removeIfEmpty(folder);
}

// First the processes that would start new containers, then the shims and what runs in the containers.
async function killOurProcesses(): Promise<void> {
  await waitFor(
    async () => {
      const ours = await ourProcesses();
      for (const pid of ours) killQuietly(pid);
      return ours.length === 0 || unmet(`processes ${ours.join(", ")} still run`);
    },
    DEADLINE_MS,
    "the cluster's processes to end",
    20,
  );
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Ids of the processes of any cluster below our state directory: daemons, shims, and processes in containers. */
export async function ourProcesses(): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const ours = await Promise.all(pids.map(isOurs));
  return pids.filter((_, at) => ours[at]);
}

async function isOurs(pid: number): Promise<boolean> {
  if (pid === process.pid) return false;
  const [commandLine, mounts] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
    readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => ""),
  ]);
  if (!isOurCommand(commandLine.split("\0")) && !isOurRoot(mounts)) return false;
  return (await startTicksOf(pid)) !== undefined;
}

const daemons = /(^|\/)(containerd|containerd-shim-runc-v2|etcd-[\d.]+|kube[a-z-]*-[\d.]+)$/;

/** A daemon or a shim whose arguments name a path below our state directory. */
export function isOurCommand(argv: readonly string[]): boolean {
  return daemons.test(argv[0] ?? "") && argv.some((argument) => argument.includes(`${stateDir}/`));
}

/** True for the mount table of a process whose root is a container's file system in our state directory. */
export function isOurRoot(mountinfo: string): boolean {
  return mountinfo
    .split("\n")
    .some((line) => line.split(" ")[4] === "/" && line.includes(`upperdir=${paths.containerd}/`));
}

/** Mount points below our state directory in a mount table, innermost first. */
export function mountsBelow(mountinfo: string, dir: string): string[] {
  return mountinfo
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\040/g, " "))
    .filter((point) => point.startsWith(`${dir}/`))
    .reverse();
}

async function unmountAll(): Promise<void> {
  const points = mountsBelow(await readFile("/proc/self/mountinfo", "utf8"), stateDir);
  if (points.length > 0) await mustRun("umount", ["--lazy", ...points]);
}

// A shim's socket has a fixed folder and a hashed name; only the shim's bundle says which one is ours.
async function shimSockets(): Promise<string[]> {
  const bundles = join(paths.containerdState, "io.containerd.runtime.v2.task", "k8s.io");
  const ids = await readdir(bundles).catch(() => []);
  const addresses = await Promise.all(ids.map((id) => readFile(join(bundles, id, "address"), "utf8").catch(() => "")));
  return addresses.map((address) => address.replace(/^unix:\/\//, "").trim()).filter((path) => path.startsWith("/"));
}

// Links to our pods' logs, and what the network plugins remember of our containers.
async function removeForeignFiles(sockets: readonly string[], containers: ReadonlySet<string>): Promise<void> {
  await Promise.all(sockets.map((socket) => rm(socket, { force: true })));
  const logLinks = "/var/log/containers";
  for (const name of await readdir(logLinks).catch(() => [])) {
    const target = await readlink(join(logLinks, name)).catch(() => "");
    if (target.startsWith(`${stateDir}/`)) await rm(join(logLinks, name), { force: true });
  }
  const results = "/var/lib/cni/results";
  for (const name of await readdir(results).catch(() => [])) {
    if (name.split("-").some((part) => containers.has(part))) await rm(join(results, name), { force: true });
  }
  await rm("/var/lib/kubelet/device-plugins/kubelet.sock", { force: true });
}

// runc's control groups outlive containers that were killed; their names are the container ids in our state.
async function removeControlGroups(containers: ReadonlySet<string>): Promise<void> {
  const roots = (await readdir("/sys/fs/cgroup").catch(() => [])).map((name) => join("/sys/fs/cgroup", name));
  for (const root of ["/sys/fs/cgroup", ...roots]) {
    const parent = join(root, "k8s.io");
    for (const id of await readdir(parent).catch(() => [])) {
      if (containers.has(id)) await removeIfEmpty(join(parent, id));
    }
    await removeIfEmpty(parent);
  }
}

async function containerIds(): Promise<Set<string>> {
  const folders = [
    inState("runc", "k8s.io"),
    join(paths.containerdState, "io.containerd.runtime.v2.task", "k8s.io"),
    join(paths.containerd, "io.containerd.runtime.v2.task", "k8s.io"),
    join(paths.containerd, "io.containerd.grpc.v1.cri", "sandboxes"),
    join(paths.containerd, "io.containerd.grpc.v1.cri", "containers"),
  ];
  const lists = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  return new Set(lists.flat());
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined);
}
