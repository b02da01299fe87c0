// The injector's serving certificate: self-signed, and itself the authority that the API server is told to trust.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const LIFETIME_MS = 365 * 24 * 3600 * 1000;
const RENEW_BEFORE_MS = 7 * 24 * 3600 * 1000;
// A clock that is a little behind must not find it from the future.
const BACKDATE_MS = 3600 * 1000;

export interface ServingCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** A new certificate for these DNS names. */
export async function newCertificate(names: readonly string[]): Promise<ServingCertificate> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${names[0] ?? ""}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - BACKDATE_MS),
    notAfter: new Date(Date.now() + LIFETIME_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { certificatePem: certificate.toString("pem"), keyPem: x509.PemConverter.encode(key, "PRIVATE KEY") };
}

/** Whether a certificate in PEM will still be good for a while. */
export function staysGood(certificatePem: string, now: Date): boolean {
  return new x509.X509Certificate(certificatePem).notAfter.getTime() - now.getTime() > RENEW_BEFORE_MS;
}
