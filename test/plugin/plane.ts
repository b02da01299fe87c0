/** An API server of the tests' own, with the definitions that the plugin reads, and the plugin run against it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import { runCli } from "../../plugin/cli/cli.ts";
import { openSession } from "../../plugin/cluster/session.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { routingDefinitions } from "../cluster/crds.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { type ControlPlane, startControlPlane } from "../kube/control-plane.ts";
import { now } from "./seen.ts";
import { aTerminal } from "./terminal.ts";

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export interface RunOptions {
  now?: () => number;
  /** On a terminal of this width. */
  columns?: number;
  /** Of this height. */
  rows?: number;
  /** Called before each patch of the plugin's, for what others do in that very moment. */
  beforePatch?: () => Promise<void>;
}

export interface Plane extends Pick<ControlPlane, "killApi" | "startApi" | "stop"> {
  cluster: Cluster;
  /** File of the administrator's kubeconfig. */
  kubeconfig: string;
  /** Runs the plugin in this process; `now` is the fixtures' time unless told otherwise. */
  run(argv: string[], options?: RunOptions): Promise<Ran>;
}

export async function startPlane(): Promise<Plane> {
  const plane = await startControlPlane();
  const kubeconfig = join(plane.dir, "kubeconfig");
  await writeFile(kubeconfig, plane.kubeConfig().exportConfig());
  return {
    cluster: plane.cluster(),
    kubeconfig,
    killApi: () => plane.killApi(),
    startApi: () => plane.startApi(),
    stop: () => plane.stop(),
    run: async (argv, options = {}) => {
      const io = aTerminal({
        env: { KUBECONFIG: kubeconfig, LANG: "C.UTF-8" },
        now: options.now ?? (() => now),
        ...(options.columns === undefined ? {} : { columns: options.columns }),
        ...(options.rows === undefined ? {} : { rows: options.rows }),
      });
      const code = await runCli(argv, io, async (flags) => {
        const { deps, ...session } = await openSession(flags, io, new AbortController().signal);
        return { deps: { ...deps, cluster: interrupted(deps.cluster, options.beforePatch) }, ...session };
      });
      return { code, out: io.out(), err: io.err() };
    },
  };
}

/** Canaries, TrafficSplits and HTTPRoutes. */
export async function defineResources(cluster: Cluster): Promise<void> {
  for (const definition of [await canaryDefinition(), ...(await routingDefinitions())])
    await cluster.create(resource.customResourceDefinitions, definition);
  for (const r of [resource.canaries, resource.trafficSplits, resource.httpRoutes])
    await waitFor(() => cluster.list(r), 30_000, `${r.plural} to be served`);
}

/** The same cluster, with something happening in it before each patch. */
function interrupted(cluster: Cluster, beforePatch: RunOptions["beforePatch"]): Cluster {
  if (!beforePatch) return cluster;
  const patch: Cluster["patch"] = async (r, at, p) => {
    await beforePatch();
    return cluster.patch(r, at, p);
  };
  return Object.assign(Object.create(cluster) as Cluster, { patch });
}

/** What the API server itself says about a path, until it is `ready`. */
export async function waitUntilReady(cluster: Cluster): Promise<void> {
  const ready = async (): Promise<true | ReturnType<typeof unmet>> => {
    const answer = await cluster.raw("GET", "/readyz");
    return answer === "ok" || unmet(String(answer));
  };
  await waitFor(ready, 30_000, "the API server to be ready");
}

/** As the chart has it: fields of the status that it does not know would be dropped, and the tests see it. */
async function canaryDefinition(): Promise<object> {
  const file = new URL("../../charts/kubectl-canary/files/crds/canaries.yaml", import.meta.url);
  return load(await readFile(file, "utf8")) as object;
}
