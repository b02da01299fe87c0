/** Certificates as they are kept in the cluster: in our Secret, and as CA bundles in webhook configurations. */
import { X509Certificate } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import type { Issued } from "./issue.ts";
import type { Material } from "./rotation.ts";

/** The part of either kind of webhook configuration that we read. */
export interface WebhookConfiguration {
  metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  webhooks?: { name: string; clientConfig?: { caBundle?: string } }[];
}

/** What the Secret holds; undefined if a part is missing. `rotate` says whether it is usable. */
export function decodeSecret(secret: V1Secret | undefined): Material | undefined {
  const authority = pair(secret, "ca");
  const serving = pair(secret, "tls");
  const next = pair(secret, "next-ca");
  if (!authority || !serving) return undefined;
  return { authority, serving, ...(next ? { next } : {}), old: certificatesIn(text(secret, "old-ca.crt")) };
}

/** Base64, as `data` of a Secret. Every key is ours: what is not set here is removed. */
export function encodeSecret(material: Material): Record<string, string> {
  const parts: Record<string, string> = {
    "ca.crt": material.authority.cert,
    "ca.key": material.authority.key,
    "tls.crt": material.serving.cert,
    "tls.key": material.serving.key,
    ...(material.next ? { "next-ca.crt": material.next.cert, "next-ca.key": material.next.key } : {}),
    ...(material.old.length > 0 ? { "old-ca.crt": material.old.join("\n") } : {}),
  };
  return Object.fromEntries(Object.entries(parts).map(([key, pem]) => [key, Buffer.from(pem).toString("base64")]));
}

/** Each PEM certificate in a text, in order. */
export function certificatesIn(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** The certificates that every webhook of every configuration trusts. */
export function trustedByAll(configurations: readonly WebhookConfiguration[]): Set<string> {
  const bundles = configurations.flatMap((one) => one.webhooks ?? []).map((webhook) => new Set(bundleIn(webhook)));
  const [first, ...rest] = bundles;
  return new Set([...(first ?? [])].filter((cert) => rest.every((bundle) => bundle.has(cert))));
}

/**
 * A strategic merge patch that makes every webhook trust `wanted`, and whatever `keep` says of what is trusted already;
 * undefined where that is so.
 */
export function bundlePatch(
  configuration: WebhookConfiguration,
  wanted: readonly string[],
  keep: (cert: X509Certificate) => boolean,
): object | undefined {
  const webhooks = (configuration.webhooks ?? []).flatMap((webhook) => {
    const present = bundleIn(webhook);
    const kept = present.filter((cert) => !wanted.includes(cert) && keep(new X509Certificate(cert)));
    const all = [...wanted, ...kept];
    // In whatever order: while two issuers' pods are there, each has its own before the other's.
    if (all.length === present.length && all.every((cert) => present.includes(cert))) return [];
    return [{ name: webhook.name, clientConfig: { caBundle: encodeBundle(all) } }];
  });
  return webhooks.length > 0 ? { webhooks } : undefined;
}

// --- internal ---

type Webhook = NonNullable<WebhookConfiguration["webhooks"]>[number];

/** Only what can be parsed: anything else in a bundle is overwritten. */
function bundleIn(webhook: Webhook): string[] {
  const pem = Buffer.from(webhook.clientConfig?.caBundle ?? "", "base64").toString();
  return certificatesIn(pem).filter((cert) => {
    try {
      // A certificate that signed itself is trusted as its own CA, whatever it calls itself.
      return new X509Certificate(cert).serialNumber !== "";
    } catch {
      return false; // PEM armour around something else.
    }
  });
}

const encodeBundle = (certs: readonly string[]): string => Buffer.from(`${certs.join("\n")}\n`).toString("base64");

function pair(secret: V1Secret | undefined, name: string): Issued | undefined {
  const [cert] = certificatesIn(text(secret, `${name}.crt`));
  const key = text(secret, `${name}.key`);
  return cert && key ? { cert, key } : undefined;
}

const text = (secret: V1Secret | undefined, key: string): string =>
  Buffer.from(secret?.data?.[key] ?? "", "base64").toString();
