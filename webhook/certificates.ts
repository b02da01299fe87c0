/**
 * Keeps the webhook's certificate: issues and renews it in our Secret, tells the API server whom to trust, and hands the
 * server what to serve. Every replica does all of it; preconditions on writes make one of them win, and watches tell the
 * others. At rest it makes no calls.
 */
import type { X509Certificate } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import type { Logger } from "pino";
import { manager } from "../shared/core/names.ts";
import { backoffMs } from "../shared/kube/backoff.ts";
import { pause } from "../shared/kube/clock.ts";
import type { Clock } from "../shared/kube/clock.ts";
import type { Cluster } from "../shared/kube/cluster.ts";
import { hasCode, messageOf } from "../shared/kube/errors.ts";
import { Reflector } from "../shared/kube/reflector.ts";
import { resource } from "../shared/kube/resources.ts";
import type { Resource } from "../shared/kube/resources.ts";
import type { Issued } from "./certificates/issue.ts";
import { authorityName, bundleOf, defaultLifetimes, dueInMs, expiryOf, rotate } from "./certificates/rotation.ts";
import type { Lifetimes, Material } from "./certificates/rotation.ts";
import { bundlePatch, decodeSecret, encodeSecret, trustedByAll } from "./certificates/store.ts";
import type { WebhookConfiguration } from "./certificates/store.ts";

export interface CertificateDeps {
  cluster: Cluster;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Logger;
  /** Called with what to serve, whenever that is something new. */
  serve: (certificate: Issued) => void;
}

export interface CertificateOptions {
  namespace: string;
  secretName: string;
  /** The first is the name that the API server asks for: `<service>.<namespace>.svc`. */
  dnsNames: readonly [string, ...string[]];
  mutatingConfiguration: string;
  validatingConfiguration: string;
  lifetimes?: Lifetimes;
}

/** The longest time without a look, so that a clock that was set does no lasting harm. */
const longestRestMs = 3_600_000;
const backoff = { firstMs: 200, capMs: 30_000 };

export class Certificates {
  private readonly deps: CertificateDeps;
  private readonly options: Required<CertificateOptions>;
  private readonly ending = new AbortController();
  private readonly secrets: Reflector<V1Secret>;
  private readonly configurations: readonly {
    resource: Resource;
    name: string;
    cache: Reflector<WebhookConfiguration>;
  }[];
  private material: Material | undefined;
  private served: string | undefined;
  private problem: string | undefined = "certificates are being set up";
  private waking = new AbortController();
  private running: Promise<void> | undefined;

  constructor(deps: CertificateDeps, options: CertificateOptions) {
    this.deps = deps;
    this.options = { lifetimes: defaultLifetimes, ...options };
    const { namespace, secretName, mutatingConfiguration, validatingConfiguration } = this.options;
    this.secrets = this.reflect<V1Secret>(resource.secrets, secretName, namespace);
    const kinds = [
      { resource: resource.mutatingWebhookConfigurations, name: mutatingConfiguration },
      { resource: resource.validatingWebhookConfigurations, name: validatingConfiguration },
    ];
    this.configurations = kinds.map((one) => ({ ...one, cache: this.reflect(one.resource, one.name) }));
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.ending.abort();
    this.waking.abort();
    await this.running;
    await Promise.all(this.reflectors().map((reflector) => reflector.stop()));
  }

  /** Why the API server cannot call this replica yet; undefined if it can. */
  notReady(): string | undefined {
    return this.problem;
  }

  /** Days until expiry; undefined before there is a certificate. */
  daysLeft(): { serving: number; authority: number } | undefined {
    if (!this.material) return undefined;
    const days = (cert: string): number => (expiryOf(cert) - this.deps.clock.wall()) / 86_400_000;
    return { serving: days(this.material.serving.cert), authority: days(this.material.authority.cert) };
  }

  private reflectors(): Reflector<never>[] {
    return [this.secrets, ...this.configurations.map(({ cache }) => cache)] as unknown as Reflector<never>[];
  }

  private async run(): Promise<void> {
    for (const reflector of this.reflectors()) reflector.start();
    const stopped = new Promise<void>((resolve) => this.ending.signal.addEventListener("abort", () => resolve()));
    await Promise.race([Promise.all(this.reflectors().map((reflector) => reflector.whenSynced())), stopped]);
    let failures = 0;
    while (!this.ending.signal.aborted) {
      this.waking = new AbortController();
      const { signal } = this.waking;
      try {
        await this.settle();
        failures = 0;
        await pause(this.deps.clock, this.restMs(), signal);
      } catch (error) {
        failures += 1;
        const waitMs = backoffMs(backoff, failures, this.deps.random);
        // Two replicas at once are no fault: the other's write wakes us.
        const isRace = hasCode(error, "Conflict", "AlreadyExists");
        this.deps.log[isRace ? "debug" : "warn"]({ error: messageOf(error), waitMs }, "certificates not settled");
        await pause(this.deps.clock, waitMs, signal);
      }
    }
  }

