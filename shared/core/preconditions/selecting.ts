/**
 * What selects stable's pods by the label that tells tracks apart, and therefore misses the canary's: NetworkPolicies, budgets, monitors,
 * and rules of other Deployments about where their pods go. What shuts the canary off, or leaves it open, starts no run.
 */
import type { V1LabelSelector, V1PodDisruptionBudget, V1Service } from "@kubernetes/client-node";
import { canaryLeaf, label } from "../objects/names.ts";
import { canaryPodLabels, labelsOfTracks } from "../objects/workload.ts";
import { networkGaps, guardedPods, type NetworkGap, type TrackLabels } from "../selectors/network-policy.ts";
import { placementsOf } from "../selectors/placement.ts";
import { selects, selectorText, unmetParts, widenedSelector } from "../selectors/selector.ts";
import { acceptCure, isAccepted } from "./accepted.ts";
import { trackIn } from "./track.ts";
import {
  kubectlIn,
  patchIn,
  nameOf,
  type Cure,
  type Finding,
  type PodMonitor,
  type Rule,
  type Rules,
  type SeenObjects,
} from "./finding.ts";

const shutNetwork: Rule = (seen) =>
  gapsIn(seen, ({ kind }) => kind !== "open").map((gap) => ({
    level: "missing",
    what: `${shutWords(gap, seen)} No run starts.`,
    evidence: gapEvidence(gap, seen),
    cure: gapCure(gap, seen),
  }));

const openNetwork: Rule = (seen) =>
  gapsIn(seen, ({ kind }) => kind === "open").map((gap) => ({
    level: "missing",
    what: `NetworkPolicy ${nameOf(gap.policy)} guards stable's pods and not the canary's: ${missedIn(gap.selector, seen)}, and no NetworkPolicy bounds ${gap.direction === "ingress" ? "who reaches them" : "what they reach"}. No run starts.`,
    evidence: gapEvidence(gap, seen),
    cure: gapCure(gap, seen),
  }));

const budgets: Rule = (seen) =>
  missedBy(seen, "poddisruptionbudget", seen.selecting?.budgets).map(({ object, selector }) => ({
    level: "warning",
    what: `PodDisruptionBudget ${nameOf(object)} does not protect the canary's pods: ${missedIn(selector, seen)}. A node that is drained may take all of them at once.`,
    evidence: selectorEvidence("PodDisruptionBudget", object, selector),
    cure: budgetCure(object, seen),
  }));

const monitors: Rule = (seen) => {
  const missed = missedBy(
    seen,
    "podmonitor",
    seen.selecting?.podMonitors?.filter((monitor) => looksInto(monitor, seen.namespace)),
  );
  const byPods = missed.map(({ object, selector }): Omit<Finding, "code"> => ({
    level: "warning",
    what: `PodMonitor ${nameOf(object)} does not scrape the canary's pods: ${missedIn(selector, seen)}. ${unscraped}`,
    evidence: selectorEvidence("PodMonitor", object, selector),
    cure: widenCure({ kind: "PodMonitor", plural: "podmonitors.monitoring.coreos.com", of: "selector" }, object, {
      selector,
      seen,
    }),
  }));
  return [...byPods, ...byServices(seen)];
};

const affinities: Rule = (seen) => {
  const labels = labelsIn(seen);
  if (!labels) return [];
  return (seen.deployments ?? []).flatMap((other) => {
    const name = nameOf(other);
    if (name === seen.targetName || other.metadata?.labels?.[label.canary] !== undefined) return [];
    const [found] = placementsOf(other, seen.namespace).filter(({ selector }) => isMissed(selector, labels));
    if (!found || isAccepted(seen.canary, "deployment", name)) return [];
    return [
      {
        level: "warning",
        what: `Deployment ${name} places its pods by where stable's are, and not by where the canary's are: ${found.where} selects by ${selectorText(found.selector)}, which the canary's pods do not carry.`,
        evidence: `${found.where} of Deployment ${name}: ${selectorText(found.selector)}`,
        cure: {
          say: `let ${found.where} select by labels that both versions carry`,
          run: kubectlIn(seen.namespace, `edit deploy ${name}`),
        },
      },
    ];
  });
};

// --- internal ---

