/** What refused the canary's users, as far as Linkerd's policy objects tell. */
import { optional } from "../format/compact.ts";
import { serverNameOf } from "../objects/inbound-policy.ts";
import { selectorText } from "../selectors/selector.ts";
import { missedSelector, type TrackGuards } from "../objects/track-guards.ts";
import type { DeniedBy } from "./track-counts.ts";

/** What the proxies' series say of a refusal, with what the policy objects add. */
export function explainedDenial(denied: DeniedBy, guards: TrackGuards | undefined): DeniedBy {
  if (!guards?.stable.server || serverNameOf(guards.stable.server) === denied.server) return denied;
  const missed = missedSelector(guards);
  return {
    ...denied,
    stableServer: serverNameOf(guards.stable.server),
    ...optional("authorizationPolicy", guards.stable.letsIn[0]),
    ...optional("label", missed && selectorText(missed)),
  };
}
