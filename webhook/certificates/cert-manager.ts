/**
 * Certificates that cert-manager issues and renews: its Secret is read, and nothing is written but whom the API server
 * trusts. cert-manager's own injector would put the new CA in the place of the old one while replicas still serve by that.
 */
import { X509Certificate, createPrivateKey } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import type { Clock } from "../../shared/kube/clock.ts";
import { messageOf } from "../../shared/kube/errors.ts";
import { renewalAt } from "./rotation.ts";
import type { CertificateState, CertificateSource } from "./source.ts";
import { certificatesIn } from "./store.ts";

export interface IssuedElsewhere {
  secretName: string;
  dnsNames: readonly [string, ...string[]];
}

export class CertManagerCertificates implements CertificateSource {
  private readonly clock: Clock;
  private readonly options: IssuedElsewhere;

  constructor(clock: Clock, options: IssuedElsewhere) {
    this.clock = clock;
    this.options = options;
  }

  hold(secret: V1Secret | undefined): Promise<CertificateState | string> {
    return Promise.resolve(readIssued(secret, { ...this.options, now: this.clock.wall() }));
  }

  /** Nothing is: cert-manager's writes wake us. */
  dueInMs(): number {
    return Infinity;
  }

  /** Whatever signed before: which replica serves what is not known here. */
  keeps(): boolean {
    return true;
  }
}

/** A sentence for people where it holds no certificate that the API server could accept. */
export function readIssued(
  secret: V1Secret | undefined,
  { secretName, dnsNames, now }: IssuedElsewhere & { now: number },
): CertificateState | string {
  if (!secret) return `cert-manager has not written Secret ${secretName} yet: see its Certificate's conditions`;
  const [key, chain, authorities] = [text(secret, "tls.key"), text(secret, "tls.crt"), text(secret, "ca.crt")];
  const [certs, signers] = [certificatesIn(chain), certificatesIn(authorities)];
  const fault = faultOf({ certs, key, signers, host: dnsNames[0], now });
  if (fault) return `Secret ${secretName} of cert-manager ${fault}`;
  const serving = { cert: certs.join("\n"), key };
  return { serving, signers, bundle: signers, renewalAt: renewalAt(serving) };
}

// --- internal ---

interface Parts {
  certs: readonly string[];
  key: string;
  signers: readonly string[];
  host: string;
  now: number;
}

function faultOf(parts: Parts): string | undefined {
  const [leaf] = parts.certs;
  if (!leaf || !parts.key) return "holds no certificate yet";
  try {
    return faultOfServing(new X509Certificate(leaf), parts) ?? faultOfSigner(parts);
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}

function faultOfServing(serving: X509Certificate, { key, host, now }: Parts): string | undefined {
  if (!serving.checkPrivateKey(createPrivateKey(key))) return "has a key that is another certificate's";
  if (Date.parse(serving.validTo) <= now) return `has expired, on ${serving.validTo}`;
  return serving.checkHost(host) ? undefined : `is for ${serving.subjectAltName ?? "no name"}, not for ${host}`;
}

/** The last certificate of the chain is what a CA must have signed. */
function faultOfSigner({ certs, signers }: Parts): string | undefined {
  if (signers.length === 0) return "names no CA (ca.crt): use an issuer that does";
  const last = new X509Certificate(certs.at(-1) ?? "");
  const isSigned = signers.some((signer) => last.verify(new X509Certificate(signer).publicKey));
  return isSigned ? undefined : "was signed by none of its ca.crt";
}

const text = (secret: V1Secret, key: string): string => Buffer.from(secret.data?.[key] ?? "", "base64").toString();
