// The Debian packages that the cluster's node needs: found missing, named, then installed.
import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../run.ts";

const sbin = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const cniFolders = ["/usr/lib/cni", "/opt/cni/bin"];

/** Package -> a file that it brings, and where that may lie. */
const needed: Record<string, { file: string; folders: readonly string[] }> = {
  containerd: { file: "containerd", folders: sbin },
  runc: { file: "runc", folders: sbin },
  "containernetworking-plugins": { file: "ptp", folders: cniFolders },
  iproute2: { file: "ip", folders: sbin },
  iptables: { file: "iptables", folders: sbin },
};

/** What a program from a package is called on disk. */
export interface NodePrograms {
  readonly containerd: string;
  readonly cniBinDir: string;
}

/** Throws, in words and with the other way, where the local cluster cannot run. */
export function requireRootOnLinux(): void {
  const other =
    "Use any cluster you have instead: point KUBECONFIG at it, and continue with `make install`, which needs no local cluster.";
  if (process.platform !== "linux") {
    throw new Error(`The local cluster needs Linux; this machine runs ${process.platform}. ${other}`);
  }
  if (process.getuid?.() !== 0) {
    throw new Error(`The local cluster needs root, for containers and their network. Run it with sudo. ${other}`);
  }
}

/** Installs what is missing, after saying what, and returns where the programs are. */
export async function ensurePackages(): Promise<NodePrograms> {
  const missing: string[] = [];
  for (const [name, { file, folders }] of Object.entries(needed)) if (!(await find(file, folders))) missing.push(name);
  if (missing.length > 0) await install(missing);
  const [containerd, ptp] = [await find("containerd", sbin), await find("ptp", cniFolders)];
  if (!containerd || !ptp) throw new Error(`${missing.join(", ")} were installed but containerd or ptp is not there.`);
  return { containerd, cniBinDir: join(ptp, "..") };
}

/** Installs Debian packages that a test needs and the node does not; quick when they are there. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const { stdout } = await run("dpkg-query", ["--show", "--showformat=${Package} ${db:Status-Status}\n", ...packages]);
  const there = new Set(
    stdout.split("\n").flatMap((line) => (line.endsWith(" installed") ? [line.split(" ")[0]] : [])),
  );
  const missing = packages.filter((name) => !there.has(name));
  if (missing.length > 0) await install(missing);
}

async function install(packages: readonly string[]): Promise<void> {
  if (!(await find("apt-get", sbin))) {
    throw new Error(`These are missing, and apt-get is too: ${packages.join(", ")}. Install them and try again.`);
  }
  process.stderr.write(`Installing Debian packages: ${packages.join(" ")}\n`);
  await aptGet(["update", "-qq"]);
  await aptGet(["install", "-y", "-qq", "--no-install-recommends", ...packages]);
}

async function aptGet(args: readonly string[]): Promise<void> {
  const child = spawn("apt-get", args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((done, failed) => {
    child.on("error", failed);
    child.on("close", done);
  });
  if (code !== 0) throw new Error(`apt-get ${args.join(" ")} failed:\n${Buffer.concat(said).toString().slice(-2000)}`);
}

async function find(file: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, file);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}
