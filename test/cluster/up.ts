// Starts the cluster: everything that does not wait for something else starts at once, and nothing sleeps.
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { applyObject, getObject, waitForApi, type Manifest } from "./api.ts";
import { buildAll } from "./build.ts";
import { configFile, kubeconfigOf, type ComponentName } from "./parts/components.ts";
import {
  apiServerUrl,
  renderAuditPolicy,
  renderCni,
  renderContainerd,
  renderKubeconfig,
  renderKubelet,
} from "./parts/config.ts";
import { coreDnsManifests } from "./parts/coredns.ts";
import { applyDefinitions, routingDefinitions } from "./crds.ts";
import { freePorts, hasKubernetesRules, missingFolders, readSysctls, setUpNetwork } from "./machine/host.ts";
import { addImage, clusterImages, ctr } from "./parts/images.ts";
import { nodeName, paths, repository, stateDir } from "./layout.ts";
import { removeCluster } from "./machine/leftovers.ts";
import { takeLock } from "./machine/lock.ts";
import { ensurePackages, requireRootOnLinux, type NodePrograms } from "./machine/packages.ts";
import { tokenUsers, writePki, type TokenUser } from "./parts/pki.ts";
import { spawnComponent } from "./machine/processes.ts";
import {
  defaultScrapeInterval,
  prometheusManifests,
  setScrapeInterval,
  writePrometheusConfig,
} from "./parts/prometheus.ts";
import { readState, writeState, type ClusterState } from "./state.ts";
import { isHealthy } from "./status.ts";
import { binaries, kubernetesVersion } from "./versions.ts";
import { unmet, waitFor, type Unmet } from "./wait.ts";

const READY_DEADLINE_MS = 120_000;

/** Settings of `up`; a running cluster takes over the ones that can change. */
export interface UpOptions {
  /** Prometheus' scrape interval, such as `2s`. */
  readonly scrapeInterval?: string;
}

type Say = (text: string) => void;

/** Starts the cluster unless it runs; returns when the node, DNS and Prometheus are ready. */
export async function up(options: UpOptions): Promise<void> {
  requireRootOnLinux();
  const release = await takeLock();
  try {
    const state = await readState();
    if (state && (await isHealthy(state))) {
      if (options.scrapeInterval) await setScrapeInterval(options.scrapeInterval);
      await linkPlugin();
      process.stderr.write("The local cluster is running.\n");
      return;
    }
    const programs = await ensurePackages();
    const built = await buildAll(Object.values(binaries));
    await start(programs, Object.fromEntries(built), options.scrapeInterval ?? defaultScrapeInterval);
  } finally {
    release();
  }
}

async function start(programs: NodePrograms, built: Record<string, string>, scrapeInterval: string): Promise<void> {
  const started = performance.now();
  const say: Say = (text) =>
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
  await removeCluster();
  if (await hasKubernetesRules()) {
    throw new Error(
      "Another Kubernetes node runs on this machine, and two cannot share its packet filter. Use that one.",
    );
  }
  const state = await prepare(programs, built, scrapeInterval);
  await new Promise<void>((done, failed) => {
    const ended = (name: ComponentName): void => void logTail(name).then((tail) => failed(new Error(tail)), failed);
    bringUp(state, ended, say).then(done, failed);
  });
}

/** Starts the processes in the order they need each other, and waits until all that runs in the cluster is ready. */
async function bringUp(state: ClusterState, ended: (name: ComponentName) => void, say: Say): Promise<void> {
  const processes: ClusterState["processes"] = {};
  const launch = async (...names: ComponentName[]): Promise<void> => {
    await Promise.all(names.map(async (name) => (processes[name] = await spawnComponent(name, state, ended))));
    await writeState({ ...state, processes });
  };
  await launch("containerd", "etcd", "kube-apiserver");
  const images = importImages(state, say);
  const definitions = routingDefinitions();
  // A failure is reported by the wait below, whenever it comes.
  for (const early of [images, definitions]) early.catch(() => undefined);
  await waitForApi(state);
  say(`API server v${kubernetesVersion} ready`);
  await launch("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy");
  await Promise.all([
    images,
    applyAll(state, [...coreDnsManifests(), ...prometheusManifests()]),
    definitions.then((all) => applyDefinitions(state, all)).then(() => say("TrafficSplit and Gateway API served")),
    waitForNode(state).then(() => say("Node ready")),
    waitForDeployment(state, "kube-system", "coredns").then(() => say("DNS ready")),
    waitForDeployment(state, "linkerd-viz", "prometheus").then(() => say("Prometheus ready")),
  ]);
  await writeState({ ...state, processes, ready: true });
}

