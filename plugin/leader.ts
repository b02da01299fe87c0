/** Whether the controller is alive, read from its leader's Lease. */
import type { V1Lease } from "@kubernetes/client-node";

export interface ControllerView {
  /** `silent`: its Lease ran out. `unknown`: the Lease cannot be read. */
  state: "alive" | "silent" | "unknown";
  /** When the Lease was last renewed. */
  renewedAt: string | null;
  /** Whole seconds since then; null unless it is silent. */
  silentSeconds: number | null;
  holder: string | null;
}

const graceMs = 5_000;

/** `now` is the API server's clock where there is a doubt: a laptop's may be off by more than the Lease lasts. */
export function viewController(lease: V1Lease | undefined, now: number): ControllerView {
  const renewTime = lease?.spec?.renewTime;
  if (!renewTime) return { state: "unknown", renewedAt: null, silentSeconds: null, holder: null };
  const renewedMs = new Date(renewTime).getTime();
  const expiresMs = renewedMs + (lease.spec?.leaseDurationSeconds ?? 15) * 1_000 + graceMs;
  const silent = now > expiresMs;
  return {
    state: silent ? "silent" : "alive",
    renewedAt: new Date(renewedMs).toISOString(),
    silentSeconds: silent ? Math.round((now - renewedMs) / 1_000) : null,
    holder: lease.spec?.holderIdentity || null,
  };
}
