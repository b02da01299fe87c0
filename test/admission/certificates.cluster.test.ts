// Two replicas that keep certificates on a real API server, whose lifetimes are seconds: every handover that a year has,
// under 50 admissions a second, each with a TLS handshake of its own.
import { X509Certificate } from "node:crypto";
import type { Server } from "node:https";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server as TcpServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { V1Deployment } from "@kubernetes/client-node";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { label } from "../../shared/core/names.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { issueAuthority } from "../../webhook/certificates/issue.ts";
import type { Issued } from "../../webhook/certificates/issue.ts";
import { trustedByAll } from "../../webhook/certificates/store.ts";
import type { WebhookConfiguration } from "../../webhook/certificates/store.ts";
import { Certificates } from "../../webhook/certificates.ts";
import { createRecorder } from "../../webhook/metrics/recorder.ts";
import { createServer } from "../../webhook/server.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startControlPlane } from "../kube/control-plane.ts";
import type { ControlPlane } from "../kube/control-plane.ts";

const namespace = "default";
const host = "localhost";
const admissionsPerSecond = 50;
const lifetimes = { authorityMs: 18_000, servingMs: 9_000, overlapMs: 2_500 };
const forMs = 32_000;

let plane: ControlPlane;
let cluster: Cluster;

class Replica {
  readonly served: Issued[] = [];
  readonly certificates: Certificates;
  readonly server: Server;

  private constructor(name: string, stopgap: Issued) {
    const log = pino({ enabled: false, name });
    const canary = { ownAccounts: [], missing: () => Promise.resolve([]) };
    const recorder = createRecorder({ version: "0.0.0", meshProvider: "auto" });
    this.server = createServer({ log, canary, recorder, notReady: () => [] }, stopgap);
    this.server.maxRequestsPerSocket = 1;
    const serve = (certificate: Issued): void => {
      this.served.push(certificate);
      this.server.setSecureContext(certificate);
    };
    this.certificates = new Certificates(
      { cluster, clock: systemClock, random: Math.random, log, serve },
      {
        ...{ namespace, secretName: "certificate", dnsNames: [host], lifetimes },
        ...{ mutatingConfiguration: "mutating", validatingConfiguration: "validating" },
      },
    );
    this.certificates.start();
  }

  static async start(name: string): Promise<Replica> {
    const replica = new Replica(name, await issueAuthority("not ready", { now: Date.now(), lifetimeMs: 60_000 }));
    await new Promise<void>((resolve) => replica.server.listen(0, "127.0.0.1", resolve));
    return replica;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await this.certificates.stop();
    this.server.close();
  }

  get current(): string {
    return this.served.at(-1)?.cert ?? "";
  }
}

/** What a Service does: each connection to the next replica. */
async function balance(replicas: readonly Replica[]): Promise<TcpServer> {
  let connections = 0;
  const server = createTcpServer((client) => {
    const target = connect(replicas[connections++ % replicas.length]?.port ?? 0, "127.0.0.1");
    client.pipe(target).pipe(client);
    client.on("error", () => target.destroy());
    target.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function createConfiguration(kind: "Mutating" | "Validating", port: number): Promise<void> {
  const of = kind === "Mutating" ? resource.mutatingWebhookConfigurations : resource.validatingWebhookConfigurations;
  const resources = kind === "Mutating" ? ["deployments"] : ["nothing"];
  const webhooks = ["a", "b"].map((name) => ({
    name: `${name}.kubectl-canary.io`,
    clientConfig: { url: `https://${host}:${port}/mutate/deployments` },
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    failurePolicy: "Fail",
    rules: [{ apiGroups: ["apps"], apiVersions: ["v1"], resources, operations: ["UPDATE"] }],
    objectSelector: { matchExpressions: [{ key: label.target, operator: "Exists" }] },
  }));
  await cluster.create(of, { metadata: { name: kind.toLowerCase() }, webhooks });
}

async function createTarget(): Promise<void> {
  const labels = { app: "podinfo" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "podinfod", image: "podinfo:0" }] } };
  const metadata = { name: "podinfo", namespace, labels };
  const spec = { replicas: 0, selector: { matchLabels: labels }, template };
  const { metadata: made } = await cluster.create<V1Deployment>(resource.deployments, { metadata, spec });
  const body = { metadata: { labels: { [label.target]: made?.uid } } };
  await cluster.patch(resource.deployments, { namespace, name: "podinfo" }, { type: "merge", body });
}

