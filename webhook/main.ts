/**
 * Composition root of the controller: settings, log, cluster, certificates, server, loop. Admission is answered by every
 * replica from its first moment; the loop runs where the Lease is. On SIGTERM the port stays open until nobody asks.
 */
import process from "node:process";
import type { Server } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { pino, type Logger } from "pino";
import { pause, systemClock } from "../shared/kube/clock.ts";
import { connect, type Cluster } from "../shared/kube/cluster.ts";
import { messageOf } from "../shared/kube/errors.ts";
import { issueAuthority } from "./certificates/issue.ts";
import { Certificates } from "./certificates/manager.ts";
import { certificateNotes } from "./certificates/lease-annotations.ts";
import { readConfig, type Config } from "./config.ts";
import type { Controller } from "./controller/controller.ts";
import { runLoops, type Running } from "./loops.ts";
import { createRecorder, type Recorder } from "./telemetry/recorder.ts";
import { createMetricsServer, createServer } from "./server.ts";
import { uninstall } from "./uninstall.ts";

/** Put in by the build; not defined where the sources run as they are. */
declare const BUILD_VERSION: string | undefined;

interface Parts {
  config: Config;
  log: Logger;
  cluster: Cluster;
  recorder: Recorder;
  /** Aborts on SIGTERM. */
  ending: AbortSignal;
}

const version = typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0-dev";
const clock = systemClock;
const random = (): number => Math.random();

try {
  await main();
  process.exit(0);
} catch (error) {
  // Also where settings are at fault, and no logger can be made of them.
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  const log = pino({
    level: config.logLevel,
    base: { pod: config.identity },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  const recorder = createRecorder({ version, meshProvider: config.provider });
  const parts: Parts = { config, log, cluster: connectTo(config), recorder, ending: ending.signal };
  log.info({ version, command: config.command, namespace: config.namespace }, "kubectl-canary");
  await (config.command === "uninstall" ? uninstallAll(parts) : serve(parts));
}

function connectTo(config: Config): Cluster {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  // A request that hangs must not cost the leader its Lease.
  const timeoutMs = Math.min(10_000, Math.floor(config.renewDeadlineMs / 3));
  return connect(kubeConfig, { timers: clock, timeoutMs, userAgent: `kubectl-canary/${version}` });
}

async function serve(parts: Parts): Promise<void> {
  const { config, log, recorder, ending } = parts;
  const running: Running = {};
  // Nothing of the loop: a review is answered from itself alone, and a cluster must not lose admission with the loop.
  const notReady = (): string[] =>
    [ending.aborted ? "stopping" : undefined, certificates.notReady()].filter((reason) => reason !== undefined);
  const { ownAccounts, watchNamespaces, excludedNamespaces, allowGateways, hookAddresses } = config;
  const metricServers = { own: config.metricsServer, allowed: config.allowedAddresses };
  const canary = { ownAccounts, watchNamespaces, excludedNamespaces, allowGateways, hookAddresses, metricServers };
  // Probes are answered before there is a certificate that anyone trusts.
  const stopgap = await issueAuthority("not ready", { now: clock.wall(), lifetimeMs: 3_600_000 });
  const server = createServer({ timers: clock, log, canary, recorder, notReady }, stopgap);
  const certificates = createCertificates(parts, (certificate) => server.setSecureContext(certificate));
  const metricsServer = createMetricsServer(() => {
    const days = certificates.daysLeft();
    if (days !== undefined) recorder.certificateDaysLeft(days);
    const { loop } = running;
    const [isReady, isLeader] = [loop?.ready() ?? false, loop?.leads() ?? false];
    recorder.loop({ isReady, isLeader, waiting: loop?.waiting() ?? 0 });
    recorder.canaries(canariesByNamespace(running.loop));
    return recorder.text();
  });
  await Promise.all([listen(server, config.port), listen(metricsServer, config.metricsPort)]);
  log.info({ port: config.port, metricsPort: config.metricsPort }, "listening");
  certificates.start();
  const notes = (): Record<string, string> => certificateNotes(certificates.validity(), config.certificateIssuer);
  const loops = runLoops({ ...parts, clock, random, notes }, running);
  await aborted(ending);
  log.info({ drainMs: config.drainMs }, "stopping");
  // The lead is passed on at once; admission goes on until the API server has heard that this pod leaves.
  await Promise.all([loops, pause(clock, config.drainMs, new AbortController().signal)]);
  await Promise.all([close(server), close(metricsServer), certificates.stop()]);
  log.info("stopped");
}

function canariesByNamespace(loop: Controller | undefined): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { metadata } of loop?.world.canaries.list() ?? []) {
    const namespace = metadata.namespace ?? "";
    counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  }
  return counts;
}

function createCertificates(parts: Parts, serve: (certificate: { cert: string; key: string }) => void): Certificates {
  const { config, cluster, log } = parts;
  const host = `${config.serviceName}.${config.namespace}.svc`;
  return new Certificates(
    { cluster, clock, random, log, serve },
    {
      issuer: config.certificateIssuer,
      namespace: config.namespace,
      secretName: config.secretName,
      dnsNames: [host, `${host}.cluster.local`],
      mutatingConfiguration: config.mutatingConfiguration,
      validatingConfiguration: config.validatingConfiguration,
    },
  );
}

async function uninstallAll({ cluster, config, log }: Parts): Promise<void> {
  const { namespace, deployment, watchNamespaces, certificateIssuer, secretName } = config;
  const ownSecret = certificateIssuer === "own" ? secretName : undefined;
  const where = { namespace, deployment, watchNamespaces };
  const left = await uninstall({
    cluster,
    clock,
    log,
    random,
    ...where,
    ownSecret,
    deadlineMs: config.uninstallDeadlineMs,
  });
  const lines = left.length === 0 ? ["Every Deployment is its user's again."] : ["This needs a person:", ...left];
  process.stdout.write(`${lines.join("\n- ")}\n`);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
}

/** Lets requests under way finish; connections that are only kept alive are closed at once. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
