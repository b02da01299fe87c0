/**
 * What is ours. A label with the Canary's name is copied along with a manifest, so what is deleted or counted as ours carries the
 * Canary's UID together with the name that it was made under: a copy that was renamed has it wrong, and is its user's.
 */
import { checksum } from "../format/checksum.ts";
import { canaryLeaf, canaryName, label, manager, primaryLeaf } from "./names.ts";

interface Maker {
  /** The Canary's name. */
  canary: string;
  /** The Canary's UID. */
  uid: string;
}

interface Owner {
  metadata: { name?: string; uid?: string };
}

interface Labelled {
  metadata?: { name?: string; labels?: Record<string, string> };
}

/** Value of `label.canaryUid` on what `maker` makes under `name`. */
export function sealOf(maker: Maker, name: string): string {
  return `${maker.uid}.${checksum(`${maker.canary}/${name}`)}`;
}

/** Carries this Canary's own seal. */
export function isSealedBy(maker: Maker, object: Labelled): boolean {
  return object.metadata?.labels?.[label.canaryUid] === sealOf(maker, object.metadata?.name ?? "");
}

/** A Service that was made for a target that had none: it follows the spec. Any other is its user's, and is not changed. */
export function isOurApex({ metadata: { name = "", uid = "" } }: Owner, apex: Labelled): boolean {
  return isSealedBy({ canary: name, uid }, apex);
}

/**
 * Made by the Canary of this name: of this UID, or of any where that is not known any more. What an earlier version made carries no
 * seal; it is taken for ours as long as its Canary is there and it has one of the names that this one gives (`names`).
 */
export function isMadeBy(
  { canary, uid, names = [] }: { canary: string; uid?: string | undefined; names?: readonly string[] },
  object: Labelled,
): boolean {
  const { name = "", labels = {} } = object.metadata ?? {};
  if (labels[label.canary] !== canary || labels[label.managedBy] !== manager) return false;
  const seal = labels[label.canaryUid];
  if (seal === undefined) return uid !== undefined && names.includes(name);
  return seal === sealOf({ canary, uid: uid ?? seal.slice(0, seal.lastIndexOf(".")) }, name);
}

/** What a Canary makes beside the route. */
export function namesMadeFor(targetName: string, apexName: string): { deployments: string[]; services: string[] } {
  return { deployments: [canaryName(targetName)], services: [primaryLeaf(apexName), canaryLeaf(apexName)] };
}
