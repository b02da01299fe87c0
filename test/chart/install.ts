/**
 * Installs the chart into the cluster of a kubeconfig and waits until it is ready. For the local cluster the image is built
 * and brought in first; any other cluster pulls it, or is told where from by further arguments for Helm.
 */
import { spawn } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { localImage } from "../../build/image-name.ts";
import { importImage } from "../cluster/parts/images.ts";
import { paths, repository } from "../cluster/layout.ts";

export const release = {
  name: "kubectl-canary",
  namespace: "kubectl-canary",
  chart: join(repository, "charts", "kubectl-canary"),
};

export interface InstallOptions {
  kubeconfig: string;
  /** Further arguments for `helm upgrade`, such as `--set`, `provider=linkerd`. */
  helmArgs?: readonly string[];
  /** Build the image even where an archive is there. */
  rebuild?: boolean;
}

/** Rejects with Helm's own words, which have been printed, when the controller does not become ready. */
export async function installChart({ kubeconfig, helmArgs = [], rebuild = true }: InstallOptions): Promise<void> {
  const image = (await isLocal(kubeconfig)) ? await localImageArgs(rebuild) : [];
  await helm(kubeconfig, [
    ...["upgrade", "--install", release.name, release.chart],
    ...["--namespace", release.namespace, "--create-namespace", "--wait", "--timeout", "180s"],
    ...image,
    ...helmArgs,
  ]);
}

/** `to`: as Helm's `--set` takes it; `null` is the chart's default again. */
export function setValue(value: string, to: string): Promise<void> {
  const helmArgs = ["--reuse-values", "--set", `${value}=${to}`];
  return installChart({ kubeconfig: paths.kubeconfig, rebuild: false, helmArgs });
}

/** Runs `helm uninstall` with its hook, and waits. */
export async function uninstallChart(kubeconfig: string, helmArgs: readonly string[] = []): Promise<void> {
  await helm(kubeconfig, ["uninstall", release.name, "--namespace", release.namespace, "--wait", ...helmArgs]);
}

/** Whether a kubeconfig is the local cluster's, by what it says and not by its path. */
export async function isLocal(kubeconfig: string): Promise<boolean> {
  const serverIn = async (path: string): Promise<string | undefined> =>
    /server: *"?(\S+?)"?$/m.exec(await readFile(path, "utf8"))?.[1];
  try {
    const [asked, local] = await Promise.all([serverIn(kubeconfig), serverIn(paths.kubeconfig)]);
    return asked !== undefined && asked === local;
  } catch {
    return false; // No local cluster runs, or several kubeconfigs are named: both mean another cluster.
  }
}

export function helm(kubeconfig: string, args: readonly string[]): Promise<void> {
  const path = `${paths.bin}:${process.env["PATH"] ?? ""}`;
  return command("helm", args, { ...process.env, KUBECONFIG: kubeconfig, PATH: path });
}

// --- internal ---

/** The tag is the same from build to build, so the digest in an annotation is what makes pods restart. */
async function localImageArgs(rebuild: boolean): Promise<string[]> {
  const archive = join(repository, "dist", "image.tar");
  if (rebuild || !(await exists(archive)))
    await command(process.execPath, [join(repository, "build/main.ts"), "image"]);
  await importImage(archive);
  // The local cluster has Linkerd's definitions, but its mesh stands in for Linkerd with the apps under test alone.
  const unmeshed = ["--set", "linkerd.mesh=false"];
  const named = ["--set", `image.repository=${localImage}`];
  return [...unmeshed, ...named, "--set-string", `podAnnotations.kubectl-canary\\.io/image=${await digestOf(archive)}`];
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex").slice(0, 16);
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false; // Absence is the answer here.
  }
}

function command(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${file} ${args[0]} ended with ${code}`))));
  });
}
