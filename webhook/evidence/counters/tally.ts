/** What users got of one track since counting began, from what both sides count stretch by stretch. Pure. */
import { noCounts, type CountOrigin, type TrackCounts } from "../../../shared/core/analysis/track-counts.ts";
import {
  addSides,
  type BothSides,
  failedAttempts,
  nobody,
  retriedOf,
  type SideCounts,
  userRequests,
  type UserRequests,
} from "../../../shared/core/analysis/user-requests.ts";

/** What came between two readings. */
export interface Stretch extends Omit<BothSides, "retried"> {
  /** Requests from outside the mesh, answered or not. */
  asked: number;
  /** Attempts at either track that followed another one, and how many failed. */
  retries: number;
  failedAtEither: number;
}

export interface Tally {
  /** `at`: when it was read, ms. */
  add(stretch: Stretch, at: number): void;
  /** Each count only grows, and in no stretch are the bad requests more than the requests. */
  counts(): TrackCounts;
  /** Undefined before the first request. */
  origin(): CountOrigin | undefined;
}

export const emptyStretch: Stretch = {
  callers: nobody,
  pods: nobody,
  unmeshed: nobody,
  asked: 0,
  retries: 0,
  failedAtEither: 0,
};

export function addStretches(a: Stretch, b: Stretch): Stretch {
  return {
    callers: addSides(a.callers, b.callers),
    pods: addSides(a.pods, b.pods),
    unmeshed: addSides(a.unmeshed, b.unmeshed),
    asked: a.asked + b.asked,
    retries: a.retries + b.retries,
    failedAtEither: a.failedAtEither + b.failedAtEither,
  };
}

/**
 * `recentMs`: a request from outside the mesh that is younger may yet be answered, and of one that only callers know to have got a 4xx the
 * pods may yet say that policy refused it: it waits. Without a limit nothing is slow.
 */
export function createTally({ recentMs, boundMs }: { recentMs: number; boundMs?: number }): Tally {
  let sum = emptyStretch;
  let unanswered = 0;
  let clientErrors = 0;
  let past: { at: number; asked: number; clientErrors: number }[] = [];
  let shown = noCounts;
  let origin: CountOrigin | undefined;

  function lookBack(at: number): void {
    past.push({ at, asked: sum.asked, clientErrors: sum.callers.clientErrors });
    const old = past.filter((one) => one.at <= at - recentMs).at(-1);
    if (!old) return;
    past = past.filter((one) => one.at >= old.at);
    unanswered = Math.max(unanswered, old.asked - sum.unmeshed.answered);
    clientErrors = old.clientErrors;
  }

  return {
    counts: () => shown,
    origin: () => origin,
    add(stretch, at) {
      sum = addStretches(sum, stretch);
      lookBack(at);
      const { pods, unmeshed, retries, failedAtEither } = sum;
      const waiting = sum.callers.clientErrors - Math.max(clientErrors, saidByPods(sum));
      const callers = withoutClientErrors(sum.callers, waiting);
      const failed = failedAttempts(callers);
      const retried = Math.floor(retriedOf(retries, { failed, ofAll: failedAtEither }));
      const now = userRequests({ callers, pods, unmeshed: { ...unmeshed, unanswered }, retried });
      if (now.requests > 0) origin = { side: now.side, unanswered: now.unanswered };
      shown = grownTo(shown, boundMs === undefined ? { ...now, slow: 0 } : now);
    },
  };
}

/** Callers' client errors that the pods know of too, be it that the app answered so or that policy refused. */
function saidByPods({ callers, pods }: Stretch): number {
  return Math.min(callers.clientErrors, pods.clientErrors + pods.denied);
}

function withoutClientErrors(counts: SideCounts, some: number): SideCounts {
  return { ...counts, answered: counts.answered - some, clientErrors: counts.clientErrors - some };
}

/** Two sides' scrapes are moments apart, so a stretch may bring failures before the requests that they belong to: these wait for the next. */
function grownTo(before: TrackCounts, now: UserRequests): TrackCounts {
  const requests = Math.max(before.requests, now.requests);
  let room = requests - before.requests;
  const part = (key: "failures" | "denied" | "clientErrors"): number => {
    const more = Math.min(Math.max(0, now[key] - before[key]), room);
    room -= more;
    return before[key] + more;
  };
  const [failures, denied, clientErrors] = [part("failures"), part("denied"), part("clientErrors")];
  const slower = Math.min(Math.max(0, now.slow - before.slow), requests - before.requests);
  return { requests, failures, denied, clientErrors, slow: before.slow + slower };
}
