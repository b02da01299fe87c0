/**
 * Keeps the webhook's certificate: takes it from its source (our own making, or cert-manager's), tells the API server whom
 * to trust, and hands the server what to serve. Every replica does all of it; preconditions on writes make one of them
 * win, and watches tell the others. At rest it makes no calls.
 */
import { X509Certificate } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import type { Logger } from "pino";
import { annotation, manager } from "../../shared/core/objects/names.ts";
import { backoffMs } from "../../shared/kube/backoff.ts";
import { pause, type Clock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode, messageOf } from "../../shared/kube/errors.ts";
import { Reflector } from "../../shared/kube/reflector.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import { CertManagerCertificates } from "./cert-manager.ts";
import type { Issued } from "./issue.ts";
import { OwnCertificates } from "./self-signed.ts";
import { defaultLifetimes, expiryOf, validityOf, type Lifetimes, type Validities } from "./rotation.ts";
import type { CertificateIssuer, CertificateState, CertificateSource } from "./source.ts";
import { decideTrust, firstHeardMs, firstTrust, heardMs, type TrustState } from "./trust.ts";
import { bundlePatch, trustedByAll, type WebhookConfiguration } from "./store.ts";

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
  /** Who issues and renews; default: we do. */
  issuer?: CertificateIssuer;
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
  private readonly source: CertificateSource;
  private readonly ending = new AbortController();
  private readonly secrets: Reflector<V1Secret>;
  private readonly configurations: readonly {
    resource: Resource;
    name: string;
    cache: Reflector<WebhookConfiguration>;
  }[];
  private current: CertificateState | undefined;
  private served: Issued | undefined;
  private problem: string | undefined = "certificates are being set up";
  private lack: string | undefined;
  private trustState: TrustState | undefined;
  /** When, by the steady clock, each certificate was first seen in a bundle unwanted. */
  private readonly unwantedSince = new Map<string, number>();
  private waking = new AbortController();
  private running: Promise<void> | undefined;

  constructor(deps: CertificateDeps, options: CertificateOptions) {
    this.deps = deps;
    this.options = { lifetimes: defaultLifetimes, issuer: "own", ...options };
    const { issuer, namespace, secretName, mutatingConfiguration, validatingConfiguration } = this.options;
    this.source =
      issuer === "own"
        ? new OwnCertificates(deps, this.options)
        : new CertManagerCertificates(deps.clock, this.options);
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

  /** Of what is served; undefined before there is a certificate. */
  validity(): Validities | undefined {
    return this.served && validityOf(this.served);
  }

  /** Days until what is served expires; undefined before there is a certificate. */
  daysLeft(): number | undefined {
    return this.served && (expiryOf(this.served.cert) - this.deps.clock.wall()) / 86_400_000;
  }

  private reflectors(): Reflector<never>[] {
    return [this.secrets, ...this.configurations.map(({ cache }) => cache)] as unknown as Reflector<never>[];
  }

  private async run(): Promise<void> {
    for (const reflector of this.reflectors()) reflector.start();
    await this.filled();
    let failures = 0;
    while (!this.ending.signal.aborted) {
      this.waking = new AbortController();
      const { signal } = this.waking;
      try {
        await this.update();
        failures = 0;
        await pause(this.deps.clock, this.restMs(), signal);
      } catch (error) {
        failures += 1;
        const waitMs = backoffMs(backoff, failures, this.deps.random);
        // Two replicas at once are no fault: the other's write wakes us.
        const isRace = hasCode(error, "Conflict", "AlreadyExists");
        this.deps.log[isRace ? "debug" : "warn"]({ error: messageOf(error), waitMs }, "certificates not updated");
        await pause(this.deps.clock, waitMs, signal);
      }
    }
  }

  /** Reading the validating configuration has a deadline: no change depends on it. */
  private async filled(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.ending.signal.addEventListener("abort", () => resolve()));
    const synced = this.reflectors().map((reflector) => reflector.whenSynced());
    const needed = Promise.all([...synced.slice(0, 2), pause(this.deps.clock, firstHeardMs, this.ending.signal)]);
    await Promise.race([Promise.all(synced), needed, stopped]);
  }

  private restMs(): number {
    const isWaiting = this.current !== undefined && (this.served?.cert !== this.current.serving.cert || !!this.problem);
    // Something due that waits for another replica or the API server is looked at again soon, not at once.
    return isWaiting ? 1_000 : Math.min(Math.max(this.source.dueInMs(), 1_000), longestRestMs);
  }

  /** One look at everything. Throws what the cluster throws; whatever was done stays done. */
  private async update(): Promise<void> {
    const configurations = this.found();
    const trusted = trustedByAll(configurations.map(({ object }) => object));
    const before = (this.trustState ??= firstTrust(trusted));
    const { namespace, secretName } = this.options;
    const found = await this.source.hold(this.secrets.get(namespace, secretName), (cert) => trusted.has(cert));
    this.say(typeof found === "string" ? found : undefined);
    if (typeof found !== "string") this.current = found;
    const { current } = this;
    if (!current) return void (this.problem = this.lack);
    if (!this.served) this.serve(current);
    for (const cert of current.bundle) this.unwantedSince.delete(new X509Certificate(cert).fingerprint256);
    const patched = await Promise.all(configurations.map((one) => this.trust(one, current)));
    const isAsked = configurations.some((one) => one.resource === resource.mutatingWebhookConfigurations);
    const { signers } = current;
    const seen = {
      now: this.deps.clock.now(),
      trusted: trustedByAll(patched),
      isAsked,
      signers,
      isSpent: this.isSpent(),
    };
    const { state, serves, problem } = decideTrust(before, seen);
    this.trustState = state;
    if (serves) this.serve(current);
    this.problem = problem;
    this.warnIfOverdue();
  }

  /** Whether there is nothing to lose by serving another. */
  private isSpent(): boolean {
    return !this.served || expiryOf(this.served.cert) - this.deps.clock.wall() < 2 * heardMs;
  }

  private serve({ serving }: CertificateState): void {
    if (this.served?.cert === serving.cert) return;
    this.deps.serve(serving);
    this.served = serving;
    const { serialNumber, validTo } = new X509Certificate(serving.cert);
    this.deps.log.info({ serialNumber, validTo }, "serving certificate taken");
  }

  /** Once for each thing that is wrong with the Secret. */
  private say(lack: string | undefined): void {
    if (lack !== undefined && lack !== this.lack) this.deps.log.warn({ reason: lack }, "no certificate to be had");
    this.lack = lack;
  }

  private warnIfOverdue(): void {
    const validity = this.validity();
    if (!validity || this.deps.clock.wall() < validity.renewBy) return;
    const [renewBy, notAfter] = [validity.renewBy, validity.notAfter].map((at) => new Date(at).toISOString());
    this.deps.log.warn({ renewBy, notAfter, issuer: this.options.issuer }, "the certificate's renewal is overdue");
  }

  private found(): { resource: Resource; object: WebhookConfiguration }[] {
    return this.configurations.flatMap(({ resource: kind, name, cache }) => {
      const object = cache.get(undefined, name);
      return object ? [{ resource: kind, object }] : [];
    });
  }

  private async trust(
    { resource: kind, object }: { resource: Resource; object: WebhookConfiguration },
    current: CertificateState,
  ): Promise<WebhookConfiguration> {
    const body = bundlePatch(object, current.bundle, (cert) => this.isKept(cert, current, object));
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

  /**
   * What signed before, or another issuer's while the chart goes from one to the other: replicas may serve by it, until
   * all of them have had time to take what is new.
   */
  private isKept(cert: X509Certificate, current: CertificateState, { metadata }: WebhookConfiguration): boolean {
    const { clock } = this.deps;
    if (Date.parse(cert.validTo) <= clock.wall()) return false;
    // The chart goes over to another Secret: what is trusted is for those who come after us to clear up.
    if ((metadata.annotations?.[annotation.certificateSecret] ?? this.options.secretName) !== this.options.secretName)
      return true;
    if (!this.source.keeps(cert, current)) return false;
    const since = this.unwantedSince.get(cert.fingerprint256) ?? clock.now();
    this.unwantedSince.set(cert.fingerprint256, since);
    return clock.now() - since < this.options.lifetimes.overlapMs;
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
