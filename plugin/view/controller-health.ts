/** Whether the controller is alive, read from its leader's Lease. */
import type { V1Lease } from "@kubernetes/client-node";
import { leaseAnnotation } from "../../shared/core/objects/names.ts";

/** Null where it is not there, undefined where it may not be read. */
export type SeenLease = V1Lease | null | undefined;

export interface ControllerView {
  /** `silent`: its Lease ran out. `missing`: it has none. `unknown`: the Lease cannot be read. */
  state: "alive" | "silent" | "missing" | "unknown";
  /** When the Lease was last renewed. */
  renewedAt: string | null;
  /** Whole seconds since then; null unless it is silent. */
  silentSeconds: number | null;
  holder: string | null;
  /** The only namespaces that it looks after; empty: all, as far as the Lease tells. */
  watchNamespaces: readonly string[];
  /** The webhook's serving certificate; null where the Lease does not tell. */
  certificate: CertificateView | null;
}

export interface CertificateView {
  /** `own`: the controller renews it. */
  issuer: string;
  expiresAt: string;
  /** Whole days; negative once it has expired. */
  daysLeft: number;
  /** When it must have been renewed, or something is wrong. */
  renewBy: string;
  overdue: boolean;
}

const notSeen = { renewedAt: null, silentSeconds: null, holder: null, watchNamespaces: [], certificate: null } as const;

const graceMs = 5_000;

/** Whether no controller is alive, as far as is known. */
export const isGone = ({ state }: ControllerView): boolean => state === "silent" || state === "missing";

/** `now` is the API server's clock where there is a doubt: a laptop's may be off by more than the Lease lasts. */
export function viewController(lease: SeenLease, now: number): ControllerView {
  if (lease === null) return { ...notSeen, state: "missing" };
  const { renewTime, leaseDurationSeconds = 15, holderIdentity } = lease?.spec ?? {};
  if (!renewTime) return { ...notSeen, state: "unknown" };
  const renewedMs = new Date(renewTime).getTime();
  const expiresMs = renewedMs + leaseDurationSeconds * 1_000 + graceMs;
  const silent = now > expiresMs;
  return {
    state: silent ? "silent" : "alive",
    renewedAt: new Date(renewedMs).toISOString(),
    silentSeconds: silent ? Math.round((now - renewedMs) / 1_000) : null,
    holder: holderIdentity || null,
    watchNamespaces: watchedBy(lease),
    certificate: viewCertificate(lease, now),
  };
}

/** What to be warned of; undefined while the certificate is renewed as it should be. */
export function certificateWarning({ certificate }: ControllerView): string | undefined {
  if (!certificate?.overdue) return undefined;
  const { issuer, renewBy, daysLeft, expiresAt } = certificate;
  const by = issuer === "own" ? "the controller" : issuer;
  const end =
    daysLeft < 0
      ? `it expired at ${expiresAt}, so the API server cannot ask the webhook`
      : `in ${days(daysLeft)} it expires, and the API server can no longer ask the webhook`;
  return `The webhook's certificate was to be renewed by ${by} before ${renewBy}, and was not: ${end}. See kubectl canary doctor.`;
}

export const days = (count: number): string => `${count} day${count === 1 ? "" : "s"}`;

/** Empty: all, or not known. */
export function watchedBy(lease: SeenLease): string[] {
  const text = lease?.metadata?.annotations?.[leaseAnnotation.watchNamespaces] ?? "";
  return text === "" ? [] : text.split(",");
}

// --- internal ---

function viewCertificate(lease: V1Lease | undefined, now: number): CertificateView | null {
  const notes = lease?.metadata?.annotations ?? {};
  const [expiresAt, renewBy] = [notes[leaseAnnotation.certificateExpires], notes[leaseAnnotation.certificateRenewBy]];
  if (!expiresAt || !renewBy) return null;
  return {
    issuer: notes[leaseAnnotation.certificateIssuer] ?? "own",
    expiresAt,
    daysLeft: Math.floor((Date.parse(expiresAt) - now) / 86_400_000),
    renewBy,
    overdue: now > Date.parse(renewBy),
  };
}
