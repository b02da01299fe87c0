/** Stable's leaf reaches nobody although the target has ready pods: every request of the primary's share fails, and nothing else says so. */
import { primaryLeaf } from "../objects/names.ts";
import type { Observation } from "../observation.ts";
import type { Blocked, CanaryState } from "../state.ts";

/** Pods come and go, and EndpointSlices come after them: a moment without endpoints says nothing. */
const patienceMs = 30_000;

/** `blocked.code` of it. */
export const leafEmpty = "leaf-empty";

/** When it was first seen; undefined while stable is reached, or has no ready pod that could be. */
export function leafEmptySince({ leafEmptySince: since }: CanaryState, seen: Observation): number | undefined {
  const { primary } = seen.endpoints;
  const isEmpty = (seen.target?.readyPods ?? 0) > 0 && primary.ready === 0 && primary.isGone !== true;
  return isEmpty ? (since ?? seen.now) : undefined;
}

/** How long until it is believed; undefined where it is, or there is nothing to believe. */
export function emptyLeafDueMs(since: number | undefined, now: number): number | undefined {
  return since !== undefined && now - since < patienceMs ? since + patienceMs - now : undefined;
}

export function emptyLeaf(state: CanaryState, seen: Observation): Blocked | undefined {
  const since = leafEmptySince(state, seen);
  if (since === undefined || emptyLeafDueMs(since, seen.now) !== undefined) return undefined;
  const pods = seen.target?.readyPods ?? 0;
  const leaf = primaryLeaf(seen.apexName);
  const what = `Service ${leaf} reaches none of the ${pods} ready pod${pods === 1 ? "" : "s"} of Deployment ${seen.targetName}: stable's share of users' requests fails. Compare its selector and ports with the pods: kubectl -n ${seen.namespace} describe svc ${leaf}.`;
  return { kind: "obstacle", code: leafEmpty, what };
}
