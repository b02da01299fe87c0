/** What keeps a Canary from coming over from Flagger. Each refusal says what was seen and what to do about it. */
import type { V1Deployment } from "@kubernetes/client-node";
import { apexOf } from "../objects/canary.ts";
import { ineligibility } from "../objects/eligibility.ts";
import { label, primaryLeaf, primaryName } from "../objects/names.ts";
import { formatDuration, parseDuration } from "../format/duration.ts";
import { sortedJson } from "../format/sorted-json.ts";
import { kubectlIn } from "../preconditions/finding.ts";
import { byText, unmetPreconditions } from "../preconditions/preconditions.ts";
import { unfitCure } from "../preconditions/target.ts";
import { routerOf } from "../routes/routes.ts";
import { formatErrors, parsePolicy } from "../spec/policy.ts";
import {
  copiesOf,
  flaggersRoutes,
  isOfFlagger,
  isStatusOurs,
  isSwitched,
  ownScalers,
  selectsPrimary,
  serviceNamed,
} from "./left-by-flagger.ts";
import { policyDiffers } from "./policy-differs.ts";
import type { ConfigObject, MigrationRefusal, MigrationSeen, Scaler } from "./seen.ts";
import { withoutSuffix } from "./serving-template.ts";

/** The first reason not to go on; undefined: nothing stands in the way. */
export function migrationRefusal(seen: MigrationSeen): MigrationRefusal | undefined {
  for (const rule of rules) {
    const refused = rule(seen);
    if (refused) return { kind: "refuse", ...refused };
  }
  return undefined;
}

/** ms between two looks of Flagger's at this Canary: `analysis.interval`, of which it takes at least 10 s. */
export function flaggersInterval({ canary }: MigrationSeen): number {
  const interval = parseDuration(canary.spec.analysis?.interval ?? "") ?? 60_000;
  return Math.max(interval, 10_000);
}

/** A Flagger that looks after `namespace`, by its `-namespace`: without one it looks after all. */
export function watchesNamespace(flagger: V1Deployment, namespace: string): boolean {
  const words = (flagger.spec?.template.spec?.containers ?? []).flatMap(({ command = [], args = [] }) => [
    ...command,
    ...args,
  ]);
  const at = words.findIndex((word) => /^--?namespace(=|$)/.test(word));
  const word = words[at];
  if (word === undefined) return true;
  const only = word.includes("=") ? word.slice(word.indexOf("=") + 1) : (words[at + 1] ?? "");
  return only === "" || only === namespace;
}

// --- internal ---

type Refused = Omit<MigrationRefusal, "kind">;
type Rule = (seen: MigrationSeen) => Refused | undefined;

const placeOf = ({ canary }: MigrationSeen): { name: string; namespace: string; target: string } => ({
  name: canary.metadata.name ?? "",
  namespace: canary.metadata.namespace ?? "",
  target: canary.spec.targetRef.name,
});

const beingDeleted: Rule = (seen) => {
  if (!seen.canary.metadata.deletionTimestamp) return undefined;
  const { name, namespace } = placeOf(seen);
  return {
    code: "being-deleted",
    why: `Canary ${name} is being deleted: what Flagger made for it goes along, and nothing can be moved in time.`,
    cure: {
      say: "let Flagger's finalizer end its deletion, and see what is left",
      run: kubectlIn(namespace, "get canaries,deploy,svc"),
    },
  };
};

const targetMissing: Rule = (seen) => {
  const { name, namespace, target } = placeOf(seen);
  const { kind } = seen.canary.spec.targetRef;
  if (kind === "Deployment" && seen.target) return undefined;
  return {
    code: "target-missing",
    why:
      kind === "Deployment"
        ? `Deployment ${target}, the target of Canary ${name}, is not there.`
        : `Canary ${name} has a ${kind === "DaemonSet" || kind === "Service" ? kind : "target of another kind"} as its target; only a Deployment can be canaried here. Leave it to Flagger.`,
    cure: { run: kubectlIn(namespace, "get deployments") },
  };
};

const targetUnfit: Rule = (seen) => {
  const found = seen.target ? ineligibility(seen.target) : undefined;
  if (found === undefined) return undefined;
  const { namespace, target } = placeOf(seen);
  return { code: "target-unfit", why: found.what, cure: unfitCure(found, { namespace, targetName: target }) };
};

