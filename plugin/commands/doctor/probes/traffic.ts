/** Why users do not reach the canary, or reach it unweighted: the mesh, the route, callers, a change past the webhook. Pure. */
import type { V1Pod } from "@kubernetes/client-node";
import { label } from "../../../../shared/core/objects/names.ts";
import { isCarriedOut, splitProblem } from "../../../../shared/service-profile.ts";
import { httpRoute, type RouteObject, routerOf, trafficSplit } from "../../../../shared/core/routes/routes.ts";
import { parseCaller } from "../../../../shared/core/format/restart-command.ts";
import { viewCallers } from "../../../view/callers.ts";
import { type Facts, kubectl, kubectlCanary, nameOf, type Probe, some } from "../facts.ts";
import { ownPods } from "../own.ts";
import { unscraped } from "./metrics.ts";

export const bypassed: Probe = (facts) => {
  const { canary, target, targetName } = facts;
  const unvetted = canary?.status?.unvetted;
  if (unvetted)
    return [
      {
        fault: "webhook-bypassed",
        level: "broken",
        what: `Deployment ${targetName} runs a change that no canary has judged.`,
        evidence: `${Object.values(unvetted.images).join(", ")}, by ${unvetted.by} at ${unvetted.at} (${unvetted.how})`,
        cure: `${kubectlCanary(facts, `adopt ${nameOf(canary)}`)}, or: ${kubectlCanary(facts, `undo ${nameOf(canary)}`)}`,
      },
    ];
  if (target?.metadata?.labels?.[label.bypass] === undefined) return [];
  return [
    {
      fault: "webhook-bypassed",
      level: "warning",
      what: `The next change of Deployment ${targetName} goes out unjudged.`,
      evidence: `it has the label ${label.bypass}`,
      cure: kubectl(facts, `label deploy ${targetName} ${label.bypass}-`),
    },
  ];
};

export const routeObeyed: Probe = (facts) => {
  const { route, apexName } = facts;
  if (!route) return [];
  const router = routerOf(route);
  const problem = router.read(route, apexName)?.problem;
  if (!problem) return [];
  return [
    {
      fault: "route-not-obeyed",
      level: "broken",
      what: `The mesh does not obey ${route.kind} ${nameOf(route)}.`,
      evidence: problem,
      cure: kubectl(facts, `describe ${router.plural}.${router.group} ${nameOf(route)}`),
    },
  ];
};

/** Proxies never look at a TrafficSplit itself. */
export const splitCarriedOut: Probe = (facts) => {
  const { route, serviceProfiles: profiles, now } = facts;
  if (route?.kind !== trafficSplit.kind || !profiles) return [];
  const carried = profiles.find(isCarriedOut) ?? profiles[0] ?? null;
  if (splitProblem(route, carried, now) === undefined) return [];
  const there = carried === null ? "no ServiceProfile" : `ServiceProfile ${nameOf(carried)} without dstOverrides`;
  return [
    {
      fault: "split-not-carried-out",
      level: "broken",
      what: `Nobody carries out TrafficSplit ${nameOf(route)}: no ServiceProfile has its weights, so every caller goes to stable.`,
      evidence: `${there} of Service ${facts.apexName}; the TrafficSplit is there since ${timeText(route)}`,
      cure: `see whether Linkerd-SMI's adaptor is at work: kubectl get pods -A -l component=smi-adaptor${facts.scope.clusterFlags}`,
    },
  ];
};

