/**
 * What of an object of ours comes from the Canary's spec. The object itself remembers it, so that it follows the spec in whatever
 * someone changes there, and keeps what others have added.
 */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { checksum } from "../../format/checksum.ts";
import { sortedJson } from "../../format/sorted-json.ts";
import { annotation } from "../names.ts";

/** Labels and annotations that the spec gives an object. */
export interface Given {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface Described {
  metadata?: V1ObjectMeta;
}

/** The object with what is given; our own keys win. `fields` are the parts of its spec that come from the Canary's, by their names. */
export function stampedBySpec<T extends Described>(made: T, given: Given, fields: object = {}): T {
  const { labels = {}, annotations = {} } = given;
  if ([labels, annotations, fields].every((part) => Object.keys(part).length === 0)) return made;
  const stamp: Stamp = {
    sum: checksum(sortedJson({ labels, annotations, fields })),
    labels: Object.keys(labels).sort(),
    annotations: Object.keys(annotations).sort(),
    fields: Object.keys(fields).sort(),
  };
  const { metadata } = made;
  const all = { ...annotations, ...metadata?.annotations, [annotation.fromSpec]: JSON.stringify(stamp) };
  return { ...made, metadata: { ...metadata, labels: { ...labels, ...metadata?.labels }, annotations: all } };
}

/** `found` has from the spec what `wanted` has. */
export function followsSpec(found: Described, wanted: Described): boolean {
  return found.metadata?.annotations?.[annotation.fromSpec] === wanted.metadata?.annotations?.[annotation.fromSpec];
}

/** What `found` has from an earlier spec and `wanted` has no more, by their names. */
export function droppedFrom(found: Described, wanted: Described): Omit<Stamp, "sum"> {
  const [before, now] = [stampOf(found), stampOf(wanted)];
  const gone = (part: "labels" | "annotations" | "fields"): string[] =>
    before[part].filter((name) => !now[part].includes(name));
  const stamp = wanted.metadata?.annotations?.[annotation.fromSpec] === undefined ? [annotation.fromSpec] : [];
  return { labels: gone("labels"), annotations: [...gone("annotations"), ...stamp], fields: gone("fields") };
}

/** Parts of its spec with which the object was last written from the Canary's, by their names. */
export const fieldsWritten = (object: Described): string[] => stampOf(object).fields;

/** The object without these keys. */
export function without<T extends object>(of: T, names: readonly string[]): T {
  return Object.fromEntries(Object.entries(of).filter(([name]) => !names.includes(name))) as T;
}

// --- internal ---

interface Stamp {
  sum: string;
  labels: string[];
  annotations: string[];
  fields: string[];
}

const none: Stamp = { sum: "", labels: [], annotations: [], fields: [] };

/** Somebody else may have written anything there. */
function stampOf({ metadata }: Described): Stamp {
  try {
    const read = JSON.parse(metadata?.annotations?.[annotation.fromSpec] ?? "{}") as Partial<Stamp>;
    const list = (names: unknown): string[] =>
      Array.isArray(names) ? names.filter((name): name is string => typeof name === "string") : [];
    return {
      ...none,
      labels: list(read.labels),
      annotations: list(read.annotations),
      fields: list(read.fields),
    };
  } catch {
    return none;
  }
}