/** Flagger gates its changes today; here none would be held, and the next one would go out to everyone at once. */
const notCarriedOut: Rule = (seen) => {
  if (isSwitched(seen)) return undefined;
  const { namespace, name } = placeOf(seen);
  const asked = notSupported(seen);
  if (asked === undefined) return undefined;
  return {
    code: "not-carried-out",
    why: `Canary ${name} could not be carried out, so that changes would go out unjudged. ${asked}`,
    cure: { say: "leave it to Flagger, or", run: kubectlIn(namespace, `edit canary ${name}`) },
  };
};

function notSupported({ canary }: MigrationSeen): string | undefined {
  const parsed = parsePolicy(canary.spec);
  if (!parsed.ok) return formatErrors(parsed.errors);
  // Who wrote the status is another matter.
  const { managedFields: _writers, ...metadata } = canary.metadata;
  return unmetPreconditions(byText({ ...canary, metadata })).find(({ level }) => level === "obstacle")?.what;
}

/** What has the primary's name and is not Flagger's may be anybody's. */
const notFlaggers: Rule = ({ canary, primary, ...seen }) => {
  if (!primary || isOfFlagger(canary, primary)) return undefined;
  const { namespace, target } = placeOf({ canary, primary, ...seen });
  return {
    code: "not-flaggers",
    why: `Deployment ${primaryName(target)} does not belong to this Canary (no owner reference with its UID), so it is not touched. A restored backup has other UIDs.`,
    cure: { say: "see whose it is", run: kubectlIn(namespace, `get deploy ${primaryName(target)} -o yaml`) },
  };
};

const finished = ["Initialized", "Succeeded", "Failed"];

const unfinishedRun: Rule = (seen) => {
  const { phase = "" } = { ...seen.canary.status };
  if (isSwitched(seen) || !seen.primary || finished.includes(phase)) return undefined;
  // Our own controller has written since, and only the objects tell.
  if (isStatusOurs(seen.canary)) return primaryUnderWay(seen);
  const { name, namespace } = placeOf(seen);
  return {
    code: "unfinished-run",
    why: `Flagger has not finished with Canary ${name}: its phase is ${phase === "" ? "not set" : phase}. Let Flagger end it (Succeeded or Failed), then migrate.`,
    cure: { say: "see when it has ended", run: kubectlIn(namespace, `get canary ${name} -w`) },
  };
};

function primaryUnderWay(seen: MigrationSeen): Refused | undefined {
  const { spec, status = {}, metadata } = { ...seen.primary };
  const { replicas = 1 } = { ...spec };
  const { updatedReplicas: updated = 0, observedGeneration = 0 } = status;
  if (updated >= replicas && observedGeneration >= (metadata?.generation ?? 0)) return undefined;
  const { namespace, target } = placeOf(seen);
  return {
    code: "unfinished-run",
    why: `Flagger's promotion is not over: ${updated} of ${replicas} pods of ${primaryName(target)} have its newest version.`,
    cure: { run: kubectlIn(namespace, `rollout status deploy ${primaryName(target)}`) },
  };
}

const flaggerActs: Rule = (seen) => {
  const { name, namespace } = placeOf(seen);
  const watching = (seen.flaggers ?? []).find((flagger) => watchesNamespace(flagger, namespace));
  if (watching) {
    const { name: its = "", namespace: place = "" } = { ...watching.metadata };
    return {
      code: "flagger-acts",
      why: `A Flagger controller looks after namespace ${namespace} (Deployment ${its} in ${place}, ${watching.spec?.replicas ?? 1} replicas) and would make ${primaryName(seen.canary.spec.targetRef.name)} again. Stop it, or give it -namespace=OTHER.`,
      cure: { run: kubectlIn(place, `scale deploy/${its} --replicas 0`) },
    };
  }
  const age = seenActing(seen);
  if (age === undefined) return undefined;
  return {
    code: "flagger-acts",
    why: `Flagger acts on Canary ${name}: it wrote ${age.what} ${formatDuration(age.ms)} ago. Stop it, or keep it off namespace ${namespace}; ${formatDuration(2 * flaggersInterval(seen))} after its last write this goes on.`,
    cure: { say: "find it by", run: kubectlIn(namespace, "get deploy -A -l app.kubernetes.io/name=flagger") },
  };
};

/** What Flagger wrote of this Canary a moment ago: its status, or a Service that we had given back. */
function seenActing(seen: MigrationSeen): { what: string; ms: number } | undefined {
  const { leaf = Infinity, status = Infinity } = seen.flaggerWrote;
  const lately = 2 * flaggersInterval(seen);
  if (leaf < lately && isPutBack(seen)) return { what: `Service ${primaryLeaf(apexOf(seen.canary))}`, ms: leaf };
  // Where every Flagger is known, one that was stopped a moment ago may have written.
  return status < lately && !seen.flaggers ? { what: "its status", ms: status } : undefined;
}

