/** Whether there is a Canary at all, and whether its user has stopped it or its target. Pure. */
import { heldValue, label } from "../../../../shared/core/objects/names.ts";
import { leafEmpty } from "../../../../shared/core/turn/empty-leaf.ts";
import { writeRefused } from "../../../../shared/core/turn/turn.ts";
import { isWaitCause, waitCauses } from "../../../../shared/core/objects/wait-causes.ts";
import { kubectl, kubectlCanary, nameOf, type Probe } from "../facts.ts";

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

/** What the API server refuses the controller, only the status knows; and for how long stable's leaf has been empty. */
export const onlyInStatus: Probe = (facts) => {
  const { blocked } = { ...facts.canary?.status };
  const fault = ([leafEmpty, writeRefused] as const).find((code) => code === blocked?.code);
  if (!blocked || !fault) return [];
  return [
    {
      fault,
      level: "broken",
      what: blocked.what,
      evidence: `status.blocked of Canary ${nameOf(facts.canary)}`,
      cure: kubectl(facts, `get events --field-selector involvedObject.name=${nameOf(facts.canary)}`),
    },
  ];
};

/** A lowered weight and a Deployment that its user paused are found where they are seen. */
export const stopsForPerson: Probe = (facts) => {
  const { run, reason = "" } = { ...facts.canary?.status };
  const cause = run?.hold;
  if (cause === undefined || !isWaitCause(cause) || cause === "lowered-by-hand" || cause === "paused-by-user")
    return [];
  const { person } = waitCauses[cause];
  if (person === undefined) return [];
  return [
    {
      fault: "waits-for-person",
      level: "warning",
      what: `The run goes no further by itself: ${person}.`,
      evidence: `status.reason: ${reason}`,
      cure: kubectlCanary(facts, `explain ${nameOf(facts.canary)}`),
    },
  ];
};

/** Without pods there is nothing to compare a canary with. */
export const targetWithoutPods: Probe = (facts) => {
  const { target, targetName } = facts;
  if (target?.spec?.replicas !== 0) return [];
  const strategy = target.spec.strategy?.type ?? "RollingUpdate";
  return [
    {
      fault: "target-unfit",
      level: "broken",
      what: `Deployment ${targetName} has 0 replicas: there is no stable version to compare with.`,
      evidence: `Deployment ${targetName}: strategy ${strategy}, 0 replicas`,
      cure: kubectl(facts, `scale deploy/${targetName} --replicas 2`),
    },
  ];
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