/** Linkerd takes a ServiceProfile before any HTTPRoute of the same Service. */
export const serviceProfile: Probe = (facts) => {
  const profiles = facts.serviceProfiles ?? [];
  const [first] = profiles;
  if (facts.route?.kind !== httpRoute.kind || !first) return [];
  const names = profiles.map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name ?? ""}`);
  return [
    {
      fault: "service-profile-over-route",
      level: "broken",
      what: `A ServiceProfile of Service ${facts.apexName} makes callers ignore the HTTPRoute: all of them where it has overrides, else those that followed a TrafficSplit before.`,
      evidence: `ServiceProfile ${some(names)}`,
      cure: `${kubectl(facts, `delete serviceprofile ${nameOf(first)}`, first.metadata.namespace)}, and restart the callers once: a proxy that has followed it does not look again`,
    },
  ];
};

export const lowered: Probe = (facts) => {
  const run = facts.canary?.status?.run;
  if (run?.hold !== "lowered-by-hand" && run?.ceiling === undefined) return [];
  return [
    {
      fault: "weight-lowered",
      level: "warning",
      what: "Someone lowered the canary's weight by hand: it is not raised again by itself.",
      evidence: facts.canary?.status?.reason ?? "",
      cure: kubectlCanary(facts, `resume ${nameOf(facts.canary)}`),
    },
  ];
};

export const targetMeshed: Probe = (facts) => {
  const unmeshed = ownPods(facts).filter((pod) => !isMeshed(pod));
  const [first] = unmeshed;
  if (!first) return [];
  return [
    {
      fault: "target-unmeshed",
      level: "broken",
      what: `Pods of Deployment ${facts.targetName} have no Linkerd proxy: their requests are neither split nor counted.`,
      evidence: `no container linkerd-proxy in ${some(unmeshed.map(nameOf))}`,
      cure: `${inject(facts)} && ${kubectl(facts, `rollout restart deploy ${facts.targetName}`)}`,
    },
  ];
};

/** Who names the Service in its arguments or environment calls it, as far as can be seen from outside. */
export const callersMeshed: Probe = (facts) => {
  const own = new Set(ownPods(facts).map(nameOf));
  const unmeshed = (facts.pods ?? []).filter((pod) => !own.has(nameOf(pod)) && !isMeshed(pod) && calls(pod, facts));
  return viewCallers(
    unmeshed.map((pod) => ({ namespace: facts.scope.namespace, name: nameOf(pod), pod })),
    facts.scope.clusterFlags,
  ).map(({ workload, command, pods }) => ({
    fault: "caller-unmeshed",
    level: "broken",
    what: `${workload} calls ${facts.apexName} without a Linkerd proxy: all its requests go to stable, whatever the weights.`,
    evidence: `${pods} ${pods === 1 ? "pod names" : "pods name"} the Service, without a container linkerd-proxy`,
    cure: `${inject(facts)} && ${command}`,
  }));
};

export const staleCallers: Probe = (facts) => {
  const { staleCallers: named = [], callerWorkloads = {} } = { ...facts.canary?.status };
  const pods = new Map((facts.pods ?? []).map((pod) => [`${pod.metadata?.namespace}/${nameOf(pod)}`, pod]));
  const callers = named.map((text) => ({
    ...parseCaller(text),
    pod: pods.get(text),
    workload: callerWorkloads[text],
  }));
  return viewCallers(callers, facts.scope.clusterFlags).map(({ namespace, workload, pods: count, command }) => ({
    fault: "caller-older-than-split",
    level: "broken",
    what: `${workload} in namespace ${namespace} is older than the ${facts.route?.kind ?? "route"} and ignores it: all its requests go to stable.`,
    evidence: `${count} ${count === 1 ? "pod" : "pods"} in status.staleCallers: ${some(named)}`,
    cure: command,
  }));
};

/** Nobody calls at all. */
export const nobodyCalls: Probe = (facts) => {
  const { run, tracks } = facts.canary?.status ?? {};
  if (!run || unscraped(facts).length > 0 || tracks?.primary.requests !== 0 || tracks.canary.requests !== 0) return [];
  return [
    {
      fault: "no-traffic",
      level: "broken",
      what: `Nobody calls Service ${facts.apexName}: there is nothing to judge by.`,
      evidence: `no user's request to either track in ${tracks.windowSeconds}s`,
      cure: `send it requests, or: ${kubectlCanary(facts, `promote ${nameOf(facts.canary)}`)}`,
    },
  ];
};

/** Somebody calls, and the controller says that they do not reach the canary. */
export const notReached: Probe = (facts) => {
  const { run, reason = "" } = facts.canary?.status ?? {};
  if ((run?.hold !== "no-traffic" && run?.hold !== "unreached") || nobodyCalls(facts).length > 0) return [];
  return [
    {
      fault: "no-traffic",
      level: "broken",
      what: "Users' requests do not reach the canary: it is neither judged nor promoted.",
      evidence: reason,
      cure: kubectlCanary(facts, `stats ${nameOf(facts.canary)} --show-query`),
    },
  ];
};

// --- internal ---

const timeText = ({ metadata }: RouteObject): string => new Date(metadata.creationTimestamp ?? 0).toISOString();

const inject = (facts: Facts): string =>
  `kubectl annotate ns ${facts.scope.namespace} linkerd.io/inject=enabled --overwrite${facts.scope.clusterFlags}`;

/** A proxy may be a native sidecar, which is an init container. */
function isMeshed({ spec }: V1Pod): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ name }) => name === "linkerd-proxy");
}

function calls({ spec }: V1Pod, { apexName, scope }: Facts): boolean {
  const host = new RegExp(`(^|[/@=\\s,;"'])${apexName}(\\.${scope.namespace}(\\.svc[a-z.]*)?)?(:\\d+|/|$)`);
  return (spec?.containers ?? []).some(({ args = [], command = [], env = [] }) =>
    [...command, ...args, ...env.map(({ value = "" }) => value)].some((text) => host.test(text)),
  );
}
