// The cluster's certificate authorities, certificates and tokens: made anew on every start, gone with the state directory.
import "reflect-metadata";
import { randomBytes, type webcrypto } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { network, nodeName } from "../layout.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const LIFETIME_MS = 365 * 24 * 3600 * 1000;
// Clocks in containers are the machine's, but a certificate from this very second has been refused before.
const BACKDATE_MS = 3600 * 1000;

interface Authority {
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: x509.X509Certificate;
}

/** A certificate to issue: `user` and `group` are what Kubernetes authenticates; `names` are DNS names and addresses. */
interface Request {
  readonly file: string;
  readonly user: string;
  readonly group?: string;
  readonly names?: readonly string[];
}

/** Users that the API server knows by token: name -> [user, groups]. */
export const tokenUsers = {
  admin: ["admin", "system:masters"],
  "kube-controller-manager": ["system:kube-controller-manager", ""],
  "kube-scheduler": ["system:kube-scheduler", ""],
  "kube-proxy": ["system:kube-proxy", ""],
  kubelet: [`system:node:${nodeName}`, "system:nodes"],
} as const;

export type TokenUser = keyof typeof tokenUsers;

/** Writes every key, certificate and token below `dir`, and returns the tokens and the authority's certificate as PEM. */
export async function writePki(dir: string): Promise<{ tokens: Record<TokenUser, string>; caPem: string }> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const [cluster, frontProxy] = await Promise.all([newAuthority("kubernetes"), newAuthority("front-proxy")]);
  await Promise.all([
    saveAuthority(dir, "ca", cluster),
    saveAuthority(dir, "front-proxy-ca", frontProxy),
    issue(dir, frontProxy, { file: "front-proxy", user: "front-proxy-client" }),
    issue(dir, cluster, { file: "apiserver", user: "kube-apiserver", names: apiServerNames }),
    issue(dir, cluster, { file: "apiserver-kubelet", user: "kube-apiserver", group: "system:masters" }),
    issue(dir, cluster, {
      file: "kubelet",
      user: `system:node:${nodeName}`,
      group: "system:nodes",
      names: [nodeName, network.nodeAddress],
    }),
    issue(dir, cluster, { file: "etcd", user: "etcd", names: ["localhost", "127.0.0.1"] }),
    saveServiceAccountKey(dir),
  ]);
  return { tokens: await writeTokens(dir), caPem: cluster.certificate.toString("pem") };
}

const apiServerNames = [
  "127.0.0.1",
  network.nodeAddress,
  network.apiServiceAddress,
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  `kubernetes.default.svc.${network.domain}`,
];

async function newAuthority(name: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { name, keys, certificate };
}

async function issue(dir: string, authority: Authority, request: Request): Promise<void> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const subject = [{ CN: [request.user] }, ...(request.group ? [{ O: [request.group] }] : [])];
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      ...(request.names ? [new x509.SubjectAlternativeNameExtension(request.names.map(alternativeName))] : []),
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
    ],
  });
  await Promise.all([
    writeFile(join(dir, `${request.file}.crt`), certificate.toString("pem")),
    savePrivateKey(join(dir, `${request.file}.key`), keys.privateKey),
  ]);
}

function alternativeName(name: string): { type: "ip" | "dns"; value: string } {
  return { type: /^[\d.]+$/.test(name) ? "ip" : "dns", value: name };
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + LIFETIME_MS) };
}

async function saveAuthority(dir: string, file: string, authority: Authority): Promise<void> {
  await Promise.all([
    writeFile(join(dir, `${file}.crt`), authority.certificate.toString("pem")),
    savePrivateKey(join(dir, `${file}.key`), authority.keys.privateKey),
  ]);
}

async function savePrivateKey(path: string, key: webcrypto.CryptoKey): Promise<void> {
  const pem = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
  await writeFile(path, pem, { mode: 0o600 });
}

async function saveServiceAccountKey(dir: string): Promise<void> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const publicPem = x509.PemConverter.encode(await crypto.subtle.exportKey("spki", keys.publicKey), "PUBLIC KEY");
  await Promise.all([
    savePrivateKey(join(dir, "service-account.key"), keys.privateKey),
    writeFile(join(dir, "service-account.pub"), publicPem),
  ]);
}

async function writeTokens(dir: string): Promise<Record<TokenUser, string>> {
  const names = Object.keys(tokenUsers) as TokenUser[];
  const tokens = Object.fromEntries(names.map((name) => [name, randomBytes(24).toString("hex")])) as Record<
    TokenUser,
    string
  >;
  const rows = names.map((name) => {
    const [user, groups] = tokenUsers[name];
    return `${tokens[name]},${user},${name},"${groups}"`;
  });
  await writeFile(join(dir, "tokens.csv"), `${rows.join("\n")}\n`, { mode: 0o600 });
  return tokens;
}
