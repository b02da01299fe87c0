/** The versions that a Canary's status remembers as stable: what was promoted, and what ran before. Pure. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { HistoryEntry } from "../../../shared/core/objects/canary-status.ts";
import { exitCode, type Scope } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { printable } from "../../terminal/style.ts";
import { imagesText, isImage } from "../../view/images.ts";

export interface Recorded {
  /** Hash of its template. */
  intent: string;
  images: Record<string, string>;
  run: string;
  isPromoted: boolean;
  /** When it was promoted; or when that run took its place, RFC 3339. */
  at: string;
}

/** The newest that `to` names: by run, by the template's hash (or its first 6 characters and more), by image. */
export function recordedVersion(to: string, canary: Canary, scope: Scope): Recorded {
  const known = versionsIn(canary.status?.history ?? []);
  const found = known.find((version) => isMeant(to, version));
  if (!found) throw unknownVersion(to, known, canary);
  const { intent } = found;
  if (intent !== undefined) return { ...found, intent };
  throw new Refusal(
    `Run ${printable(found.run)} was recorded by an earlier version of the controller, without what its pods looked like. Set the image instead:\n  kubectl set image deployment/${canary.spec.targetRef.name} ... -n ${scope.namespace}${scope.clusterFlags}`,
  );
}

// --- internal ---

type Known = Omit<Recorded, "intent"> & { intent?: string | undefined };

/** Newest first. What a promoted version replaced is of interest where no run of its own is remembered. */
function versionsIn(history: readonly HistoryEntry[]): Known[] {
  const promoted = history
    .filter(({ outcome }) => outcome === "promoted")
    .sort((a, b) => b.endedAt.localeCompare(a.endedAt));
  const own = promoted.map(({ intent, images, run, endedAt }) => ({
    intent,
    images,
    run,
    isPromoted: true,
    at: endedAt,
  }));
  const replaced = promoted.flatMap(({ before, run, endedAt }): Known[] => {
    const isKnown = !before || promoted.some(({ intent }) => intent === before.hash);
    return isKnown ? [] : [{ intent: before.hash, images: before.images, run, isPromoted: false, at: endedAt }];
  });
  return [...own, ...replaced];
}

function isMeant(to: string, { run, intent, images, isPromoted }: Known): boolean {
  const isRun = isPromoted && run === to;
  return isRun || isHash(to, intent) || Object.values(images).some((image) => isImage(to, image));
}

const shortestHash = 6;

function isHash(to: string, intent: string | undefined): boolean {
  if (!intent || to.length < shortestHash) return false;
  return intent.startsWith(to) || intent.replace(/^v\d+-/, "").startsWith(to);
}

function unknownVersion(to: string, known: readonly Known[], { metadata }: Canary): Refusal {
  const names = known.map(({ images, run, isPromoted }) =>
    isPromoted ? `${imagesText(images)} (run ${run})` : `${imagesText(images)} (stable until run ${run})`,
  );
  const hint = names.length > 0 ? `Recorded are ${names.join(", ")}.` : "Nothing has been promoted here yet.";
  const words = `No promoted version "${to}" of Canary "${metadata.name ?? ""}". ${hint}`;
  return new Refusal(printable(words), exitCode.notFound);
}
