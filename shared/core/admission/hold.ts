/**
 * What a write to a gated Deployment becomes. A template that differs is stored as the user wrote it, but the Deployment's
 * own rollout is held; our marks survive whatever the writer sent. Pure and idempotent: the API server asks again on
 * retries, reinvocation and dry-run, and an answer given twice changes nothing the second time.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import { annotation, heldValue, label, targetLabels } from "../objects/names.ts";
import { describeChange, sameTemplate } from "../objects/pod-template.ts";
import * as say from "./warnings.ts";

export interface TargetWrite {
  oldObject: V1Deployment;
  object: V1Deployment;
  /** `userInfo.username`, as the API server authenticated it. */
  user: string;
  /** Accounts of ours; their writes pass as they are. */
  ownAccounts: readonly string[];
}

export type TargetAnswer =
  { allowed: true; object: V1Deployment; warnings: string[] } | { allowed: false; message: string; warnings: string[] };

/** Neither argument is changed; the answer's template is what came in, but for our own mark of its configuration. */
export function admitTarget(write: TargetWrite): TargetAnswer {
  if (write.ownAccounts.includes(write.user)) return pass(write.object);
  if (!isGated(write.oldObject)) return admitForeign(write.oldObject, write.object);
  return admitGated({ ...write, object: withConfigMark(write.oldObject, write.object) });
}

/**
 * A Deployment that is created with marks of ours has them from the one that it was copied or restored from: they go, and
 * what they stood for is said. It stays paused where it is: nobody has judged the template of a held one.
 */
export function admitCreated(object: V1Deployment): TargetAnswer {
  const wasHeld = isHeld(object);
  if (Object.keys(marksOf(object)).length === 0) return pass(object);
  return pass(withRequester(withMarks(object, {}), undefined), say.createdWithMarks(object, wasHeld));
}

/** Opted in: our label is there and names this very object. A copy carries the UID of its original. */
export function isGated(deployment: V1Deployment): boolean {
  const uid = deployment.metadata?.uid;
  return uid !== undefined && deployment.metadata?.labels?.[label.target] === uid;
}

// --- internal ---

type Marks = Partial<Record<(typeof targetLabels)[number], string>>;

const pass = (object: V1Deployment, warnings: string[] = []): TargetAnswer => ({ allowed: true, object, warnings });

function admitGated(write: TargetWrite): TargetAnswer {
  const { oldObject, object } = write;
  if (bypassed(oldObject, object)) return breakGlass(write);
  if (sameTemplate(oldObject.spec?.template, object.spec?.template)) return keep(oldObject, object);
  const run = marksOf(oldObject)[label.promoting];
  return run === undefined ? hold(write) : { allowed: false, message: say.promoting(object, run), warnings: [] };
}

/** A Deployment that is not ours: its owner may take marks off (they came with a copy), but nobody may put them on. */
function admitForeign(oldObject: V1Deployment, object: V1Deployment): TargetAnswer {
  const before = marksOf(oldObject);
  const sent = marksOf(object);
  const marks: Marks = {};
  for (const key of targetLabels) if (sent[key] !== undefined && before[key] !== undefined) marks[key] = before[key];
  const warnings: string[] = [];
  if (isForged(object, before, marks)) warnings.push(...say.forged(object));
  else if (marks[label.target] !== undefined) warnings.push(...say.copied(object));
  return pass(withMarks(object, marks), warnings);
}

function hold({ oldObject, object, user }: TargetWrite): TargetAnswer {
  const held = isHeld(oldObject) ? heldNow(oldObject, object) : newlyHeld(object);
  const marked = withMarks(object, { ...marksOf(oldObject), [label.held]: held });
  const change = describeChange(oldObject.spec?.template, object.spec?.template);
  return pass(withRequester(withPaused(marked, true), user), say.held(object, change));
}

/** The template stays: our marks do too, and so does the hold. */
function keep(oldObject: V1Deployment, object: V1Deployment): TargetAnswer {
  const before = marksOf(oldObject);
  const isMarked = before[label.held] !== undefined;
  const marks = isMarked ? { ...before, [label.held]: heldNow(oldObject, object) } : before;
  const warnings = !isManifest(object) && isForged(object, before, marks) ? say.forged(object) : [];
  if (!isMarked) return pass(withMarks(object, marks), warnings);
  const requester = oldObject.metadata?.annotations?.[annotation.requestedBy];
  const kept = withRequester(withMarks(object, marks), requester);
  if (!isHeld(oldObject) || isPaused(object)) return pass(kept, warnings);
  if (!isManifest(object)) warnings.push(...say.stillHeld(object));
  return pass(withPaused(kept, true), warnings);
}

/**
 * One change goes out without a canary, by a label that was set in a step of its own. A hold from before is lifted with a
 * new template, or the emergency fix would sit under the pause of the version that it replaces.
 */