/** The primary's leaf is ours already, and sends to Flagger's primary again. */
function isPutBack(seen: MigrationSeen): boolean {
  const leaf = serviceNamed(seen, primaryLeaf(apexOf(seen.canary)));
  return leaf?.metadata?.labels?.[label.canary] !== undefined && selectsPrimary(seen, leaf);
}

const canaryWeight: Rule = (seen) => {
  if (isSwitched(seen)) return undefined;
  const { name, namespace } = placeOf(seen);
  const apex = apexOf(seen.canary);
  for (const route of flaggersRoutes(seen)) {
    const { weight = 0 } = { ...routerOf(route).read(route, apex) };
    if (weight === 0) continue;
    return {
      code: "canary-weight",
      why: `${route.kind} ${apex} gives Flagger's canary ${weight}% of requests, though no run is under way: a promotion of Flagger's failed, and two versions serve. Let Flagger promote one of them, then migrate.`,
      cure: { run: kubectlIn(namespace, `describe canary ${name}`) },
    };
  }
  return undefined;
};

/** The target's own autoscaler would take pods away at once. */
const autoscalerMaximum: Rule = (seen) => {
  const size = seen.primary?.spec?.replicas ?? 0;
  if (isSwitched(seen)) return undefined;
  const scaler = ownScalers(seen).find((one) => (mostOf(one) ?? size) < size);
  if (!scaler) return undefined;
  const { namespace, target } = placeOf(seen);
  const { name = "" } = { ...scaler.metadata };
  const isKeda = scaler.kind === "ScaledObject";
  const field = isKeda ? "maxReplicaCount" : "maxReplicas";
  const patch = `patch ${isKeda ? "scaledobject" : "hpa"} ${name} --type merge -p '{"spec":{"${field}":${size}}}'`;
  return {
    code: "autoscaler-maximum",
    why: `${scaler.kind} ${name} lets ${target} have ${mostOf(scaler)} pods at most, and ${primaryName(target)} runs ${size}: raise ${field} first.`,
    cure: { run: kubectlIn(namespace, patch) },
  };
};

const mostOf = ({ spec }: Scaler): number | undefined => spec?.maxReplicas ?? spec?.maxReplicaCount;

/** The pods that serve have a copy; the target's would start with what has changed since. */
const configDiffers: Rule = (seen) => {
  if (isSwitched(seen) || !seen.primary) return undefined;
  const copy = copiesOf(seen).find((one) => !isSame(originalOf(seen, one), one));
  if (!copy) return undefined;
  const { namespace } = placeOf(seen);
  const name = withoutSuffix(copy.metadata?.name ?? "");
  const short = copy.kind === "Secret" ? "secret" : "configmap";
  return {
    code: "config-differs",
    why: originalOf(seen, copy)
      ? `${copy.kind} ${name} differs from ${name}-primary, which the serving pods have: no version was promoted with it. Put the old data back, or let Flagger promote, then migrate.`
      : `${copy.kind} ${name} is gone, and the serving pods have its copy ${name}-primary: create it again from the copy.`,
    cure: { run: kubectlIn(namespace, `get ${short} ${name} ${name}-primary -o yaml`) },
  };
};

function originalOf({ configs }: MigrationSeen, copy: ConfigObject): ConfigObject | undefined {
  const name = withoutSuffix(copy.metadata?.name ?? "");
  return configs.find(({ kind, metadata }) => kind === copy.kind && metadata?.name === name);
}

const isSame = (a: ConfigObject | undefined, b: ConfigObject): boolean =>
  a !== undefined && sortedJson(a.data ?? {}) === sortedJson(b.data ?? {});

const targetPaused: Rule = (seen) => {
  if (isSwitched(seen) || seen.target?.spec?.paused !== true) return undefined;
  const { namespace, target } = placeOf(seen);
  return {
    code: "target-paused",
    why: `Deployment ${target} is paused, so its pods may be of an older version than its template.`,
    cure: { run: kubectlIn(namespace, `rollout resume deploy ${target}`) },
  };
};

const rules: readonly Rule[] = [
  beingDeleted,
  targetMissing,
  targetUnfit,
  notCarriedOut,
  notFlaggers,
  unfinishedRun,
  flaggerActs,
  canaryWeight,
  autoscalerMaximum,
  configDiffers,
  policyDiffers,
  targetPaused,
];
