/** Flagger at work, and what it leaves behind. */
import { type Canary, isLeftToFlagger } from "../objects/canary.ts";
import { annotation, flaggerFinalizer, primaryName } from "../objects/names.ts";
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

const flaggerPrimary: Rule = ({ canary, primary, namespace, targetName }) => {
  const name = primaryName(targetName);
  if (!primary) return [];
  const isFlaggers = primary.metadata?.ownerReferences?.some(({ uid }) => uid === canary?.metadata.uid) ?? false;
  return [
    {
      level: "obstacle",
      what: `Deployment ${name} is there, as Flagger leaves it: it may be what serves your users. Nothing is touched. ${isFlaggers ? `Migrate this Canary: traffic comes back to ${targetName}, and ${name} goes.` : `Bring traffic back to ${targetName}, delete ${name}, and this Canary goes on.`}`,
      evidence: `Deployment ${name} in namespace ${namespace}`,
      cure: isFlaggers
        ? { run: `kubectl canary migrate ${nameOf(canary)} -n ${namespace}` }
        : { say: `bring traffic back to ${targetName}, then`, run: kubectlIn(namespace, `delete deploy ${name}`) },
    },
  ];
};

/** A warning, for it was a person's wish. */
const leftToFlagger: Rule = ({ canary, namespace }) => {
  if (!canary || !isLeftToFlagger(canary)) return [];
  return [
    {
      level: "warning",
      what: `Canary ${nameOf(canary)} is left to Flagger: nothing is held, judged or kept for it here.`,
      evidence: `annotation ${annotation.leftTo}=flagger of Canary ${nameOf(canary)}`,
      cure: {
        say: "to take it over again",
        run: `kubectl canary migrate ${nameOf(canary)} -n ${namespace}`,
      },
    },
  ];
};

/** Only Flagger takes it off, where `spec.revertOnDeletion` had it put on. */
const finalizerLeft: Rule = ({ canary, flaggers = [], namespace }) => {
  if (!canary?.metadata.finalizers?.includes(flaggerFinalizer)) return [];
  if (isLeftToFlagger(canary) || flaggerWrote(canary) || flaggers.length > 0) return [];
  return [
    {
      level: "warning",
      what: `Canary ${nameOf(canary)} has Flagger's finalizer: where no Flagger is at work to take it off, the Canary cannot be deleted.`,
      evidence: `metadata.finalizers of Canary ${nameOf(canary)}: ${flaggerFinalizer}`,
      cure: { run: `kubectl canary migrate ${nameOf(canary)} -n ${namespace}` },
    },
  ];
};

export const flaggerRules = {
  "other-controller": otherController,
  "flagger-primary": flaggerPrimary,
  "left-to-flagger": leftToFlagger,
  "flagger-finalizer": finalizerLeft,
} satisfies Rules;