function breakGlass(write: TargetWrite): TargetAnswer {
  const { oldObject, object } = write;
  const changed = !sameTemplate(oldObject.spec?.template, object.spec?.template);
  const resumed = isHeld(oldObject) && !isPaused(object);
  if (changed || resumed) return release(write, changed);
  const requester = oldObject.metadata?.annotations?.[annotation.requestedBy];
  return pass(withRequester(withMarks(object, marksOf(oldObject)), requester));
}

/** Who did it stays on the object for the controller to report, which takes it off together with the bypass. */
function release({ oldObject, object, user }: TargetWrite, changed: boolean): TargetAnswer {
  const paused = isHeld(oldObject) ? heldNow(oldObject, object) === heldValue.pausedByUser : isPaused(object);
  const { [label.held]: _lifted, ...rest } = marksOf(oldObject);
  const change = changed ? describeChange(oldObject.spec?.template, object.spec?.template) : "its held version";
  return pass(withRequester(withPaused(withMarks(object, rest), paused), user), say.unheld(object, change));
}

/** Which configuration a template stands for is ours to say: whoever sends a whole manifest knows nothing of it. */
function withConfigMark(oldObject: V1Deployment, object: V1Deployment): V1Deployment {
  const mark = configMarkOf(oldObject);
  if (!object.spec || configMarkOf(object) === mark) return object;
  const { template } = object.spec;
  const { [annotation.config]: _sent, ...others } = { ...template.metadata?.annotations };
  const annotations = mark === undefined ? others : { ...others, [annotation.config]: mark };
  return {
    ...object,
    spec: { ...object.spec, template: { ...template, metadata: { ...template.metadata, annotations } } },
  };
}

const configMarkOf = ({ spec }: V1Deployment): string | undefined =>
  spec?.template.metadata?.annotations?.[annotation.config];

/** In both objects, so that no single write (a manifest that still carries the label) can slip through. */
function bypassed(oldObject: V1Deployment, object: V1Deployment): boolean {
  return [oldObject, object].every((deployment) => deployment.metadata?.labels?.[label.bypass] !== undefined);
}

/** What `spec.paused` is to be once the hold ends. Whoever unpauses a held rollout wants it to run then. */
function heldNow(oldObject: V1Deployment, object: V1Deployment): string {
  const wasPaused = marksOf(oldObject)[label.held] === heldValue.pausedByUser;
  const before = wasPaused ? heldValue.pausedByUser : heldValue.running;
  if (isPaused(oldObject)) return !isPaused(object) || answeredRunning(object) ? heldValue.running : before;
  return isPaused(object) && !isManifest(object) ? heldValue.pausedByUser : before;
}

const newlyHeld = (object: V1Deployment): string =>
  isPaused(object) && !answeredRunning(object) ? heldValue.pausedByUser : heldValue.running;

/** On reinvocation the object is our own first answer: paused by us, and its label says so. */
const answeredRunning = (object: V1Deployment): boolean => marksOf(object)[label.held] === heldValue.running;

const isPaused = (deployment: V1Deployment): boolean => deployment.spec?.paused === true;

const isHeld = (deployment: V1Deployment): boolean =>
  marksOf(deployment)[label.held] !== undefined && isPaused(deployment);

/** A PUT of a manifest is the one write that has no UID; what it leaves out was not decided by anyone. */
const isManifest = (object: V1Deployment): boolean => object.metadata?.uid === undefined;

function marksOf(deployment: V1Deployment): Marks {
  const labels = deployment.metadata?.labels ?? {};
  const marks: Marks = {};
  for (const key of targetLabels) if (labels[key] !== undefined) marks[key] = labels[key];
  return marks;
}

/** Marks that are neither what they were nor what we make of them came from the writer. */
function isForged(object: V1Deployment, before: Marks, after: Marks): boolean {
  const sent = marksOf(object);
  return targetLabels.some((key) => sent[key] !== before[key] && sent[key] !== after[key]);
}

/** The object with exactly these marks; itself if it has them already. */
function withMarks(object: V1Deployment, marks: Marks): V1Deployment {
  if (targetLabels.every((key) => marksOf(object)[key] === marks[key])) return object;
  const labels = { ...object.metadata?.labels };
  for (const key of targetLabels) {
    const value = marks[key];
    if (value === undefined) delete labels[key];
    else labels[key] = value;
  }
  return { ...object, metadata: { ...object.metadata, labels } };
}

function withRequester(object: V1Deployment, user: string | undefined): V1Deployment {
  if (object.metadata?.annotations?.[annotation.requestedBy] === user) return object;
  const annotations = { ...object.metadata?.annotations };
  if (user === undefined) delete annotations[annotation.requestedBy];
  else annotations[annotation.requestedBy] = user;
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function withPaused(object: V1Deployment, paused: boolean): V1Deployment {
  if (isPaused(object) === paused || !object.spec) return object;
  const { paused: _was, ...spec } = object.spec;
  return { ...object, spec: paused ? { ...spec, paused } : spec };
}
