/** Flagger at work, and what it leaves behind. */
import { primaryName } from "../objects/names.ts";
import { kubectl, nameOf, type Rule, type Rules } from "./finding.ts";

const otherController: Rule = ({ flaggers = [] }) =>
  flaggers.map((flagger) => {
    const namespace = flagger.metadata?.namespace ?? "";
    return {
      level: "obstacle",
      what: `A Flagger controller is at work (Deployment ${nameOf(flagger)} in ${namespace}): it would act on this Canary too. Nothing is touched until it is removed or scaled to 0.`,
      evidence: `Deployment ${nameOf(flagger)} in namespace ${namespace} has ${flagger.spec?.replicas ?? 1} replicas`,
      cure: { run: kubectl(namespace, `scale deploy/${nameOf(flagger)} --replicas 0`) },
    };
  });

const flaggerPrimary: Rule = ({ primary, namespace, targetName }) => {
  const name = primaryName(targetName);
  if (!primary) return [];
  return [
    {
      level: "obstacle",
      what: `Deployment ${name} is there, as Flagger leaves it: it may be what serves your users. Nothing is touched. Bring traffic back to ${targetName}, delete ${name}, and this Canary goes on.`,
      evidence: `Deployment ${name} in namespace ${namespace}`,
      cure: { say: `bring traffic back to ${targetName}, then`, run: kubectl(namespace, `delete deploy ${name}`) },
    },
  ];
};

export const flaggerRules = { "other-controller": otherController, "flagger-primary": flaggerPrimary } satisfies Rules;
