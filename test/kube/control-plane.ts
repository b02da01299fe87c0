/**
 * An etcd and a kube-apiserver of a test's own, to be killed and compacted at will: the shared cluster must not suffer
 * that. No controllers, no nodes; it lives in a temporary directory and ends with `stop`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { connect, type Cluster, type ConnectOptions } from "../../shared/kube/cluster.ts";
import { buildAll } from "../cluster/build.ts";
import { writePki } from "../cluster/parts/pki.ts";
import { binaries } from "../cluster/versions.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { freePorts } from "./free-ports.ts";

export interface ControlPlane {
  /** Where its keys and certificates are; gone after `stop`. */
  dir: string;
  /** TCP port on 127.0.0.1, the same after a restart. */
  port: number;
  /** A client of the administrator, by default straight to the API server; otherwise to a proxy's port. */
  cluster(options?: Partial<ConnectOptions> & { port?: number; token?: string }): Cluster;
  kubeConfig(options?: { port?: number; token?: string }): KubeConfig;
  /** SIGKILL: no goodbye to anyone. */
  killApi(): Promise<void>;
  startApi(): Promise<void>;
  /** Makes etcd forget every version before the present one. */
  compact(): Promise<void>;
  stop(): Promise<void>;
}

interface Parts {
  dir: string;
  etcdPort: number;
  peerPort: number;
  apiPort: number;
  etcdBinary: string;
  apiBinary: string;
}

export async function startControlPlane(): Promise<ControlPlane> {
  const built = await buildAll([binaries.etcd, binaries["kube-apiserver"]]);
  const dir = await mkdtemp(join(tmpdir(), "control-plane-"));
  const { tokens, caPem } = await writePki(dir);
  const [etcdPort = 0, peerPort = 0, apiPort = 0] = await freePorts(3);
  const etcdBinary = built.get("etcd") ?? "";
  const parts = { dir, etcdPort, peerPort, apiPort, etcdBinary, apiBinary: built.get("kube-apiserver") ?? "" };
  const kubeConfig = kubeConfigs(caPem, apiPort, tokens.admin);
  const etcd = run(parts, "etcd", etcdBinary, etcdArgs(parts));
  const api = new Api(parts, connect(kubeConfig(), { timers: systemClock, timeoutMs: 1_000 }));
  await api.start();
  return {
    dir,
    port: apiPort,
    kubeConfig,
    cluster: (options = {}) => connect(kubeConfig(options), { timers: systemClock, ...options }),
    killApi: () => api.kill(),
    startApi: () => api.start(),
    compact: () => compact(etcdPort),
    stop: async () => {
      await api.kill();
      await kill(etcd);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

class Api {
  private readonly parts: Parts;
  private readonly cluster: Cluster;
  private child: ChildProcess | undefined;

  constructor(parts: Parts, cluster: Cluster) {
    this.parts = parts;
    this.cluster = cluster;
  }

  async start(): Promise<void> {
    this.child = run(this.parts, "kube-apiserver", this.parts.apiBinary, apiArgs(this.parts));
    const ready = async (): Promise<string | ReturnType<typeof unmet>> => {
      const answer = await this.cluster.raw("GET", "/readyz");
      return answer === "ok" ? "ok" : unmet(String(answer));
    };
    await waitFor(ready, 60_000, "kube-apiserver to be ready").catch(async (error: unknown) => {
      const log = await readFile(join(this.parts.dir, "kube-apiserver.log"), "utf8");
      throw new Error(`${String(error)}\n${log.slice(-2000)}`);
    });
  }

  async kill(): Promise<void> {
    if (this.child) await kill(this.child);
    this.child = undefined;
  }
}

function kubeConfigs(caPem: string, apiPort: number, adminToken: string): ControlPlane["kubeConfig"] {
  return ({ port = apiPort, token = adminToken } = {}) => {
    const config = new KubeConfig();
    const caData = Buffer.from(caPem).toString("base64");
    config.loadFromClusterAndUser(
      { name: "bare", server: `https://127.0.0.1:${port}`, caData, skipTLSVerify: false },
      { name: "admin", token },
    );
    return config;
  };
}

function run(parts: Parts, name: string, binary: string, args: string[]): ChildProcess {
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  const log = createWriteStream(join(parts.dir, `${name}.log`), { flags: "a" });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  process.once("exit", () => child.kill("SIGKILL"));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Through etcd's JSON gateway; `physical` waits until the old versions are really gone. */
async function compact(etcdPort: number): Promise<void> {
  const status = await etcd(etcdPort, "/v3/maintenance/status", {});
  const revision = (status as { header: { revision: string } }).header.revision;
  await etcd(etcdPort, "/v3/kv/compaction", { revision, physical: true });
}

async function etcd(port: number, path: string, body: unknown): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`etcd answered ${answer.status} to ${path}: ${await answer.text()}`);
  return answer.json();
}

const etcdArgs = (parts: Parts): string[] => {
  const client = `http://127.0.0.1:${parts.etcdPort}`;
  const peer = `http://127.0.0.1:${parts.peerPort}`;
  return [
    "--name=bare",
    `--data-dir=${join(parts.dir, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=bare=${peer}`,
    "--unsafe-no-fsync",
  ];
};

const apiArgs = ({ dir, etcdPort, apiPort }: Parts): string[] => [
  `--etcd-servers=http://127.0.0.1:${etcdPort}`,
  "--bind-address=127.0.0.1",
  `--secure-port=${apiPort}`,
  `--tls-cert-file=${join(dir, "apiserver.crt")}`,
  `--tls-private-key-file=${join(dir, "apiserver.key")}`,
  `--client-ca-file=${join(dir, "ca.crt")}`,
  `--token-auth-file=${join(dir, "tokens.csv")}`,
  "--authorization-mode=RBAC",
  `--service-account-key-file=${join(dir, "service-account.pub")}`,
  `--service-account-signing-key-file=${join(dir, "service-account.key")}`,
  "--service-account-issuer=https://kubernetes.default.svc",
  "--service-cluster-ip-range=10.255.0.0/16",
  "--disable-admission-plugins=ServiceAccount",
];
