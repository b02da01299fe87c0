/** What the tests of a run have found, as a status has it. */
import type { CanaryStatus, ComparisonStatus } from "../../shared/core/objects/canary-status.ts";

const clientErrors =
  "the canary answers with 4xx more often than the primary by more than the margin of 5%: 12 of 12 requests (100.00%) against 2 of 100 requests (2.00%) (evidence 1000000, 1250 needed for 8% of alpha 0.01)";
export const slow =
  "the canary is slow more often than the primary by more than the margin of 1%: 12 of 40 requests (30.00%) against 2 of 360 requests (0.56%) took longer than 500ms (the limit of 450ms lies between two of the mesh's buckets), or were never answered (evidence 4031, 1000 needed for 10% of alpha 0.01)";
export const refused =
  "policy refuses users' requests to the canary more often than to the primary by more than the margin of 1%: 6 of 6 requests (100.00%) against 0 of 54 requests (0.00%) got 403 by the default policy (deny); at stable's pods Server shop and AuthorizationPolicy shop-callers let callers in; that Server selects by app=podinfo, which the canary's pods do not carry: select by a label that both have (evidence 1000000, 5000 needed for 2% of alpha 0.01)";

const counts = { canary: { requests: 12, failures: 0 }, primary: { requests: 100, failures: 1 } };
const logEvidence = [0, 0, 0, 0, 0];
export const compared: ComparisonStatus = {
  evidence: 0.86,
  ...counts,
  logEvidence,
  read: { epoch: 1, ...counts },
  clientErrors: {
    evidence: 1e6,
    canary: { requests: 12, clientErrors: 12 },
    primary: { requests: 100, clientErrors: 2 },
    logEvidence,
  },
  slow: {
    evidence: 0.93,
    boundMs: 500,
    canary: { requests: 12, slow: 0 },
    primary: { requests: 100, slow: 0 },
    logEvidence,
  },
  denied: { evidence: 0.95, canary: { requests: 12, denied: 0 }, primary: { requests: 100, denied: 0 }, logEvidence },
};

/** Where a test has taken the canary back. */
export const takenBack = (cause: string): Pick<CanaryStatus, "reason" | "next"> => ({
  reason: `Rolling back podinfo:1.7.1: ${cause}.`,
  next: "canary pods go when nobody sends to them",
});

/** Where the test of client errors holds it. */
export const heldForClientErrors: Pick<CanaryStatus, "reason" | "next"> = {
  reason: `Held for a person: ${clientErrors}. The mesh counts 4xx as success; whether the new version means them, only you know.`,
  next: "kubectl canary resume podinfo -n test accepts them, or kubectl canary promote podinfo -n test, or kubectl canary rollback podinfo -n test",
};

export const clientErrorsHold = {
  hold: "client-errors",
  clientErrors: { cause: clientErrors },
  comparison: compared,
} as const;
