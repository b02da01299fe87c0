/** Flagger at work, and what it leaves behind. */
import { primaryName } from "../objects/names.ts";
import type { Canary } from "../objects/canary.ts";
import { kubectlIn, nameOf, type Known, type Rule, type Rules } from "./finding.ts";

/** Flagger wrote this Canary's status after anybody else did: proof that it acts on it. A Deployment's image, wherever, is none. */
function flaggerWrote(canary: Known<Canary>): boolean {
  const writers = (canary?.metadata.managedFields ?? []).filter(({ subresource }) => subresource === "status");
  // As JSON a time is RFC 3339 and sorts by itself, whoever parsed it.
  const [last] = writers.sort((a, b) => (JSON.stringify(a.time) < JSON.stringify(b.time) ? 1 : -1));
  return last?.manager === "flagger";
}

const otherController: Rule = ({ canary, flaggers = [], namespace }) => {
  if (canary && flaggerWrote(canary))
    return [
      {
        level: "obstacle",
        what: `A Flagger controller acts on this Canary: the last to write its status was flagger. Nothing goes forward until Flagger is removed, scaled to 0, or kept off this namespace.`,
        evidence: `managedFields of Canary ${nameOf(canary)}: manager flagger, subresource status`,
        cure: { say: "find it by", run: kubectlIn(namespace, "get deploy -A -l app.kubernetes.io/name=flagger") },
      },
    ];
  return flaggers.map((flagger) => {
    const { namespace: place = "" } = { ...flagger.metadata };
    return {
      level: "warning",
      what: `A Flagger controller is at work (Deployment ${nameOf(flagger)} in ${place}): if it watches this namespace it will act on this Canary too. Remove it, scale it to 0, or keep it off this namespace.`,
      evidence: `Deployment ${nameOf(flagger)} in namespace ${place} has ${flagger.spec?.replicas ?? 1} replicas`,
      cure: { run: kubectlIn(place, `scale deploy/${nameOf(flagger)} --replicas 0`) },
    };
  });
};

const flaggerPrimary: Rule = ({ primary, namespace, targetName }) => {
  const name = primaryName(targetName);
  if (!primary) return [];
  return [
    {
      level: "obstacle",
      what: `Deployment ${name} is there, as Flagger leaves it: it may be what serves your users. Nothing is touched. Bring traffic back to ${targetName}, delete ${name}, and this Canary goes on.`,
      evidence: `Deployment ${name} in namespace ${namespace}`,
      cure: { say: `bring traffic back to ${targetName}, then`, run: kubectlIn(namespace, `delete deploy ${name}`) },
    },
  ];
};

export const flaggerRules = { "other-controller": otherController, "flagger-primary": flaggerPrimary } satisfies Rules;
