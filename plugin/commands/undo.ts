/**
 * `undo NAME --to VERSION`: writes a version that was promoted before into the Deployment, by the rights of the person who
 * asks. The webhook holds it like any other change, so that it goes live by a canary run and not at once.
 */
import type { V1Deployment, V1PodTemplateSpec, V1ReplicaSet } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { HistoryEntry } from "../../shared/core/objects/canary-status.ts";
import { label, manager } from "../../shared/core/objects/names.ts";
import { hashTemplate } from "../../shared/template-hash.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { canaryCommand } from "../view/suggestions.ts";
import { type Deps, exitCode, type Scope } from "../context.ts";
import { missingPermission, Refusal } from "../errors.ts";
import { findCanary } from "../cluster/find-canary.ts";
import { imagesText, isImage } from "../view/images.ts";
import { selectorQuery } from "../read/read-objects.ts";
import { relative } from "../terminal/time.ts";
import { printable } from "../terminal/style.ts";

export interface UndoArgs {
  name: string;
  /** Image, hash of the template, or id of the run that promoted it. */
  to: string;
}

export async function undoTo(args: UndoArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  const entry = recordedVersion(args.to, canary, scope);
  const at = { name: canary.spec.targetRef.name, namespace: scope.namespace };
  const deployment = await allowed(deps.cluster.get<V1Deployment>(resource.deployments, at));
  const wanted = printable(
    `${imagesText(entry.images)} (run ${entry.run}, promoted ${relative(entry.endedAt, deps.now())})`,
  );
  if (hashTemplate(deployment.spec?.template) === entry.intent)
    throw new Refusal(`deployment/${at.name} is set to ${wanted} already: nothing to undo.`);
  const template = await templateOf(entry, deployment, { deps, wanted });
  await patchTemplate(template, deployment, { canary, deps });
  sayWhatFollows({ canary, entry, wanted }, deps, scope);
  return exitCode.ok;
}

/** The newest promoted run that `to` names: by its id, by the template's hash (or its first 6 characters and more), by image. */
export function findRecorded(to: string, history: readonly HistoryEntry[]): HistoryEntry | undefined {
  const newestFirst = promotedOf(history);
  const isMeant = ({ run, intent, images }: HistoryEntry): boolean =>
    run === to || isHash(to, intent) || Object.values(images).some((image) => isImage(to, image));
  return newestFirst.find(isMeant);
}

// --- internal ---

interface Undone {
  canary: Canary;
  entry: HistoryEntry;
  wanted: string;
}

function sayWhatFollows({ canary, entry, wanted }: Undone, deps: Deps, scope: Scope): void {
  const { metadata, spec, status = {} } = canary;
  const name = metadata.name ?? "";
  const say = (follows: string): unknown =>
    deps.stdout.write(`${name}: deployment/${spec.targetRef.name} is set to ${wanted} again: ${follows}.\n`);
  if (entry.intent === status.stable?.hash) say("it is stable, so no pod restarts");
  else if (status.rejected?.some(({ hash }) => hash === entry.intent)) {
    say("it was rejected since, so it is held and no run starts");
    deps.stderr.write(`To try it all the same: ${canaryCommand("retry", name, scope)}\n`);
  } else say("it is held, and a canary run of it starts");
  deps.stderr.write(`Follow it: ${canaryCommand("watch", name, scope)}\n`);
}

const shortestHash = 6;

function isHash(to: string, intent: string | undefined): boolean {
  if (!intent || to.length < shortestHash) return false;
  return intent.startsWith(to) || intent.replace(/^v\d+-/, "").startsWith(to);
}

function promotedOf(history: readonly HistoryEntry[]): HistoryEntry[] {
  return history.filter(({ outcome }) => outcome === "promoted").sort((a, b) => b.endedAt.localeCompare(a.endedAt));
}

function recordedVersion(to: string, canary: Canary, scope: Scope): HistoryEntry & { intent: string } {
  const history = canary.status?.history ?? [];
  const name = canary.metadata.name ?? "";
  const entry = findRecorded(to, history);
  if (!entry) {
    const known = promotedOf(history).map(({ images, run }) => `${imagesText(images)} (run ${run})`);
    const hint = known.length > 0 ? `Recorded are ${known.join(", ")}.` : "Nothing has been promoted here yet.";
    throw new Refusal(printable(`No promoted version "${to}" of Canary "${name}". ${hint}`), exitCode.notFound);
  }
  if (entry.intent) return { ...entry, intent: entry.intent };
  throw new Refusal(
    `Run ${printable(entry.run)} was recorded by an earlier version of the controller, without what its pods looked like. Set the image instead:\n  kubectl set image deployment/${canary.spec.targetRef.name} ... -n ${scope.namespace}${scope.clusterFlags}`,
  );
}

/** From the ReplicaSet that ran it, as `kubectl rollout undo` does. */
async function templateOf(
  entry: HistoryEntry,
  deployment: V1Deployment,
  { deps, wanted }: { deps: Deps; wanted: string },
): Promise<V1PodTemplateSpec> {
  const { uid, namespace = "", name } = deployment.metadata ?? {};
  const labelSelector = selectorQuery(deployment.spec?.selector);
  const { items } = await allowed(
    deps.cluster.list<V1ReplicaSet>(resource.replicaSets, { namespace, ...(labelSelector ? { labelSelector } : {}) }),
  );
  const own = items.filter(({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.uid === uid));
  const template = own.find((set) => hashTemplate(set.spec?.template) === entry.intent)?.spec?.template;
  if (template) return withoutHashLabel(template);
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  throw new Refusal(
    `The ReplicaSet of ${wanted} is gone: deployment/${name} keeps ${limit} old ones (spec.revisionHistoryLimit). Apply that version from where it is kept, as Git or a chart.`,
  );
}

function withoutHashLabel(template: V1PodTemplateSpec): V1PodTemplateSpec {
  const { [label.podTemplateHash]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** Rehearsed first: what would not be held would go live at once. */
async function patchTemplate(
  template: V1PodTemplateSpec,
  deployment: V1Deployment,
  { canary, deps }: { canary: Canary; deps: Deps },
): Promise<void> {
  const { name = "", namespace = "", resourceVersion } = deployment.metadata ?? {};
  const body = [
    { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "replace", path: "/spec/template", value: template },
  ];
  const at = { name, namespace };
  const patch = { type: "json", body, fieldManager: `kubectl-${manager}-undo` } as const;
  const rehearsed = await allowed(
    deps.cluster.patch<V1Deployment>(resource.deployments, at, { ...patch, dryRun: true }),
  );
  const isStable = hashTemplate(template) === canary.status?.stable?.hash;
  if (!isStable && rehearsed.metadata?.labels?.[label.held] === undefined)
    throw new Refusal(
      `Not written: the webhook would not hold deployment/${name}, and the change would go live without a canary. Is it under the Canary's control? Look:\n  kubectl get deployment ${name} -n ${namespace} --show-labels`,
    );
  await allowed(deps.cluster.patch(resource.deployments, at, patch));
}

async function allowed<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const permission = missingPermission(error);
    if (permission) throw new Refusal(`You may not undo to another version: ${permission}.`);
    // A webhook that refuses during a promotion answers 409 as well.
    if (hasCode(error, "Conflict") && error.reason === "Conflict")
      throw new Refusal("Not written: the Deployment changed at the same moment. Look again, then repeat.");
    throw error;
  }
}