/** Changes the template 50 times a second until told to end; each change must be held, so the webhook was asked. */
async function changeUntil(ended: () => boolean): Promise<{ changes: number; failures: string[] }> {
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  let changes = 0;
  const change = async (index: number): Promise<void> => {
    const spec = { paused: false, template: { metadata: { annotations: { change: String(index) } } } };
    const place = { namespace, name: "podinfo" };
    try {
      // A dry-run is admitted like any other write, and does not have to wait for the one before it to be stored.
      const patch = { type: "merge", body: { spec }, dryRun: true } as const;
      const written = await cluster.patch<V1Deployment>(resource.deployments, place, patch);
      if (written.spec?.paused !== true) failures.push(`change ${index} was not held`);
    } catch (error) {
      failures.push(`change ${index}: ${String(error)}`);
    }
  };
  for (; !ended(); await delay(1_000 / admissionsPerSecond)) {
    // A machine that is busy with something else is given time, not more to do.
    if (pending.size >= admissionsPerSecond) continue;
    const one: Promise<void> = change(changes++).finally(() => pending.delete(one));
    pending.add(one);
  }
  await Promise.all(pending);
  return { changes, failures };
}

/** What the API server trusts now. */
async function trusted(): Promise<string[]> {
  const configurations = await Promise.all([
    cluster.get<WebhookConfiguration>(resource.mutatingWebhookConfigurations, { name: "mutating" }),
    cluster.get<WebhookConfiguration>(resource.validatingWebhookConfigurations, { name: "validating" }),
  ]);
  return [...trustedByAll(configurations)];
}

const isSignedByOne = (cert: string, authorities: readonly string[]): boolean =>
  authorities.some((authority) => new X509Certificate(cert).verify(new X509Certificate(authority).publicKey));

beforeAll(async () => {
  plane = await startControlPlane();
  cluster = plane.cluster();
  await createTarget();
});

afterAll(() => plane.stop());

describe("two replicas that keep certificates", () => {
  it("agree on one, and pass through every renewal without a refused or unasked admission", async () => {
    const replicas = await Promise.all([Replica.start("one"), Replica.start("two")]);
    const balancer = await balance(replicas);
    try {
      const { port } = balancer.address() as AddressInfo;
      await Promise.all([createConfiguration("Mutating", port), createConfiguration("Validating", port)]);
      const ready = (): boolean => replicas.every(({ certificates }) => certificates.notReady() === undefined);
      await waitFor(() => (ready() ? true : unmet("not ready")), 10_000, "both to be ready", 10);
      await waitFor(
        () => (replicas[0]?.current === replicas[1]?.current ? true : unmet("two")),
        5_000,
        "one certificate",
      );
      const end = performance.now() + forMs;
      const isOver = (): boolean => performance.now() >= end;
      const [authorities, { changes, failures }] = await Promise.all([
        watchTrust(replicas, isOver),
        changeUntil(isOver),
      ]);
      process.stdout.write(`${changes} admissions, ${failures.length} failed, ${authorities.size} authorities\n`);
      expect(failures).toEqual([]);
      expect(changes).toBeGreaterThan(admissionsPerSecond * 10);
      // Enough time for a second authority to serve and a third to be trusted, and for serving certificates between.
      expect(authorities.size).toBeGreaterThanOrEqual(3);
      expect(replicas[0]?.served.length).toBeGreaterThanOrEqual(4);
      expect((await trusted()).length).toBeLessThanOrEqual(2);
    } finally {
      balancer.close();
      await Promise.all(replicas.map((replica) => replica.stop()));
    }
  });
});

/** Whatever is served is valid and trusted at every moment. Returns the authorities that there have been. */
async function watchTrust(replicas: readonly Replica[], isOver: () => boolean): Promise<Set<string>> {
  const authorities = new Set<string>();
  while (!isOver()) {
    const serving = replicas.map(({ current }) => current);
    const now = await trusted();
    now.forEach((cert) => authorities.add(cert));
    for (const cert of serving) {
      expect(isSignedByOne(cert, now)).toBe(true);
      expect(Date.parse(new X509Certificate(cert).validTo)).toBeGreaterThan(Date.now());
    }
    expect(replicas.every(({ certificates }) => certificates.notReady() === undefined)).toBe(true);
    await delay(100);
  }
  return authorities;
}
