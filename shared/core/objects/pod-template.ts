/**
 * Pod templates as intents: when two of them mean the same, and what changed between two that do not.
 * List order counts, because plain Kubernetes rolls for it too; quantities count by value.
 */
import type { V1Container, V1PodTemplateSpec } from "@kubernetes/client-node";
import { label } from "./names.ts";
import { canonicalQuantity } from "../format/quantity.ts";

/** Prefix of every hash; a change of the canonical form changes it, so that old hashes are re-based and never compared. */
export const hashVersion = "v1";

/** Single quantities of a pod spec beside the amounts in `resources`, by their last two keys. */
const quantityFields = new Set(["emptyDir.sizeLimit", "resourceFieldRef.divisor", "overhead.cpu", "overhead.memory"]);

/** Canonical text of a template: sorted keys, nulls and Kubernetes' own hash label left out, quantities by value. */
export function canonicalTemplate(template: V1PodTemplateSpec | undefined): string {
  return JSON.stringify(canonical(parts(template)));
}

/** Both templates give the same pods. */
export function sameTemplate(a: V1PodTemplateSpec | undefined, b: V1PodTemplateSpec | undefined): boolean {
  // Both are compared as they are: canonical texts of a megabyte take 20 ms each to make.
  return isSame(parts(a), parts(b));
}

/** Image of each container, init containers included, by container name. */
export function imagesOf(template: V1PodTemplateSpec | undefined): Record<string, string> {
  const images: Record<string, string> = {};
  for (const container of allContainers(template)) images[container.name] = container.image ?? "";
  return images;
}

/**
 * What changed, in a few words a person knows: `image podinfod 1.7.0 -> 1.7.1`, else the parts that differ
 * (`env of podinfod, pod annotations`).
 */
export function describeChange(before: V1PodTemplateSpec | undefined, after: V1PodTemplateSpec | undefined): string {
  const was = imagesOf(before);
  const images = Object.entries(imagesOf(after))
    .filter(([name, image]) => was[name] !== image)
    .map(([name, image]) => `image ${name} ${shortImages(was[name], image)}`);
  const parts = [...images, ...changedContainers(before, after), ...changedMetadata(before, after)];
  if (parts.length > 0) return parts.join(", ");
  return sameTemplate(before, after) ? "nothing" : "pod spec";
}

/** `a -> b` without the repository where both share it. */
export function shortImages(before: string | undefined, after: string): string {
  if (!before) return `-> ${after}`;
  const [repository, tag] = splitImage(before);
  const [newRepository, newTag] = splitImage(after);
  if (repository === newRepository && (tag || newTag)) return `${tag || "no tag"} -> ${newTag || "no tag"}`;
  const whole = `${before} -> ${after}`;
  if (whole.length <= longestPair) return whole;
  const short = [lastOf(repository, tag), lastOf(newRepository, newTag)];
  return short[0] === short[1] ? whole : short.join(" -> ");
}

/** Labels of its pods, without the one that Kubernetes adds for each ReplicaSet. */
export function podLabelsOf(template: V1PodTemplateSpec | undefined): Record<string, string> {
  const { [label.podTemplateHash]: _added, ...given } = { ...template?.metadata?.labels };
  return given;
}

// --- internal ---

/** What a warning has room for beside its other words. */
const longestPair = 80;

function lastOf(repository: string, tag: string): string {
  return `${repository.slice(repository.lastIndexOf("/") + 1)}${tag.includes(":") ? "@" : ":"}${tag}`;
}

/** Repository, and tag or the beginning of the digest, which alone counts where both are given. */
function splitImage(image: string): [string, string] {
  const at = image.indexOf("@");
  if (at >= 0) return [splitImage(image.slice(0, at))[0], image.slice(at + 1, at + 20)];
  const colon = image.lastIndexOf(":");
  return colon > image.lastIndexOf("/") ? [image.slice(0, colon), image.slice(colon + 1)] : [image, ""];
}

function allContainers(template: V1PodTemplateSpec | undefined): V1Container[] {
  return [...(template?.spec?.initContainers ?? []), ...(template?.spec?.containers ?? [])];
}

function changedContainers(before: V1PodTemplateSpec | undefined, after: V1PodTemplateSpec | undefined): string[] {
  const was = new Map(allContainers(before).map((container) => [container.name, container]));
  const parts: string[] = [];
  for (const container of allContainers(after)) {
    const old = was.get(container.name);
    was.delete(container.name);
    if (!old) continue;
    const keys = ["env", "envFrom", "resources", "args", "command", "ports"] as const;
    const changed = keys.filter((key) => !isSame(old[key], container[key]));
    if (changed.length > 0) parts.push(`${changed.join(" and ")} of ${container.name}`);
  }
  for (const name of was.keys()) parts.push(`container ${name} removed`);
  return parts;
}

function changedMetadata(before: V1PodTemplateSpec | undefined, after: V1PodTemplateSpec | undefined): string[] {
  const keys = ["annotations", "labels"] as const;
  return keys
    .filter((key) => !isSame(nonEmpty(before?.metadata?.[key]), nonEmpty(after?.metadata?.[key])))
    .map((key) => `pod ${key}`);
}

/** What of a template makes its pods. */
function parts(template: V1PodTemplateSpec | undefined): object {
  const { labels, annotations } = { ...template?.metadata };
  const ownLabels = Object.entries(labels ?? {}).filter(([key]) => key !== label.podTemplateHash);
  return {
    metadata: { annotations: nonEmpty(annotations), labels: Object.fromEntries(ownLabels) },
    spec: template?.spec,
  };
}

/** Both have one canonical text; `at` as for {@link canonical}. */
function isSame(a: unknown, b: unknown, at: readonly string[] = []): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index], at));
  if (isMap(a) && isMap(b)) return isSameMap(a, b, at);
  return isQuantity(at) && isSameAmount(a, b);
}

const isSameAmount = (a: unknown, b: unknown): boolean => isSet(a) && isSet(b) && quantity(a) === quantity(b);

function isSameMap(a: Fields, b: Fields, at: readonly string[]): boolean {
  const keys = namesIn(a);
  if (keys.length !== namesIn(b).length) return false;
  return keys.every((key) => isSet(b[key]) && Object.hasOwn(b, key) && isSame(a[key], b[key], [...at.slice(-2), key]));
}

type Fields = Record<string, unknown>;

const isMap = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

const isSet = (value: unknown): boolean => value !== null && value !== undefined;

const namesIn = (fields: Fields): string[] => Object.keys(fields).filter((key) => isSet(fields[key]));

function nonEmpty(map: Record<string, string> | undefined): Record<string, string> | undefined {
  return map && Object.keys(map).length > 0 ? map : undefined;
}

/** `at` is the keys above `value`, nearest last; list positions are left out. */
function canonical(value: unknown, at: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item, at));
  if (value === null || typeof value !== "object") return isQuantity(at) ? quantity(value) : value;
  const entries = Object.entries(value)
    .filter(([, field]) => field !== null && field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, field]) => [name, canonical(field, [...at.slice(-2), name])]));
}

/** Only where the API has quantities: a label or annotation of the same name is text. */
function isQuantity(at: readonly string[]): boolean {
  const [above = "", parent = "", key = ""] = [...Array<string>(3 - at.length).fill(""), ...at];
  const amount = above === "resources" && (parent === "requests" || parent === "limits");
  return amount || quantityFields.has(`${parent}.${key}`);
}

function quantity(value: unknown): unknown {
  return typeof value === "string" || typeof value === "number" ? canonicalQuantity(value) : value;
}
