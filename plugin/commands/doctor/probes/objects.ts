/** What stands in a canary's way among the objects beside it: no Canary, an unfit target, what others left. Pure. */
import { ineligibility } from "../../../../shared/core/objects/eligibility.ts";
import { canaryName, heldValue, label, primaryName } from "../../../../shared/core/objects/names.ts";
import { type Facts, type Finding, kubectl, kubectlCanary, nameOf, type Probe, some } from "../facts.ts";

export const canaryThere: Probe = (facts) => {
  const { canary, targetName } = facts;
  if (canary?.spec.suspend)
    return [
      {
        fault: "canary-suspended",
        level: "broken",
        what: `Canary ${nameOf(canary)} is suspended: the controller does nothing for it.`,
        evidence: "spec.suspend is true",
        cure: kubectl(facts, `patch canary ${nameOf(canary)} --type merge -p '{"spec":{"suspend":false}}'`),
      },
    ];
  if (canary !== null) return [];
  return [
    {
      fault: "canary-missing",
      level: "broken",
      what: `No Canary has Deployment ${targetName} as its target: its changes go out unjudged.`,
      evidence: `no Canary in namespace ${facts.scope.namespace} names it in spec.targetRef`,
      cure: kubectlCanary(facts, `init deploy/${targetName}`),
    },
  ];
};

export const targetThere: Probe = (facts) => {
  const { target, targetName } = facts;
  if (target === undefined) return [];
  if (target === null)
    return [
      {
        fault: "target-missing",
        level: "broken",
        what: `Deployment ${targetName} does not exist.`,
        evidence: `spec.targetRef of Canary ${nameOf(facts.canary)} names it`,
        cure: kubectl(facts, "get deployments"),
      },
    ];
  const unfit = ineligibility(target);
  if (unfit) return [unfitTarget(facts, unfit, `edit deploy ${targetName}`)];
  if (target.spec?.replicas !== 0) return [];
  const none = `Deployment ${targetName} has 0 replicas: there is no stable version to compare with.`;
  return [unfitTarget(facts, none, `scale deploy/${targetName} --replicas 2`)];
};

/** A pause of the user's own: a change waits until it is taken away. */
export const targetPaused: Probe = (facts) => {
  const { target, targetName } = facts;
  const held = target?.metadata?.labels?.[label.held];
  const byUser = target?.spec?.paused === true && (held === undefined || held === heldValue.pausedByUser);
  if (!byUser) return [];
  return [
    {
      fault: "target-paused",
      level: "broken",
      what: `Deployment ${targetName} was paused by a user: its changes wait.`,
      evidence: "spec.paused is true, and not by a canary alone",
      cure: kubectl(facts, `rollout resume deploy ${targetName}`),
    },
  ];
};

export const flaggersPrimary: Probe = (facts) => {
  const name = primaryName(facts.targetName);
  if (!facts.deployments?.some((deployment) => nameOf(deployment) === name)) return [];
  return [
    {
      fault: "flagger-primary",
      level: "broken",
      what: `Deployment ${name} is there, as Flagger leaves it: it may be what serves your users, and nothing is touched.`,
      evidence: `Deployment ${name} in namespace ${facts.scope.namespace}`,
      cure: `bring traffic back to ${facts.targetName}, then: ${kubectl(facts, `delete deploy ${name}`)}`,
    },
  ];
};

/** Something has one of our names and is not ours. */
export const foreignObjects: Probe = (facts) => {
  const { canary, apexName, workload } = facts;
  if (!canary) return [];
  const leaves = [primaryName(apexName), canaryName(apexName)];
  const services = (facts.services ?? []).filter((service) => leaves.includes(nameOf(service)));
  const isForeign = (object: { metadata?: { labels?: Record<string, string> } }): boolean =>
    object.metadata?.labels?.[label.canary] !== nameOf(canary);
  const found = [
    ...(workload && isForeign(workload) ? [`deploy/${nameOf(workload)}`] : []),
    ...services.filter(isForeign).map((service) => `svc/${nameOf(service)}`),
  ];
  if (found.length === 0) return [];
  return [
    {
      fault: "foreign-object",
      level: "broken",
      what: `${some(found)} ${found.length === 1 ? "has a name" : "have names"} that the canary needs and ${found.length === 1 ? "is" : "are"} not ours: nothing is touched.`,
      evidence: `no label ${label.canary}=${nameOf(canary)}`,
      cure: `rename, or: ${kubectl(facts, `delete ${found.join(" ")}`)}`,
    },
  ];
};

// --- internal ---

function unfitTarget(facts: Facts, what: string, cure: string): Finding {
  const { strategy, replicas = 1 } = facts.target?.spec ?? {};
  const evidence = `Deployment ${facts.targetName}: strategy ${strategy?.type ?? "RollingUpdate"}, ${replicas} replicas`;
  return { fault: "target-unfit", level: "broken", what, evidence, cure: kubectl(facts, cure) };
}
