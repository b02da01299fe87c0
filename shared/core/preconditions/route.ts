/** Whether the cluster can split traffic at all. */
import { isWithoutService, type AnalysisSpec, type GatewayRef } from "../objects/canary.ts";
import { fieldsWritten } from "../objects/made/from-spec.ts";
import { httpRoute, isOurRoute, trafficSplit, voidingFilters } from "../routes/routes.ts";
import { quoted } from "../spec/references.ts";
import { routeKindOf } from "../spec/route-kind.ts";
import { leavesRequestsOut, routeOnlyFields, voidingFields } from "../spec/service-settings.ts";
import { kubectlIn, nameOf, type Cure, type Rule, type Rules, type SeenObjects } from "./finding.ts";

const routeKindMissing: Rule = (seen) => {
  const { canary, servedRoutes } = seen;
  const provider = seen.provider ?? "auto";
  const problem = routeProblem(seen);
  if (!servedRoutes || problem === undefined) return [];
  return [
    {
      level: "obstacle",
      what: `${problem[0]?.toUpperCase() ?? ""}${problem.slice(1)}`,
      evidence: `provider ${canary?.spec.provider ?? provider}; served: ${servedRoutes.join(", ") || `neither ${trafficSplit.kind} nor ${httpRoute.kind}`}`,
      cure: cureOf(seen),
    },
  ];
};

function routeProblem({ canary, servedRoutes, provider = "auto" }: SeenObjects): string | undefined {
  if (!servedRoutes || (canary && isWithoutService(canary))) return undefined;
  const choice = routeKindOf(canary ?? undefined, provider, servedRoutes);
  return "kind" in choice ? undefined : choice.problem;
}

function cureOf({ servedRoutes = [], canary, namespace }: SeenObjects): Cure {
  if (canary && servedRoutes.includes(httpRoute.kind))
    return {
      run: kubectlIn(
        namespace,
        `patch canary ${nameOf(canary)} --type merge -p '{"spec":{"provider":"gatewayapi:v1"}}'`,
      ),
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
      cure: { say: "take it out", run: kubectlIn(namespace, `edit ${plural}.${group} ${nameOf(route)}`) },
    },
  ];
};

/** The controller may make routes where the Canary's author may not: none that reaches beyond the author's namespace. */
const foreignParent: Rule = (seen) => {
  const { canary, allowGateways, namespace } = seen;
  if (!canary || allowGateways !== false || !makesHttpRoute(seen)) return [];
  const { gatewayRefs = [] } = { ...canary.spec.service };
  const foreign = gatewayRefs.filter((ref) => !isOwnService(ref, namespace)).map((ref) => parentText(ref, namespace));
  if (foreign.length === 0) return [];
  return [
    {
      level: "obstacle",
      what: `spec.service.gatewayRefs names ${foreign.join(", ")}: the parents of a Canary's route are Services (group core) of its own namespace, unless the chart allows others (routes.allowGateways). Nothing is touched.`,
      evidence: `routes.allowGateways is false; the spec of Canary ${nameOf(canary)}`,
      cure: {
        say: "set the chart's routes.allowGateways, or",
        run: kubectlIn(namespace, `edit canary ${nameOf(canary)}`),
      },
    },
  ];
};

/** False also where that is not known. A route of the user's own is used with the parents that it has. */
function makesHttpRoute(seen: SeenObjects): boolean {
  const { route } = seen;
  if (route && !isOurRoute(route)) return false;
  return routeKindIn(seen) === httpRoute.kind;
}

function isOwnService({ group = httpRoute.group, kind, namespace }: GatewayRef, own: string): boolean {
  return kind === "Service" && ["", "core"].includes(group) && (namespace ?? own) === own;
}

function parentText({ group = httpRoute.group, kind = "Gateway", name, namespace }: GatewayRef, own: string): string {
  return `${kind} ${namespace ?? own}/${name} of group ${group || "core"}`;
}

/** Where nothing is to blame or to be changed but the Canary. */
function inSpec({ canary, namespace }: SeenObjects): { evidence: string; cure: Cure } {
  const name = nameOf(canary);
  return { evidence: `the spec of Canary ${name}`, cure: { run: kubectlIn(namespace, `edit canary ${name}`) } };
}

/** Its author means an HTTPRoute, and gets what callers do not follow without a restart. */
const routeFieldsUnread: Rule = (seen) => {
  const { canary, namespace, apexName } = seen;
  const fields = canary ? routeOnlyFields(canary.spec.service) : [];
  if (!canary || fields.length === 0 || routeKindIn(seen) !== trafficSplit.kind) return [];
  const { provider } = canary.spec;
  const why = provider ? `spec.provider is ${provider}` : "the chart's provider";
  const patch = `'{"spec":{"provider":"gatewayapi:v1"}}'`;
  const are = fields.length === 1 ? "is" : "are";
  const timeouts = fields.some((field) => /timeout$/i.test(field))
    ? `, or annotate Service ${apexName} with timeout.linkerd.io/request`
    : "";
  return [
    {
      level: "warning",
      what: `${fields.join(", ")} ${are} not carried out: the route is a TrafficSplit (${why}), which has no such thing. Set provider: gatewayapi:v1 for an HTTPRoute${timeouts}, or leave ${fields.length === 1 ? "it" : "them"} out.`,
      evidence: `the spec of Canary ${nameOf(canary)}`,
      cure: { run: kubectlIn(namespace, `patch canary ${nameOf(canary)} --type merge -p ${patch}`) },
    },
  ];
};

