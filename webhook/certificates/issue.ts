/** Makes certificates: an authority of our own, and serving certificates that it signs. ECDSA on P-256, as PEM texts. */
// The library needs it loaded first, for its dependency injection.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate and its private key (PKCS #8), both PEM. */
export interface Issued {
  /** Without white space around it, so that equal certificates are equal texts. */
  cert: string;
  key: string;
}

export interface Validity {
  /** ms since the epoch. */
  now: number;
  lifetimeMs: number;
}

/** The certificate is valid from a little before it is made, for machines whose clocks are behind. */
export const backdateMs = 5 * 60_000;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate that signs others and itself. `name` becomes its common name. */
export async function issueAuthority(name: string, validity: Validity): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${name}`,
      ...span(validity),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { cert: cert.toString("pem").trim(), key: await pemOf(keys.privateKey) };
}

/** A certificate for a TLS server with these DNS names, the first being its common name. */
export async function issueServing(
  authority: Issued,
  dnsNames: readonly [string, ...string[]],
  validity: Validity,
): Promise<Issued> {
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.create(
    {
      subject: `CN=${dnsNames[0]}`,
      issuer: issuer.subject,
      ...span(validity),
      publicKey: keys.publicKey,
      signingKey: await signingKey(authority.key),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: "dns" as const, value }))),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { cert: cert.toString("pem").trim(), key: await pemOf(keys.privateKey) };
}

// --- internal ---

function span({ now, lifetimeMs }: Validity): { serialNumber: string; notBefore: Date; notAfter: Date } {
  return {
    // Positive and not zero, whatever the random bytes are.
    serialNumber: `01${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString("hex")}`,
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + lifetimeMs),
  };
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  return webcrypto.subtle.importKey("pkcs8", der ?? new ArrayBuffer(0), algorithm, false, ["sign"]);
}
