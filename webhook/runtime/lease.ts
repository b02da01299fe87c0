/**
 * The Lease that says who leads, as data: what is written into it, and when it counts as expired. Its timestamps are for
 * people; they come from another machine's clock and decide nothing.
 */
import { apiVersion, resource } from "../../shared/kube/resources.ts";

export interface LeaseSpec {
  /** Empty or absent: released. */
  holderIdentity?: string | null;
  leaseDurationSeconds?: number | null;
  acquireTime?: string | null;
  renewTime?: string | null;
  leaseTransitions?: number | null;
}

export interface Lease {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace: string;
    resourceVersion?: string;
    uid?: string;
    annotations?: Record<string, string>;
  };
  spec?: LeaseSpec | null;
}

export interface Claim {
  identity: string;
  leaseDurationMs: number;
  /** Milliseconds since 1970. */
  wall: number;
  /** What everyone may read beside it; others' annotations stay. */
  notes?: Readonly<Record<string, string>>;
}

export const holderOf = (lease: Lease | undefined): string => lease?.spec?.holderIdentity ?? "";

/** How long after its last change the Lease keeps others away: what its holder promised, else our own duration. */
export function durationMs(lease: Lease, ownMs: number): number {
  const promised = lease.spec?.leaseDurationSeconds ?? 0;
  return promised > 0 ? promised * 1000 : ownMs;
}

/** The Lease as a new or renewing holder writes it; keeps the resourceVersion, which is the write's precondition. */
export function claimed(lease: Lease, claim: Claim): Lease {
  const now = microTime(claim.wall);
  const renewing = holderOf(lease) === claim.identity;
  const { metadata } = lease;
  const annotations = { ...metadata.annotations, ...claim.notes };
  return {
    ...lease,
    metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata,
    spec: {
      ...lease.spec,
      holderIdentity: claim.identity,
      leaseDurationSeconds: Math.ceil(claim.leaseDurationMs / 1000),
      acquireTime: renewing ? (lease.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + (renewing ? 0 : 1),
    },
  };
}

/** The Lease as its holder leaves it to whoever comes next. */
export function released(lease: Lease, wall: number): Lease {
  return { ...lease, spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(wall) } };
}

export const emptyLease = (namespace: string, name: string): Lease => ({
  apiVersion: apiVersion(resource.leases),
  kind: resource.leases.kind,
  metadata: { namespace, name },
});

/** `metav1.MicroTime`, which insists on six digits. */
const microTime = (wall: number): string => new Date(wall).toISOString().replace(/Z$/, "000Z");