async function logTail(name: ComponentName): Promise<string> {
  const path = join(paths.logs, `${name}.log`);
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n").slice(-5);
  return `${name} ended by itself. The end of ${path}:\n${lines.join("\n")}`;
}

/** Everything on disk and in the kernel that the processes expect, the way back recorded first. */
async function prepare(
  programs: NodePrograms,
  built: Record<string, string>,
  scrapeInterval: string,
): Promise<ClusterState> {
  const [sysctls, madeFolders, ports] = await Promise.all([readSysctls(), missingFolders(), freePorts()]);
  const empty = {
    ports,
    binaries: { ...built, containerd: programs.containerd },
    processes: {},
    sysctls,
    madeFolders,
    ready: false,
  };
  await mkdir(stateDir, { recursive: true, mode: 0o755 });
  await writeState({ ...empty, adminToken: "", caPem: "" });
  const folders = [paths.bin, paths.logs, paths.config, paths.cni, paths.etcd, paths.kubelet, paths.podLogs];
  await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  const [{ tokens, caPem }] = await Promise.all([
    writePki(paths.pki),
    setUpNetwork(),
    writePrometheusConfig(scrapeInterval),
    writeFile(configFile("containerd.toml"), renderContainerd(programs.cniBinDir)),
    writeFile(configFile("kubelet.yaml"), renderKubelet(ports)),
    writeFile(configFile("audit.yaml"), renderAuditPolicy("kubectl-canary")),
    writeFile(join(paths.cni, "10-kubectl-canary.conflist"), renderCni()),
    linkPrograms(built),
  ]);
  const state = { ...empty, adminToken: tokens.admin, caPem };
  await Promise.all([
    writeState(state),
    ...(Object.keys(tokenUsers) as TokenUser[]).map((user) => writeKubeconfig(state, user, tokens[user])),
  ]);
  return state;
}

async function writeKubeconfig(state: ClusterState, user: TokenUser, token: string): Promise<void> {
  const path = user === "admin" ? paths.kubeconfig : kubeconfigOf(user);
  const text = renderKubeconfig(apiServerUrl(state.ports), user, { token, caPem: state.caPem });
  await writeFile(path, text, { mode: 0o600 });
}

async function linkPrograms(built: Record<string, string>): Promise<void> {
  const links = { kubectl: built["kubectl"], helm: built["helm"] };
  await mkdir(paths.bin, { recursive: true });
  for (const [name, target] of Object.entries(links)) if (target) await symlink(target, join(paths.bin, name));
  await linkPlugin();
}

/** The plugin of the checkout that is asking: another one may have started the cluster. */
async function linkPlugin(): Promise<void> {
  for (const name of ["kubectl-canary", "kubectl_complete-canary"]) {
    const link = join(paths.bin, name);
    await rm(link, { force: true });
    await symlink(join(repository, "dist", "plugin", name), link);
  }
}

async function importImages(state: ClusterState, say: Say): Promise<void> {
  await waitFor(() => ctr("version"), READY_DEADLINE_MS, "containerd to answer");
  for (const image of clusterImages(state.binaries)) await addImage(image);
  say("containerd ready, images imported");
}

// Namespaces and accounts come before what lives in them; within each list the order is kept.
async function applyAll(state: ClusterState, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) await applyObject(state, manifest);
}

interface Status {
  readonly status?: { readonly conditions?: readonly { type: string; status: string; message?: string }[] };
}

async function waitForCondition(state: ClusterState, path: string, type: string): Promise<void> {
  const look = async (): Promise<true | Unmet> => {
    const object = await getObject<Status>(state, path);
    const condition = object?.status?.conditions?.find((one) => one.type === type);
    return condition?.status === "True" || unmet(condition?.message ?? (object ? `no condition ${type}` : "not there"));
  };
  await waitFor(look, READY_DEADLINE_MS, `${path} to be ${type} (logs: ${paths.logs})`, 100);
}

const waitForNode = (state: ClusterState): Promise<void> =>
  waitForCondition(state, `/api/v1/nodes/${nodeName}`, "Ready");

const waitForDeployment = (state: ClusterState, namespace: string, name: string): Promise<void> =>
  waitForCondition(state, `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`, "Available");
