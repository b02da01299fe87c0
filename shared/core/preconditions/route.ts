/** Whether the cluster can split traffic at all. */
import { httpRoute, trafficSplit } from "../objects/routes.ts";
import { routeKindOf } from "../spec/route-kind.ts";
import { kubectl, nameOf, type Cure, type Rule, type Rules, type SeenObjects } from "./finding.ts";

const routeKindMissing: Rule = (seen) => {
  const { canary, servedRoutes } = seen;
  if (!servedRoutes) return [];
  const provider = seen.provider ?? "auto";
  const choice = routeKindOf(canary ?? undefined, provider, servedRoutes);
  if ("kind" in choice) return [];
  const { problem } = choice;
  return [
    {
      level: "obstacle",
      what: `${problem[0]?.toUpperCase() ?? ""}${problem.slice(1)}`,
      evidence: `provider ${canary?.spec.provider ?? provider}; served: ${servedRoutes.join(", ") || `neither ${trafficSplit.kind} nor ${httpRoute.kind}`}`,
      cure: cureOf(seen),
    },
  ];
};

function cureOf({ servedRoutes = [], canary, namespace }: SeenObjects): Cure {
  if (canary && servedRoutes.includes(httpRoute.kind))
    return {
      run: kubectl(namespace, `patch canary ${nameOf(canary)} --type merge -p '{"spec":{"provider":"gatewayapi:v1"}}'`),
    };
  return {
    say: "install Linkerd's SMI extension (linkerd-smi) or the Gateway API CRDs, in the version that your Linkerd supports",
  };
}

export const routeRules = { "route-kind-missing": routeKindMissing } satisfies Rules;
