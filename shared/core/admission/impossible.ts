/**
 * What a Canary's own text asks for and can never be: it is refused when it is written, with all its reasons, so that nobody waits for a run
 * that cannot begin. What an object, the cluster or the chart may still put right is for the status to say.
 */
import { type Canary, isLeftToFlagger, withSpec } from "../objects/canary.ts";
import type { Finding, SeenObjects } from "../preconditions/finding.ts";
import { byText, type PreconditionCode, unmetPreconditions } from "../preconditions/preconditions.ts";
import { parsePolicy } from "../spec/policy.ts";
import { soundPart } from "./sound-part.ts";

/** What reads texts in one Canary that are of languages of their own; of each Canary it reads only so much. */
export type TextReaders = Pick<SeenObjects, "readQuery" | "isPattern">;

/** A reason, and the Canary's own fields that ask for it. */
export type Impossible = Finding<PreconditionCode> & { fields: readonly string[] };

/**
 * What was there `before` is not found again: a Canary of an earlier time stays editable, and may be put right part by part. Nothing in one
 * that is left to Flagger. Parts with a fault are no reason here, and do not hide the others.
 */
export function impossibleIn(canary: Canary, before: Canary | undefined, readers: () => TextReaders): Impossible[] {
  if (isLeftToFlagger(canary)) return [];
  const found = hopeless(canary, readers());
  if (!before || found.length === 0) return found;
  const known = new Set(hopeless(before, readers()).flatMap(subjects));
  return found.filter((one) => subjects(one).some((subject) => !known.has(subject)));
}

// --- internal ---

/** Also of metrics that `skipAnalysis` lets nobody ask: it may be taken off at any time. */
function hopeless(canary: Canary, readers: TextReaders): Impossible[] {
  const whole = withSpec(canary);
  const policy = parsePolicy(whole.spec);
  const { sound, unjudged } = policy.ok ? { sound: whole, unjudged: [] } : soundPart(whole, policy.errors);
  return unmetPreconditions({ ...byText(sound), ...readers }).filter(
    (one): one is Impossible => one.fields !== undefined && !unjudged.includes(one.code),
  );
}

const subjects = ({ code, fields }: Impossible): string[] => fields.map((field) => `${code} ${field}`);