/** The API server leaves out what the cluster's definition of a route does not know, and says nothing. */
const timeoutsDropped: Rule = ({ route, apexName, namespace }) => {
  if (!route || !isOurRoute(route) || !fieldsWritten(route).includes("timeouts")) return [];
  if (JSON.stringify(route.spec).includes('"timeouts":')) return [];
  return [
    {
      level: "warning",
      what: `HTTPRoute ${apexName} was written with the timeouts of spec.service and has none: this cluster's definition of HTTPRoute does not know them. Annotate Service ${apexName} with timeout.linkerd.io/request, or install a newer Gateway API.`,
      evidence: `rules of HTTPRoute ${nameOf(route)}`,
      cure: { run: kubectlIn(namespace, `annotate svc ${apexName} timeout.linkerd.io/request=5s`) },
    },
  ];
};

/** A route with conditions has Linkerd answer 404 to whoever meets none; all others would get the canary too. */
const matchImpossible: Rule = (seen) => {
  const { canary, apexName } = seen;
  if (!canary || !leavesRequestsOut(canary.spec.service)) return [];
  const ways = `For a canary that some requests alone get there is analysis.match; for conditions on all of them write an HTTPRoute ${apexName} of your own that names both tracks, and its weights alone are set`;
  const isMade = makesHttpRoute(seen);
  return [
    {
      level: isMade ? "obstacle" : "warning",
      what: isMade
        ? `spec.service.match would keep requests from ${apexName} that meet none of its conditions, and the HTTPRoute that is made here takes every request. ${ways}. Nothing is touched while the Canary has it.`
        : `spec.service.match is not carried out: every request is divided by weight. ${ways}.`,
      ...inSpec(seen),
      ...(isMade ? { fields: ["spec.service.match"] } : {}),
    },
  ];
};

/** Flagger writes them into an HTTPRoute, and leaves them out of a TrafficSplit. */
const filterImpossible: Rule = (seen) =>
  voidingFields(seen.canary?.spec.service).map(({ path, does, instead }) => {
    const isMade = makesHttpRoute(seen);
    const why = `is not carried out: Linkerd ignores a whole route that ${does}`;
    return {
      level: isMade ? "obstacle" : "warning",
      what: isMade
        ? `${path} ${why}, and nobody would get the canary. Leave it out: ${instead}. Nothing is touched while the Canary has it.`
        : `${path} ${why}. Leave it out: ${instead}.`,
      ...inSpec(seen),
      ...(isMade ? { fields: [path] } : {}),
    };
  });

/** An HTTPRoute of ours that the Service's callers in the mesh follow. */
function isOnService(seen: SeenObjects): boolean {
  const { canary, apexName, namespace } = seen;
  const { gatewayRefs = [] } = { ...canary?.spec.service };
  const isParent = (ref: GatewayRef): boolean => isOwnService(ref, namespace) && ref.name === apexName;
  return (gatewayRefs.length === 0 || gatewayRefs.some(isParent)) && makesHttpRoute(seen);
}

/** Linkerd looks for a route by the host that a request names, and answers 404 where no route of the Service has it. */
const hostsAstray: Rule = (seen) => {
  const { canary, route, apexName, namespace } = seen;
  const { hosts = [] } = { ...canary?.spec.service };
  const domains = ["", `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`];
  const names = domains.map((domain) => apexName + domain);
  if (hosts.length === 0 || names.some((name) => hosts.includes(name)) || !isOnService(seen)) return [];
  const isSo = JSON.stringify(route?.spec["hostnames"]) === JSON.stringify(hosts);
  const rest = isSo ? "The route has them already" : "Nothing is touched while the Canary has it so";
  return [
    {
      level: isSo ? "warning" : "obstacle",
      what: `spec.service.hosts has no name by which callers know Service ${apexName}: Linkerd answers 404 to requests for any host but ${hosts.join(", ")}. Add those names (${names.join(", ")}), or leave hosts out. ${rest}.`,
      ...inSpec(seen),
      evidence: `the spec of Canary ${nameOf(canary)}, and Service ${apexName} as the route's parent`,
      ...(isSo ? {} : { fields: ["spec.service.hosts"] }),
    },
  ];
};