const unscraped = "A metric of your own that it brings judges nothing.";

/** Undefined where the target cannot be canaried at all. */
function labelsIn(seen: SeenObjects): TrackLabels | undefined {
  const { target, stableLabels: stable } = seen;
  const track = trackIn(seen);
  return target && track !== undefined ? labelsOfTracks(target, { track, stable }) : undefined;
}

const isMissed = (selector: V1LabelSelector, { stable, canary }: TrackLabels): boolean =>
  selects(selector, stable) && !selects(selector, canary);

function missedIn(selector: V1LabelSelector, seen: SeenObjects): string {
  const missed = unmetParts(selector, labelsIn(seen)?.canary ?? {});
  return `it selects by ${selectorText(missed)}, which the canary's pods do not carry`;
}

interface Named {
  metadata?: { name?: string };
}

interface Selecting extends Named {
  spec?: { selector?: V1LabelSelector };
}

function missedBy<T extends Selecting>(
  seen: SeenObjects,
  kind: string,
  objects: readonly T[] | undefined,
): { object: T; selector: V1LabelSelector }[] {
  const labels = labelsIn(seen);
  if (!labels || !objects) return [];
  return objects.flatMap((object) => {
    const selector = object.spec?.selector;
    const isFound = selector && isMissed(selector, labels) && !isAccepted(seen.canary, kind, nameOf(object));
    return isFound ? [{ object, selector }] : [];
  });
}

const selectorEvidence = (kind: string, object: Selecting, selector: V1LabelSelector): string =>
  `${kind} ${nameOf(object)} selects ${selectorText(selector)}`;

function gapsIn(seen: SeenObjects, is: (gap: NetworkGap) => boolean): NetworkGap[] {
  const labels = labelsIn(seen);
  const policies = seen.selecting?.networkPolicies;
  if (!labels || !policies) return [];
  return networkGaps(policies, labels, seen.namespace).filter(
    (gap) => is(gap) && !isAccepted(seen.canary, "networkpolicy", nameOf(gap.policy)),
  );
}

function shutWords(gap: NetworkGap, seen: SeenObjects): string {
  const name = `NetworkPolicy ${nameOf(gap.policy)}`;
  const missed = unmetParts(gap.selector, labelsIn(seen)?.canary ?? {});
  const by = `by ${selectorText(missed)}, which the canary's pods do not carry`;
  const isIn = gap.direction === "ingress";
  if (gap.kind === "peer")
    return `${name} would shut the canary off from the pods that it is about (${selectorText(guardedPods(gap.policy))}): ${isIn ? "it lets stable's in" : "it lets them out to stable's"} ${by}.`;
  if (gap.kind === "denied")
    return `${name} would shut the canary off: it selects the canary's pods by ${selectorText(gap.selector)} and not stable's, and lets ${isIn ? "nobody in" : "no request out"}.`;
  return `NetworkPolicy ${nameOf(gap.by)} would shut the canary off: ${name}, which lets ${isIn ? "callers in at" : "requests out of"} stable's pods, selects ${by}.`;
}

function gapEvidence({ policy, direction, kind, selector, by }: NetworkGap, seen: SeenObjects): string {
  const carried = selectorText({ matchLabels: { ...labelsIn(seen)?.canary } });
  const what = kind === "peer" ? `names ${selectorText(selector)}` : `selects ${selectorText(selector)}`;
  const other = by ? `; NetworkPolicy ${nameOf(by)} selects ${selectorText(guardedPods(by))}` : "";
  return `NetworkPolicy ${nameOf(policy)} (${direction}) ${what}${other}; the canary's pods carry ${carried}`;
}

function gapCure(gap: NetworkGap, seen: SeenObjects): Cure {
  const object = { kind: "NetworkPolicy", plural: "networkpolicies.networking.k8s.io", of: "podSelector" };
  const name = nameOf(gap.policy);
  const edit = kubectlIn(seen.namespace, `edit ${object.plural} ${name}`);
  const cures = {
    peer: { say: "let its rule name the canary's pods too", run: edit },
    denied: { say: "let it select other pods, or let what the canary needs through", run: edit },
  };
  const { say, run } =
    gap.kind === "peer" || gap.kind === "denied"
      ? cures[gap.kind]
      : widenCure(object, gap.policy, { selector: gap.selector, seen });
  return { say: `${say} ${acceptCure(seen, "networkpolicy", name)}`, run };
}