  private restMs(): number {
    const { lifetimes } = this.options;
    const due = this.material ? dueInMs(this.material, { now: this.deps.clock.wall(), lifetimes }) : 0;
    // Something due that waits for another replica or the API server is looked at again soon, not at once.
    return Math.min(Math.max(due, 1_000), longestRestMs);
  }

  /** One look at everything. Throws what the cluster throws; whatever was done stays done. */
  private async settle(): Promise<void> {
    const configurations = this.found();
    const trusted = trustedByAll(configurations.map(({ object }) => object));
    const material = await this.renewed((cert) => trusted.has(cert));
    if (!this.served) this.hand(material);
    const patched = await Promise.all(configurations.map((one) => this.trust(one, material)));
    const missing = this.configurations.length - patched.length;
    const isTrusted = trustedByAll(patched).has(material.authority.cert);
    // A certificate whose signer the API server does not know yet would only be refused: the one before goes on.
    if (isTrusted) this.hand(material);
    if (missing > 0)
      this.problem = `${missing} of our webhook configurations are not there: is the chart installed whole?`;
    else this.problem = isTrusted ? undefined : "the API server does not trust our certificate yet";
  }

  private async renewed(isTrusted: (cert: string) => boolean): Promise<Material> {
    const { namespace, secretName, dnsNames, lifetimes } = this.options;
    const secret = this.secrets.get(namespace, secretName);
    const held = decodeSecret(secret);
    const material = await rotate(held, { now: this.deps.clock.wall(), dnsNames, lifetimes, isTrusted });
    if (material !== held) {
      await this.keep(secret, encodeSecret(material));
      this.deps.log.info({ secret: secretName }, "certificates renewed");
    }
    this.material = material;
    return material;
  }

  private async keep(secret: V1Secret | undefined, data: Record<string, string>): Promise<void> {
    const { namespace, secretName: name } = this.options;
    const { cluster } = this.deps;
    if (secret) await cluster.replace(resource.secrets, { ...secret, data }, { fieldManager: manager });
    else {
      const metadata = { name, namespace, labels: { "app.kubernetes.io/managed-by": manager } };
      await cluster.create(resource.secrets, { metadata, type: "Opaque", data }, { fieldManager: manager });
    }
  }

  private hand({ serving }: Material): void {
    if (this.served === serving.cert) return;
    this.deps.serve(serving);
    this.served = serving.cert;
  }

  private found(): { resource: Resource; object: WebhookConfiguration }[] {
    return this.configurations.flatMap(({ resource: kind, name, cache }) => {
      const object = cache.get(undefined, name);
      return object ? [{ resource: kind, object }] : [];
    });
  }

  private async trust(
    { resource: kind, object }: { resource: Resource; object: WebhookConfiguration },
    material: Material,
  ): Promise<WebhookConfiguration> {
    const body = bundlePatch(object, bundleOf(material), (cert) => this.isPredecessor(cert, material));
    if (!body) return object;
    const { name, resourceVersion } = object.metadata;
    const written = await this.deps.cluster.patch<WebhookConfiguration>(
      kind,
      { name },
      {
        type: "strategic",
        // The precondition keeps a webhook that was just renamed or removed from coming back half.
        body: { ...body, metadata: { resourceVersion } },
        fieldManager: manager,
      },
    );
    this.deps.log.info({ configuration: name }, "CA bundle written");
    return written;
  }

  /** An authority of ours that the Secret no longer knows (it was deleted): other replicas may serve by it for a moment. */
  private isPredecessor(cert: X509Certificate, { authority }: Material): boolean {
    const now = this.deps.clock.wall();
    const { lifetimes, dnsNames } = this.options;
    const isYoung = now - (expiryOf(authority.cert) - lifetimes.authorityMs) < lifetimes.overlapMs;
    return isYoung && cert.subject === `CN=${authorityName(dnsNames)}` && Date.parse(cert.validTo) > now;
  }

  private reflect<T extends { metadata?: object }>(kind: Resource, name: string, namespace?: string): Reflector<T> {
    const { cluster, clock, random, log } = this.deps;
    return new Reflector<T>(
      { cluster, clock, random },
      {
        resource: kind,
        fieldSelector: `metadata.name=${name}`,
        ...(namespace === undefined ? {} : { namespace }),
        onChange: () => this.waking.abort(),
        onError: (error, waitMs) => log.warn({ error: error.message, waitMs, resource: kind.plural }, "watch broke"),
      },
    );
  }
}
