/** Whether the cluster can split traffic at all. */
import { httpRoute, trafficSplit, voidingFilters } from "../objects/routes.ts";
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

/** Linkerd says that it has accepted such a route, and ignores it whole. */
const filterIgnored: Rule = ({ route, apexName, namespace }) => {
  const filters = route?.kind === httpRoute.kind ? voidingFilters(route) : [];
  if (filters.length === 0) return [];
  const { plural, group } = httpRoute;
  return [
    {
      level: "unfit",
      what: `HTTPRoute ${apexName} has the filter ${filters.join(" and ")}, which Linkerd cannot carry out: it ignores the whole route, and all requests go to stable. Take the filter out.`,
      evidence: `filters of HTTPRoute ${nameOf(route)}: ${filters.join(", ")}; its status says Accepted all the same`,
      cure: { say: "take it out", run: kubectl(namespace, `edit ${plural}.${group} ${nameOf(route)}`) },
    },
  ];
};

export const routeRules = {
  "route-kind-missing": routeKindMissing,
  "route-filter-ignored": filterIgnored,
} satisfies Rules;
