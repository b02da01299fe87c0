/** Which rules the route has beside its weights: derived from the state, so that a restart derives the same. */
import { optional } from "../format/compact.ts";
import type { AffinityRules, RouteRules } from "../objects/routing/rules.ts";
import type { AffinityPolicy } from "../spec/affinity.ts";
import type { Policy } from "../spec/policy.ts";
import type { CanaryState, Run } from "../state.ts";
import type { Observation } from "../observation.ts";
import { readyCanaries } from "./capacity.ts";

/** Undefined where there are none; nobody is sent to a canary without a ready pod. */
export function rulesFor(next: CanaryState, seen: Observation, policy: Policy): RouteRules | undefined {
  const { run } = next;
  if (!run) return undefined;
  const isOpen = run.ending === undefined && readyCanaries(run, seen) > 0;
  const isJudging = run.stage === "scaling" || run.stage === "analysing";
  const rules: RouteRules = {
    ...optional("only", onlyFor(next, run, seen)),
    ...optional("preview", isOpen && isJudging ? policy.preview : undefined),
    ...optional(
      "affinity",
      isOpen && (isJudging || run.stage === "promoting") ? affinityRules(next, run, policy) : undefined,
    ),
  };
  return Object.keys(rules).length === 0 ? undefined : rules;
}

// --- internal ---

/** Those that were given the weight keep it to themselves, whatever the spec says meanwhile; all need it where stable has nobody. */
function onlyFor(
  { weight }: CanaryState,
  { only, stage }: Run,
  { target, endpoints }: Observation,
): RouteRules["only"] {
  const isAlone = stage === "promoting" && (target?.mayLeaveNobody === true || endpoints.primary.ready === 0);
  return weight > 0 && !isAlone ? only : undefined;
}

/** At no weight and at all of it nobody is to be kept. */
function affinityRules({ weight }: CanaryState, run: Run, { affinity, weights }: Policy): AffinityRules | undefined {
  if (!affinity || weight === 0 || weight === 100) return undefined;
  const dealt = dealOf(run);
  const earlierWeight = Math.max(0, ...weights.filter((one) => one < weight));
  return {
    canary: { name: affinity.cookieName, value: dealt, attributes: affinity.attributes },
    primary: primaryCookie(affinity, { dealt, weight }),
    earlierWeight,
  };
}

function primaryCookie(
  { primaryCookieName: name, attributes }: AffinityPolicy,
  { dealt, weight }: { dealt: string; weight: number },
): AffinityRules["primary"] {
  const pattern = dealt.replaceAll(".", "\\.");
  return { name, value: `${dealt}.${weight}`, earlier: `${pattern}\\.[0-9]+`, attributes };
}

/** Whenever the canary can carry less than before, all users are divided anew: cookies of before are nobody's. */
function dealOf({ id, losses = 0, ceiling }: Run): string {
  return [id, ...(losses > 0 ? [`l${losses}`] : []), ...(ceiling === undefined ? [] : [`c${ceiling}`])].join(".");
}
