/**
 * What a Canary's own text asks for and can never be: it is refused when it is written, with all its reasons, so that nobody waits for a run
 * that cannot begin. What an object, the cluster or the chart may still put right is for the status to say.
 */
import { type Canary, isLeftToFlagger } from "../objects/canary.ts";
import type { Finding, SeenObjects } from "../preconditions/finding.ts";
import { byText, type PreconditionCode, unmetPreconditions } from "../preconditions/preconditions.ts";

/** What reads texts in one Canary that are of languages of their own; of each Canary it reads only so much. */
export type TextReaders = Pick<SeenObjects, "readQuery" | "isPattern">;

/**
 * What was there `before` is not found again: a Canary of an earlier time stays editable, and may be put right part by part. Nothing in one
 * that is left to Flagger.
 */
export function impossibleIn(canary: Canary, before: Canary | undefined, readers: () => TextReaders): Impossible[] {
  if (isLeftToFlagger(canary)) return [];
  const found = hopeless(canary, readers());
  if (!before || found.length === 0) return found;
  const known = new Set(hopeless(before, readers()).flatMap(subjects));
  return found.filter((one) => subjects(one).some((subject) => !known.has(subject)));
}

/** All of them, each with the field that it is about. */
export function impossibleText(found: readonly Impossible[]): string {
  return found
    .map(({ fields, what }) =>
      [...fields.filter((field) => !what.includes(field)).map((one) => `${one}: `), what].join(""),
    )
    .join(" ");
}

// --- internal ---

type Impossible = Finding<PreconditionCode> & { fields: readonly string[] };

/** Also of metrics that `skipAnalysis` lets nobody ask: it may be taken off at any time. */
function hopeless(canary: Canary, readers: TextReaders): Impossible[] {
  return unmetPreconditions({ ...byText(canary), ...readers }).filter(
    (one): one is Impossible => one.fields !== undefined,
  );
}

const subjects = ({ code, fields }: Impossible): string[] => fields.map((field) => `${code} ${field}`);
