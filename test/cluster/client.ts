// What tests use of the cluster: kubectl and helm against it, JSON objects, and port-forwards.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { paths } from "./layout.ts";
import { run, type Output, type RunOptions } from "./run.ts";
import { requireState } from "./state.ts";

const FORWARD_DEADLINE_MS = 30_000;

/** The environment in which `kubectl`, `helm` and `kubectl canary` are found and reach the cluster. */
export const clusterEnv: NodeJS.ProcessEnv = {
  ...process.env,
  KUBECONFIG: paths.kubeconfig,
  PATH: `${paths.bin}:${process.env["PATH"] ?? ""}`,
};

/** Runs kubectl; a failure is a code, not an exception. */
export async function kubectl(args: readonly string[], options: RunOptions = {}): Promise<Output> {
  await requireState();
  return run(join(paths.bin, "kubectl"), args, { env: clusterEnv, ...options });
}

/** Runs kubectl and returns its standard output; throws with kubectl's own words when it fails. */
export async function mustKubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await kubectl(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed (${code}): ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

/** Applies manifests given as text (YAML or JSON) or as objects. */
export async function apply(manifests: string | readonly object[], namespace?: string): Promise<string> {
  const input =
    typeof manifests === "string" ? manifests : JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests });
  return mustKubectl(["apply", ...(namespace ? ["--namespace", namespace] : []), "-f", "-"], { input });
}

/** Runs helm; a failure is a code, not an exception. */
export async function helm(args: readonly string[], options: RunOptions = {}): Promise<Output> {
  await requireState();
  return run(join(paths.bin, "helm"), args, { env: clusterEnv, ...options });
}

/** A running port-forward: where it listens on loopback, and how it ends. */
export interface Forward {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Forwards a free local port to `target` (such as `svc/frontend`), port `port`; resolves when it listens. */
export async function portForward(namespace: string, target: string, port: number): Promise<Forward> {
  await requireState();
  const args = ["--namespace", namespace, "port-forward", "--address", "127.0.0.1", target, `:${port}`];
  const child = spawn(join(paths.bin, "kubectl"), args, { env: clusterEnv, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  const listening = new Promise<string>((done, failed) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const local = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (local) done(`http://127.0.0.1:${local}`);
    });
    child.once("close", () => failed(new Error(`kubectl port-forward ${target} ended: ${said.trim()}`)));
    setTimeout(
      () => failed(new Error(`kubectl port-forward ${target} does not listen: ${said}`)),
      FORWARD_DEADLINE_MS,
    ).unref();
  });
  return { url: await listening.catch((error: unknown) => close().then(() => Promise.reject(error as Error))), close };
}

/** Deletes a namespace and waits until everything in it is gone. */
export async function deleteNamespace(name: string, deadlineMs = 120_000): Promise<void> {
  await mustKubectl(["delete", "namespace", name, "--ignore-not-found", `--timeout=${deadlineMs / 1000}s`]);
}

/** Waits until a Deployment that exists has all its pods updated and ready. Throws with kubectl's last words. */
export async function waitForRollout(namespace: string, name: string, deadlineMs = 60_000): Promise<void> {
  const timeout = `--timeout=${deadlineMs / 1000}s`;
  await mustKubectl(["--namespace", namespace, "rollout", "status", `deployment/${name}`, timeout]);
}
