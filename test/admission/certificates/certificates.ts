/** Replicas that keep certificates on a real API server, and admissions that need them: each with a TLS handshake of its own. */
import type { Server } from "node:https";
import { connect, createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { X509Certificate } from "node:crypto";
import type { V1Deployment, V1Secret } from "@kubernetes/client-node";
import { pino } from "pino";
import { annotation, label } from "../../../shared/core/objects/names.ts";
import { systemClock } from "../../../shared/kube/clock.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { issueAuthority, issueServing, type Issued } from "../../../webhook/certificates/issue.ts";
import type { CertificateIssuer } from "../../../webhook/certificates/source.ts";
import { trustedByAll, type WebhookConfiguration } from "../../../webhook/certificates/store.ts";
import { Certificates } from "../../../webhook/certificates/manager.ts";
import { createRecorder } from "../../../webhook/telemetry/recorder.ts";
import { createServer } from "../../../webhook/server.ts";
import { unmet, waitFor, type Unmet } from "../../cluster/wait.ts";

export const namespace = "default";
const host = "localhost";
const admissionsPerSecond = 50;
export const lifetimes = { authorityMs: 36_000, servingMs: 18_000, overlapMs: 5_000 };
/** The Secret of each issuer, as in the chart. */
const secretNames: Record<CertificateIssuer, string> = { own: "certificate", "cert-manager": "tls" };

export class Replica {
  readonly served: Issued[] = [];
  readonly certificates: Certificates;
  readonly server: Server;

  private constructor(cluster: Cluster, issuer: CertificateIssuer, stopgap: Issued) {
    const log = pino({ enabled: false });
    const canary = { ownAccounts: [] };
    const recorder = createRecorder({ version: "0.0.0", meshProvider: "auto" });
    this.server = createServer({ timers: systemClock, log, canary, recorder, notReady: () => [] }, stopgap);
    this.server.maxRequestsPerSocket = 1;
    const serve = (certificate: Issued): void => {
      this.served.push(certificate);
      this.server.setSecureContext(certificate);
    };
    this.certificates = new Certificates(
      { cluster, clock: systemClock, random: Math.random, log, serve },
      {
        ...{ issuer, namespace, secretName: secretNames[issuer], dnsNames: [host] },
        ...{ mutatingConfiguration: "mutating", validatingConfiguration: "validating" },
        // What cert-manager issues lives for longer: its signer stays trusted for as long as in production, in proportion.
        lifetimes: issuer === "own" ? lifetimes : { ...lifetimes, overlapMs: 60_000 },
      },
    );
    this.certificates.start();
  }

  static async start(cluster: Cluster, issuer: CertificateIssuer): Promise<Replica> {
    const stopgap = await issueAuthority("not ready", { now: Date.now(), lifetimeMs: 60_000 });
    const replica = new Replica(cluster, issuer, stopgap);
    await new Promise<void>((resolve) => replica.server.listen(0, "127.0.0.1", resolve));
    return replica;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get isReady(): boolean {
    return this.certificates.notReady() === undefined;
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
export async function balance(replicas: readonly Replica[]): Promise<TcpServer> {
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

/** Both kinds of configuration, whose webhooks are at this port. */
export async function createConfigurations(
  cluster: Cluster,
  port: number,
  issuer: CertificateIssuer = "own",
): Promise<void> {
  await Promise.all(["Mutating", "Validating"].map((kind) => createConfiguration(cluster, { kind, port, issuer })));
}

export async function createTarget(cluster: Cluster): Promise<void> {
  const labels = { app: "podinfo" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "podinfod", image: "podinfo:0" }] } };
  const metadata = { name: "podinfo", namespace, labels };
  const spec = { replicas: 0, selector: { matchLabels: labels }, template };
  const { metadata: made } = await cluster.create<V1Deployment>(resource.deployments, { metadata, spec });
  const body = { metadata: { labels: { [label.target]: made?.uid } } };
  await cluster.patch(resource.deployments, { namespace, name: "podinfo" }, { type: "merge", body });
}

/** One change of the template, which must be held; what went wrong, if anything. */
async function change(cluster: Cluster, index: number, inNamespace: string): Promise<string | undefined> {
  const spec = { paused: false, template: { metadata: { annotations: { change: String(index) } } } };
  const place = { namespace: inNamespace, name: "podinfo" };
  try {
    // A dry-run is admitted like any other write, and does not have to wait for the one before it to be stored.
    const patch = { type: "merge", body: { spec }, dryRun: true } as const;
    const written = await cluster.patch<V1Deployment>(resource.deployments, place, patch);
    return written.spec?.paused === true ? undefined : `change ${index} was not held`;
  } catch (error) {
    return `change ${index}: ${String(error)}`;
  }
}

/** A moment after the first pod is ready the API server knows whom to trust; on a cluster nobody is sent to it sooner. */
export async function untilTrusted(cluster: Cluster): Promise<void> {
  const look = async (): Promise<true | Unmet> => {
    const failure = await change(cluster, 0, namespace);
    return failure === undefined || unmet(failure);
  };
  await waitFor(look, 60_000, "the API server to trust the webhook", 10);
}

/** Changes the template 50 times a second until told to end; each change must be held, so the webhook was asked. `changed` is told of each. */
export async function changeUntil(
  cluster: Cluster,
  ended: () => boolean,
  { inNamespace = namespace, changed = () => undefined }: { inNamespace?: string; changed?: () => void } = {},
): Promise<{ changes: number; failures: string[] }> {
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  let changes = 0;
  for (; !ended(); await delay(1_000 / admissionsPerSecond)) {
    // A machine that is busy with something else is given time, not more to do.
    if (pending.size >= admissionsPerSecond) continue;
    const one: Promise<void> = change(cluster, changes++, inNamespace).then((failure) => {
      if (failure !== undefined) failures.push(failure);
      pending.delete(one);
      changed();
    });
    pending.add(one);
  }
  await Promise.all(pending);
  return { changes, failures };
}

/** What the API server trusts now. */
export async function trusted(cluster: Cluster): Promise<string[]> {
  const configurations = await Promise.all([
    cluster.get<WebhookConfiguration>(resource.mutatingWebhookConfigurations, { name: "mutating" }),
    cluster.get<WebhookConfiguration>(resource.validatingWebhookConfigurations, { name: "validating" }),
  ]);
  return [...trustedByAll(configurations)];
}

export const isSignedByOne = (cert: string, authorities: readonly string[]): boolean =>
  authorities.some((authority) => new X509Certificate(cert).verify(new X509Certificate(authority).publicKey));

/** Writes its Secret as cert-manager does: certificate, key and CA in one write, a new CA replacing the one before it. */
export class StandInIssuer {
  private readonly cluster: Cluster;
  authority: Issued | undefined;
  serving: Issued | undefined;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  async issue({ newAuthority }: { newAuthority: boolean }): Promise<void> {
    const validity = { now: Date.now(), lifetimeMs: 600_000 };
    if (newAuthority || !this.authority) this.authority = await issueAuthority("stand-in issuer", validity);
    this.serving = await issueServing(this.authority, [host], validity);
    const parts = { "tls.crt": this.serving.cert, "tls.key": this.serving.key, "ca.crt": this.authority.cert };
    const metadata = { name: secretNames["cert-manager"], namespace };
    const secret = { metadata, type: "kubernetes.io/tls", stringData: parts };
    const held = await this.cluster.list<V1Secret>(resource.secrets, { namespace });
    if (held.items.some((one) => one.metadata?.name === metadata.name))
      await this.cluster.patch(resource.secrets, metadata, { type: "merge", body: { stringData: parts } });
    else await this.cluster.create(resource.secrets, secret);
  }
}

// --- internal ---

async function createConfiguration(
  cluster: Cluster,
  { kind, port, issuer }: { kind: string; port: number; issuer: CertificateIssuer },
): Promise<void> {
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
  const annotations = { [annotation.certificateSecret]: secretNames[issuer] };
  await cluster.create(of, { metadata: { name: kind.toLowerCase(), annotations }, webhooks });
}
