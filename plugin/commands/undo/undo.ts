/**
 * `undo NAME --to VERSION`: writes a version that was promoted before into the Deployment, by the rights of the person who
 * asks. The webhook holds it like any other change, so that it goes live by a canary run, or with `--now` when the controller says so.
 */
import type { V1Deployment, V1PodTemplateSpec, V1ReplicaSet } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { label, manager } from "../../../shared/core/objects/names.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { canaryCommand } from "../../view/suggestions.ts";
import { type Deps, exitCode, type Scope } from "../../context.ts";
import { missingPermission, Refusal } from "../../errors.ts";
import { findCanary } from "../../cluster/find-canary.ts";
import { imagesText } from "../../view/images.ts";
import { selectorQuery } from "../../read/read-objects.ts";
import { relative } from "../../terminal/time.ts";
import { printable } from "../../terminal/style.ts";
import { letOutNow, rehearseNow, type NowArgs } from "./now.ts";
import { recordedVersion, type Recorded } from "./recorded.ts";
import { requireUndoing, type Rehearsed } from "./rehearsed.ts";

export interface UndoArgs {
  name: string;
  /** Image, hash of the template, or id of the run that promoted it. */
  to: string;
  /** Without a canary: set where `--now` was given. */
  now?: Pick<NowArgs, "reason" | "timeoutMs"> | undefined;
}

export async function undoTo(args: UndoArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  const entry = recordedVersion(args.to, canary, scope);
  const at = { name: canary.spec.targetRef.name, namespace: scope.namespace };
  const deployment = await allowed(deps.cluster.get<V1Deployment>(resource.deployments, at));
  const undone: Undone = { canary, entry, deployment, wanted: wordsOf(entry, deps.now()) };
  // No pod restarts for it, so there is nothing to hurry.
  const isStable = entry.intent === canary.status?.stable?.hash;
  return args.now && !isStable ? undoNow(args, args.now, undone, { deps, scope }) : undoByCanary(undone, deps, scope);
}

// --- internal ---

interface Undone {
  canary: Canary;
  entry: Recorded;
  deployment: V1Deployment;
  /** The version and where it is from, for sentences. */
  wanted: string;
}

const isSetTo = ({ deployment, entry }: Undone): boolean => hashTemplate(deployment.spec?.template) === entry.intent;

async function undoByCanary(undone: Undone, deps: Deps, scope: Scope): Promise<number> {
  const { canary, wanted } = undone;
  if (isSetTo(undone))
    throw new Refusal(`deployment/${canary.spec.targetRef.name} is set to ${wanted} already: nothing to undo.`);
  const isExact = await setTemplate(undone, deps, false);
  return sayWhatFollows(undone, isExact, { deps, scope });
}

async function undoNow(
  { name, to }: UndoArgs,
  now: NonNullable<UndoArgs["now"]>,
  undone: Undone,
  { deps, scope }: { deps: Deps; scope: Scope },
): Promise<number> {
  const { canary, entry, wanted } = undone;
  refuseRejected(entry, canary, scope);
  await rehearseNow(canary, deps);
  if (!isSetTo(undone)) await setTemplate(undone, deps, true);
  deps.stderr.write(`deployment/${canary.spec.targetRef.name} is set to ${wanted}: waiting for its run to begin.\n`);
  return letOutNow({ ...now, name: canary.metadata.name ?? name, to, intent: entry.intent }, deps, scope);
}

/** Says whether the Deployment has exactly the version's template now. */
async function setTemplate(
  { canary, entry, deployment, wanted }: Undone,
  deps: Deps,
  isNow: boolean,
): Promise<boolean> {
  const template = await templateOf(entry, deployment, { deps, wanted });
  return patchTemplate(template, deployment, { stable: canary.status?.stable?.hash, wanted, isNow, deps });
}

function wordsOf({ images, run, isPromoted, at }: Recorded, now: number): string {
  const when = relative(at, now);
  const where = isPromoted ? `run ${run}, promoted ${when}` : `stable until run ${run}, ${when}`;
  return printable(`${imagesText(images)} (${where})`);
}

/** What failed after it had been promoted is not known to be good any more. */
function refuseRejected({ intent }: Recorded, { metadata, status }: Canary, scope: Scope): void {
  const rejection = status?.rejected?.find(({ hash }) => hash === intent);
  if (!rejection) return;
  throw new Refusal(
    `It was rejected since (${printable(rejection.cause)}), so it does not go out at once. Leave --now off, then try it by a canary:\n  ${canaryCommand("retry", metadata.name ?? "", scope)}`,
  );
}

function sayWhatFollows(
  { canary, entry, wanted }: Undone,
  isExact: boolean,
  { deps, scope }: { deps: Deps; scope: Scope },
): number {
  const { metadata, spec, status = {} } = canary;
  const name = metadata.name ?? "";
  const say = (follows: string): unknown =>
    deps.stdout.write(`${name}: deployment/${spec.targetRef.name} is set to ${wanted} again: ${follows}.\n`);
  if (!isExact)
    say("with its ConfigMaps and Secrets as they are now, or as a webhook has changed it, so a canary run judges it");
  else if (entry.intent === status.stable?.hash) say("it is stable, so no pod restarts");
  else if (status.rejected?.some(({ hash }) => hash === entry.intent)) {
    say("it was rejected since, so it is held and no run starts");
    deps.stderr.write(`To try it all the same: ${canaryCommand("retry", name, scope)}\n`);
  } else if (spec.analysis.rollbackWindow)
    say("it is held, and goes out at once if it is within analysis.rollbackWindow, or else by a canary run");
  else say("it is held, and a canary run of it starts");
  deps.stderr.write(`Follow it: ${canaryCommand("watch", name, scope)}\n`);
  return exitCode.ok;
}

/** From the ReplicaSet that ran it, as `kubectl rollout undo` does. */
async function templateOf(
  entry: Recorded,
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
  { deps, ...asked }: Pick<Rehearsed, "stable" | "wanted" | "isNow"> & { deps: Deps },
): Promise<boolean> {
  const { name = "", namespace = "", resourceVersion } = deployment.metadata ?? {};
  const body = [
    { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "replace", path: "/spec/template", value: template },
  ];
  const at = { name, namespace };
  const patch = { type: "json", body, fieldManager: `kubectl-${manager}-undo` } as const;
  const after = await allowed(deps.cluster.patch<V1Deployment>(resource.deployments, at, { ...patch, dryRun: true }));
  const isExact = requireUndoing({ before: deployment, after, template, ...asked });
  await allowed(deps.cluster.patch(resource.deployments, at, patch));
  return isExact;
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
