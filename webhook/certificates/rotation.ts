/**
 * When certificates are renewed. A new authority is first only trusted, and signs after everyone has had time to learn of
 * it; the one before stays trusted until every replica has taken the new serving certificate. So no moment refuses calls.
 */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { backdateMs, issueAuthority, issueServing, type Issued } from "./issue.ts";

/** What our Secret holds. */
export interface Material {
  authority: Issued;
  serving: Issued;
  /** Trusted, but not signing yet. */
  next?: Issued;
  /** Trusted still, PEM certificates. */
  old: readonly string[];
}

export interface Lifetimes {
  authorityMs: number;
  servingMs: number;
  /** How long an authority is trusted before it signs, and after it has ceased to. */
  overlapMs: number;
}

const dayMs = 86_400_000;
export const defaultLifetimes: Lifetimes = { authorityMs: 730 * dayMs, servingMs: 90 * dayMs, overlapMs: dayMs };

export interface RotationContext {
  /** ms since the epoch. */
  now: number;
  dnsNames: readonly [string, ...string[]];
  lifetimes: Lifetimes;
  /** Whether this PEM certificate is in every CA bundle that the API server uses. */
  isTrusted: (cert: string) => boolean;
}

/** Common name of our authorities; how bundles' certificates are known as ours. */
export const authorityName = (dnsNames: readonly [string, ...string[]]): string => `${dnsNames[0]} webhook CA`;

/** What the Secret should hold now: the argument itself if nothing changes, new certificates if it is missing or unreadable. */
export async function rotate(material: Material | undefined, context: RotationContext): Promise<Material> {
  if (!material) return create(context);
  if (!isUsable(material.authority, context.now)) return takeOver(material, context);
  const kept = await withNext(withoutOld(material, context), context);
  if (kept.next && mayTakeOver(kept.next, context)) return takeOver(kept, context);
  return needsServing(kept, context) ? { ...kept, serving: await serving(kept.authority, context) } : kept;
}

/** Every certificate that the API server must trust, as one PEM text; the signing one first. */
export function bundleOf(material: Material): string[] {
  return [material.authority.cert, ...(material.next ? [material.next.cert] : []), ...material.old];
}

/** ms until something may be due; 0 if it is now. */
export function dueInMs(material: Material, context: Pick<RotationContext, "now" | "lifetimes">): number {
  const { now, lifetimes } = context;
  const times = [renewalAt(material.serving), renewalAt(material.authority)];
  if (material.next) times.splice(1, 1, issuedAt(material.next) + lifetimes.overlapMs);
  if (material.old.length > 0) times.push(issuedAt(material.serving) + lifetimes.overlapMs);
  return Math.max(0, Math.min(...times) - now);
}

/** End of a PEM certificate's validity, ms since the epoch. Throws on what is no certificate. */
export const expiryOf = (cert: string): number => Date.parse(new X509Certificate(cert).validTo);

/** Moments in a certificate's life, ms since the epoch. */
export interface Validities {
  notAfter: number;
  /** When it must have been renewed, or something is wrong. */
  renewBy: number;
}

export function validityOf(issued: Pick<Issued, "cert">): Validities {
  const notAfter = expiryOf(issued.cert);
  const graceMs = Math.min(dayMs, (notAfter - issuedAt(issued)) / 12);
  return { notAfter, renewBy: renewalAt(issued) + graceMs };
}

/** After two thirds of its life, like cert-manager: time enough to notice that renewal fails. */
export const renewalAt = ({ cert }: Pick<Issued, "cert">): number =>
  issuedAt({ cert }) + ((expiryOf(cert) - issuedAt({ cert })) * 2) / 3;

// --- internal ---

async function create(context: RotationContext): Promise<Material> {
  const signer = await authority(context);
  return { authority: signer, serving: await serving(signer, context), old: [] };
}

/** The next authority signs from now on; without one that is usable, a new one does. */
async function takeOver(material: Material, context: RotationContext): Promise<Material> {
  const { next } = material;
  if (!next || !isUsable(next, context.now)) return create(context);
  const old = isUsable(material.authority, context.now) ? [material.authority.cert] : [];
  return { authority: next, serving: await serving(next, context), old };
}

function withoutOld(material: Material, context: RotationContext): Material {
  const isOver = material.old.length > 0 && age(material.serving, context) >= context.lifetimes.overlapMs;
  return isOver ? { ...material, old: [] } : material;
}

async function withNext(material: Material, context: RotationContext): Promise<Material> {
  const isNeeded = !material.next && isAging(material.authority, context.now);
  return isNeeded ? { ...material, next: await authority(context) } : material;
}

const authority = ({ now, dnsNames, lifetimes }: RotationContext): Promise<Issued> =>
  issueAuthority(authorityName(dnsNames), { now, lifetimeMs: lifetimes.authorityMs });

/** Does not outlive its signer. */
function serving(signer: Issued, { now, dnsNames, lifetimes }: RotationContext): Promise<Issued> {
  const lifetimeMs = Math.min(lifetimes.servingMs, expiryOf(signer.cert) - now);
  return issueServing(signer, dnsNames, { now, lifetimeMs });
}

const mayTakeOver = (next: Issued, context: RotationContext): boolean =>
  age(next, context) >= context.lifetimes.overlapMs && context.isTrusted(next.cert);

function needsServing({ serving: material, authority: signer }: Material, { now, dnsNames }: RotationContext): boolean {
  if (!isUsable(material, now) || isAging(material, now)) return true;
  const cert = new X509Certificate(material.cert);
  return !cert.verify(new X509Certificate(signer.cert).publicKey) || dnsNames.some((name) => !cert.checkHost(name));
}

/** A certificate that can be read, is valid now, and has its own key beside it. */
function isUsable({ cert, key }: Issued, now: number): boolean {
  try {
    const parsed = new X509Certificate(cert);
    return parsed.checkPrivateKey(createPrivateKey(key)) && Date.parse(parsed.validTo) > now;
  } catch {
    return false; // Whatever stands there instead of PEM is replaced.
  }
}

const isAging = (issued: Issued, now: number): boolean => now >= renewalAt(issued);

const issuedAt = ({ cert }: { cert: string }): number => Date.parse(new X509Certificate(cert).validFrom) + backdateMs;

const age = (issued: Issued, { now }: RotationContext): number => now - issuedAt(issued);
