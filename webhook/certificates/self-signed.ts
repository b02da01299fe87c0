/** Certificates of the controller's own making, kept in a Secret that it writes. Of several replicas one write wins. */
import type { X509Certificate } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import type { Logger } from "pino";
import { manager } from "../../shared/core/objects/names.ts";
import type { Clock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import {
  authorityName,
  bundleOf,
  dueInMs,
  expiryOf,
  renewalAt,
  rotate,
  type Lifetimes,
  type Material,
} from "./rotation.ts";
import type { CertificateState, CertificateSource } from "./source.ts";
import { decodeSecret, encodeSecret } from "./store.ts";

export interface OwnDeps {
  cluster: Cluster;
  clock: Clock;
  log: Logger;
}

export interface OwnOptions {
  namespace: string;
  secretName: string;
  dnsNames: readonly [string, ...string[]];
  lifetimes: Lifetimes;
}

export class OwnCertificates implements CertificateSource {
  private readonly deps: OwnDeps;
  private readonly options: OwnOptions;
  private material: Material | undefined;

  constructor(deps: OwnDeps, options: OwnOptions) {
    this.deps = deps;
    this.options = options;
  }

  async hold(secret: V1Secret | undefined, isTrusted: (cert: string) => boolean): Promise<CertificateState> {
    const { secretName, dnsNames, lifetimes } = this.options;
    const found = decodeSecret(secret);
    const material = await rotate(found, { now: this.deps.clock.wall(), dnsNames, lifetimes, isTrusted });
    if (material !== found) {
      await this.keep(secret, encodeSecret(material));
      this.deps.log.info({ secret: secretName }, "certificates renewed");
    }
    this.material = material;
    const { serving, authority } = material;
    return { serving, signers: [authority.cert], bundle: bundleOf(material), renewalAt: renewalAt(serving) };
  }

  dueInMs(): number {
    const { lifetimes } = this.options;
    return this.material ? dueInMs(this.material, { now: this.deps.clock.wall(), lifetimes }) : 0;
  }

  /** An authority of ours that the Secret no longer knows (it was deleted): other replicas may serve by it for a moment. */
  keeps(cert: X509Certificate): boolean {
    if (!this.isOurs(cert)) return true;
    const { lifetimes } = this.options;
    const issuedAt = this.material ? expiryOf(this.material.authority.cert) - lifetimes.authorityMs : 0;
    return this.deps.clock.wall() - issuedAt < lifetimes.overlapMs;
  }

  private isOurs(cert: X509Certificate): boolean {
    return cert.subject === `CN=${authorityName(this.options.dnsNames)}`;
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
}
