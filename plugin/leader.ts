/** Whether the controller is alive, read from its leader's Lease. */
import type { V1Lease } from "@kubernetes/client-node";

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
}

const notSeen = { renewedAt: null, silentSeconds: null, holder: null } as const;

const graceMs = 5_000;

/** Whether nobody decides anything, as far as is known. */
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
  };
}