function widenCure(
  { kind, plural, of }: { kind: string; plural: string; of: string },
  object: Named,
  { selector, seen }: { selector: V1LabelSelector; seen: SeenObjects },
): Required<Cure> {
  const name = nameOf(object);
  const both = widenedSelector(selector, labelsIn(seen)?.canary ?? {});
  if (!both)
    return {
      say: `let ${kind} ${name} select by labels that both versions carry`,
      run: kubectlIn(seen.namespace, `edit ${plural} ${name}`),
    };
  const patch = { spec: { [of]: both } };
  return {
    say: `let ${kind} ${name} select both`,
    run: patchIn(seen.namespace, `${plural} ${name}`, patch),
  };
}

/** One of its own: a wider one would let stable's pods go for the canary's. */
function budgetCure({ spec, metadata }: V1PodDisruptionBudget, seen: SeenObjects): Cure {
  const { namespace, target } = seen;
  const key = trackIn(seen) ?? "";
  const value = target ? (canaryPodLabels(target, key)[key] ?? "") : "";
  const bound = spec?.maxUnavailable ?? 1;
  return {
    say: "give the canary's pods a budget of their own",
    run: kubectlIn(
      namespace,
      `create poddisruptionbudget ${metadata?.name ?? ""}-canary --selector=${key}=${value} --max-unavailable=${bound}`,
    ),
  };
}

/** Without a name it looks into its own namespace. */
function looksInto(
  { spec: { namespaceSelector: { any, matchNames = [] } = {} } }: PodMonitor,
  namespace: string,
): boolean {
  return any === true || matchNames.length === 0 || matchNames.includes(namespace);
}

/** A ServiceMonitor selects Services: the apex, whose endpoints are stable's pods alone. */
function byServices(seen: SeenObjects): Omit<Finding, "code">[] {
  const labels = labelsIn(seen);
  const { services, selecting, namespace, apexName } = seen;
  if (!labels || !services) return [];
  const leading = (to: TrackLabels["stable"]): V1Service[] =>
    services
      .filter(({ spec }) => spec?.selector !== undefined && selects({ matchLabels: spec.selector }, to))
      .slice(0, mostLeading);
  const [toStable, toCanary] = [leading(labels.stable), leading(labels.canary)];
  return (selecting?.serviceMonitors ?? []).flatMap((monitor) => {
    const { selector = {} } = monitor.spec;
    const isSelected = ({ metadata }: V1Service): boolean => selects(selector, metadata?.labels ?? {});
    const stables = toStable.find(isSelected);
    const isBoth = toCanary.some(isSelected);
    const name = nameOf(monitor);
    if (!looksInto(monitor, namespace) || !stables || isBoth || isAccepted(seen.canary, "servicemonitor", name))
      return [];
    return [
      {
        level: "warning",
        what: `ServiceMonitor ${name} does not scrape the canary's pods: it selects Services by ${selectorText(selector)}, which Service ${canaryLeaf(apexName)} does not carry. ${unscraped}`,
        evidence: `ServiceMonitor ${name} selects Service ${nameOf(stables)} (${selectorText(selector)})`,
        cure: {
          say: `let ServiceMonitor ${name} select ${label.canary}=${nameOf(seen.canary)}, which the Services of both versions carry`,
          run: kubectlIn(namespace, `edit servicemonitors.monitoring.coreos.com ${name}`),
        },
      },
    ];
  });
}

/** Pods have a few Services. A namespace may have thousands, and of monitors too, which are each compared with them. */
const mostLeading = 20;

/** What a namespace holds has no bound, and a status does: as these are put right, others follow. */
const first =
  (rule: Rule): Rule =>
  (seen) =>
    rule(seen).slice(0, atOnce);

const atOnce = 5;

export const selectingRules = {
  "network-policy-shuts-canary": first(shutNetwork),
  "network-policy-opens-canary": first(openNetwork),
  "budget-misses-canary": first(budgets),
  "monitor-misses-canary": first(monitors),
  "affinity-misses-canary": first(affinities),
} satisfies Rules;
