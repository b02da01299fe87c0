/** Objects that have one of our names and are not ours, and a route of ours that someone took a leaf from. */
import { isWithoutService, type Canary } from "../objects/canary.ts";
import { canaryLeaf, canaryName, label, primaryLeaf } from "../objects/names.ts";
import { costOfResting, type RouteObject, routerOf } from "../routes/routes.ts";
import { isForeign, kubectlIn, nameOf, type Rule, type Rules, type SeenObjects } from "./finding.ts";

/** A TrafficSplit is ours or in the way; an HTTPRoute of the user's is fine if it names both leaves: then we set weights only. */
export function isForeignRoute(canary: Canary, route: RouteObject, apexName: string): boolean {
  const isUsable = route.kind === "HTTPRoute" && routerOf(route).read(route, apexName) !== undefined;
  return isForeign(canary, route) && !isUsable;
}

const foreignObject: Rule = (seen) => {
  const { canary, namespace } = seen;
  const found = foreignIn(seen);
  if (!canary || found.length === 0) return [];
  const are = found.length === 1 ? "is" : "are";
  const names = found.map(({ kind, name }) => `${kind} ${name}`);
  return [
    {
      level: "obstacle",
      what: `${names.join(", ")} in ${namespace} ${are} not ours (no label ${label.canary}=${nameOf(canary)}): rename or delete, and this Canary goes on. Nothing is touched.`,
      evidence: `no label ${label.canary}=${nameOf(canary)}`,
      cure: {
        say: "rename, or",
        run: kubectlIn(namespace, `delete ${found.map(({ short, name }) => `${short}/${name}`).join(" ")}`),
      },
    },
  ];
};

interface Named {
  kind: string;
  short: string;
  name: string;
}

function foreignIn({ canary, workload, route, services = [], targetName, apexName }: SeenObjects): Named[] {
  if (!canary) return [];
  const leaves = isWithoutService(canary) ? [] : [primaryLeaf(apexName), canaryLeaf(apexName)];
  const foreign = leaves.filter((leaf) => services.some((one) => nameOf(one) === leaf && isForeign(canary, one)));
  return [
    ...(workload && isForeign(canary, workload)
      ? [{ kind: "Deployment", short: "deploy", name: canaryName(targetName) }]
      : []),
    ...foreign.map((name) => ({ kind: "Service", short: "svc", name })),
    ...(route && isForeignRoute(canary, route, apexName)
      ? [{ kind: route.kind, short: route.kind.toLowerCase(), name: apexName }]
      : []),
  ];
}

/** There is no weight to read or write. */
const brokenRoute: Rule = ({ canary, route, apexName, namespace }) => {
  if (!canary || !route || isForeign(canary, route)) return [];
  if (routerOf(route).read(route, apexName) !== undefined) return [];
  const leaves = [primaryLeaf(apexName), ...(route.kind === "TrafficSplit" ? [canaryLeaf(apexName)] : [])];
  const them = leaves.length > 1 ? "them" : "it";
  return [
    {
      level: "obstacle",
      what: `${route.kind} ${apexName} in ${namespace} no longer names ${leaves.join(" and ")}: put ${them} back, or delete it and it is made anew.`,
      evidence: `${route.kind} ${apexName} does not name ${leaves.join(" and ")}`,
      cure: {
        say: `put ${them} back, or`,
        run: kubectlIn(namespace, `delete ${routerOf(route).plural}.${routerOf(route).group} ${apexName}`),
      },
    },
  ];
};

/** A route of the user's that works, at a price. */
const idleCanaryNamed: Rule = ({ route, apexName, namespace }) => {
  const what = route && costOfResting(route, apexName);
  if (!what) return [];
  const { plural, group } = routerOf(route);
  return [
    {
      level: "warning",
      what,
      evidence: `${route.kind} ${nameOf(route)} without the label ${label.canary}, with backendRefs ${canaryLeaf(apexName)}`,
      cure: {
        say: "where it does nothing else, leave it to the controller, which makes one of its own",
        run: kubectlIn(namespace, `delete ${plural}.${group} ${nameOf(route)}`),
      },
    },
  ];
};

export const foreignRules = {
  "foreign-object": foreignObject,
  "route-broken": brokenRoute,
  "route-names-idle-canary": idleCanaryNamed,
} satisfies Rules;