/** For one expression that it cannot read, Linkerd leaves out the whole route, and every request goes to stable. */
const matchUnreadable: Rule = (seen) => {
  const { canary, isPattern } = seen;
  if (!canary || !isPattern) return [];
  const faults = (canary.spec.analysis.match ?? []).flatMap(({ headers = {}, queryParams = {} }, index) =>
    [...Object.entries(headers), ...Object.entries(queryParams)].flatMap(([name, { regex }]) =>
      regex === undefined || isPattern(regex) ? [] : [{ field: `spec.analysis.match[${index}] ${name}`, regex }],
    ),
  );
  return faults.map(({ field, regex }) => ({
    level: "obstacle",
    what: `${field}: ${quoted(regex)} is no regular expression that Linkerd's proxies know (no look-around, no back reference): Linkerd would ignore the whole route, and nobody would get the canary. Nothing is touched until it is corrected.`,
    ...inSpec(seen),
    fields: [field],
  }));
};

/** What of a spec is carried out by rules of a route that only an HTTPRoute of ours can have. */
function ruledFields({ match = [], preview, sessionAffinity }: AnalysisSpec): string[] {
  const asked: [boolean, string][] = [
    [match.length > 0, "match"],
    [preview !== undefined, "preview"],
    [sessionAffinity !== undefined, "sessionAffinity"],
  ];
  return asked.flatMap(([isAsked, field]) => (isAsked ? [`spec.analysis.${field}`] : []));
}

/** A TrafficSplit knows weights alone; a route of the user's own keeps its user's rules. Everybody would get the canary for the few who are meant. */
const rulesImpossible: Rule = (seen) => {
  const { canary, route, apexName, namespace } = seen;
  const fields = ruledFields(canary?.spec.analysis ?? {});
  if (fields.length === 0) return [];
  const asked = `${fields.join(" and ")} ${fields.length === 1 ? "needs" : "need"} rules in an HTTPRoute`;
  const { plural, group } = httpRoute;
  if (routeKindIn(seen) === trafficSplit.kind) {
    const patch = `'{"spec":{"provider":"gatewayapi:v1"}}'`;
    return [
      {
        level: "obstacle",
        what: `${asked}, and the route is a TrafficSplit, which knows weights alone: set provider gatewayapi:v1. Nothing is touched until then.`,
        evidence: `the spec of Canary ${nameOf(canary)}`,
        cure: { run: kubectlIn(namespace, `patch canary ${nameOf(canary)} --type merge -p ${patch}`) },
        fields,
      },
    ];
  }
  if (!route || route.kind !== httpRoute.kind || isOurRoute(route)) return [];
  return [
    {
      level: "obstacle",
      what: `${asked}, and HTTPRoute ${apexName} is your own, whose rules are not touched: delete it, and one of ours takes its place, or write the rule there yourself and leave ${fields.join(" and ")} out.`,
      evidence: `HTTPRoute ${nameOf(route)} is not ours`,
      cure: { run: kubectlIn(namespace, `delete ${plural}.${group} ${nameOf(route)}`) },
    },
  ];
};

/** Where the cluster is not known, what the Canary's own text is enough to tell. */
function routeKindIn({ canary, provider = "auto", servedRoutes }: SeenObjects): string | undefined {
  const asked = canary?.spec.provider ?? "";
  if (!servedRoutes && !/^(linkerd$|smi:|gatewayapi:)/.test(asked)) return undefined;
  const choice = routeKindOf(canary ?? undefined, provider, servedRoutes ?? [trafficSplit.kind, httpRoute.kind]);
  return "kind" in choice ? choice.kind : undefined;
}

/** Its author may take the weights for a share of connections. */
const connectionsUndivided: Rule = (seen) => {
  const { canary, apexName, namespace } = seen;
  if (!canary?.spec.service || canary.spec.analysis.requests !== "none") return [];
  if (routeKindIn(seen) !== httpRoute.kind) return [];
  const patch = `'{"spec":{"provider":"linkerd"}}'`;
  return [
    {
      level: "warning",
      what: `The HTTPRoute of Service ${apexName} divides HTTP requests alone: connections of an opaque port, or of another protocol, all go to stable's pods. A TrafficSplit (provider: linkerd) divides connections; a worker that nobody sends to needs no spec.service.`,
      evidence: `spec.analysis.requests of Canary ${nameOf(canary)} is none, and its route an HTTPRoute`,
      cure: { run: kubectlIn(namespace, `patch canary ${nameOf(canary)} --type merge -p ${patch}`) },
    },
  ];
};

export const routeRules = {
  "route-kind-missing": routeKindMissing,
  "foreign-parent": foreignParent,
  "route-fields-unread": routeFieldsUnread,
  "route-timeouts-dropped": timeoutsDropped,
  "route-match-impossible": matchImpossible,
  "route-filter-impossible": filterImpossible,
  "hosts-astray": hostsAstray,
  "match-unreadable": matchUnreadable,
  "connections-undivided": connectionsUndivided,
  "route-filter-ignored": filterIgnored,
  "route-rules-impossible": rulesImpossible,
} satisfies Rules;
