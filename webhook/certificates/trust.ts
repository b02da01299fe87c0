/**
 * Whether the API server can call this replica, and whether it may serve by what its Secret holds. An API server hears of a new CA some
 * time after it was written: a certificate that it does not know yet would only be refused. Pure; times are ms of the steady clock.
 */

/** What a replica remembers of whom the API server trusts. Certificates are PEM texts. */
export interface TrustState {
  /** Since when each has been seen to be trusted without a gap. */
  trustedSince: ReadonlyMap<string, number>;
  /** What was trusted before this replica came. */
  trustedBefore: ReadonlySet<string>;
  /** Ready once, a replica stays so: what it serves by a new CA is taken later than that. */
  wasReady: boolean;
}

export interface TrustSeen {
  now: number;
  /** By every webhook of every configuration of ours. */
  trusted: ReadonlySet<string>;
  /** Our MutatingWebhookConfiguration is there. */
  isAsked: boolean;
  /** What must be trusted before the current certificate is served. */
  signers: readonly string[];
  /** What is served expires in a moment, so that there is nothing to lose by serving another. */
  isSpent: boolean;
}

export interface TrustDecision {
  state: TrustState;
  /** To serve the current certificate. */
  serves: boolean;
  /** Why the API server cannot call this replica; undefined if it can. */
  problem: string | undefined;
}

/** How long every API server may take to hear of a CA that was written into a configuration. */
export const heardMs = 5_000;
/** How long a replica with a new CA stays unready, so that every API server learns of the CA before requests arrive. */
export const firstHeardMs = 1_000;

/** Of a replica that has just come, and found these trusted. */
export function firstTrust(trusted: ReadonlySet<string>): TrustState {
  return { trustedSince: new Map(), trustedBefore: trusted, wasReady: false };
}

export function decideTrust(before: TrustState, seen: TrustSeen): TrustDecision {
  const { now, trusted, signers, isAsked, isSpent } = seen;
  const trustedSince = new Map([...trusted].map((cert) => [cert, before.trustedSince.get(cert) ?? now]));
  const state = { ...before, trustedSince };
  const isTrusted = signers.every((cert) => trusted.has(cert));
  const isHeard = signers.every((cert) => now - (trustedSince.get(cert) ?? now) >= heardMs);
  const serves = isTrusted && (isHeard || isSpent);
  // The validating one only refuses and warns sooner than the status: without it Deployments are held all the same.
  if (!isAsked)
    return { state, serves, problem: "our MutatingWebhookConfiguration is not there: is the chart installed whole?" };
  if (!isTrusted) return { state, serves, problem: "the API server does not trust our certificate yet" };
  const wasReady = before.wasReady || isKnown(state, seen);
  const problem = wasReady ? undefined : "the API server may not have heard yet whom to trust";
  return { state: { ...state, wasReady }, serves, problem };
}

// --- internal ---

/** What signs was trusted before this replica came, or is for long enough. */
function isKnown({ trustedBefore, trustedSince }: TrustState, { now, signers }: TrustSeen): boolean {
  return signers.every((cert) => trustedBefore.has(cert) || now - (trustedSince.get(cert) ?? now) >= firstHeardMs);
}
