/**
 * Who owns the fields of a template that we put back. Our write makes them ours; here they go back to the writers that had
 * them, so that nobody's next apply conflicts. What the intent had dropped goes to whoever applied the intent: owned by
 * nobody, it would stay in every later template. `managedFields` are trees of paths, as the API server keeps them.
 */
import type { V1ManagedFieldsEntry } from "@kubernetes/client-node";

/**
 * The entries with nothing of `ours` under `spec.template`. `before` are the entries from before our write; where they are
 * lost (a restart in between), all goes to the last applier. Undefined: there is nothing to give back.
 */
export function returnFields(
  before: readonly V1ManagedFieldsEntry[],
  after: readonly V1ManagedFieldsEntry[],
  ours: string,
): V1ManagedFieldsEntry[] | undefined {
  const taken = union(after.filter((entry) => isOurs(entry, ours)).map(templatePaths));
  if (taken.size === 0) return undefined;
  const applier = applierOf(after, ours);
  // An edit by hand of what someone applies would make the next apply conflict; its field is the applier's again.
  const present = (one: V1ManagedFieldsEntry): boolean => after.some((entry) => sameWriter(entry, one));
  const owners = before.filter((one) => !isOurs(one, ours) && one.operation === applier?.operation && present(one));
  const owned = union(owners.map(templatePaths));
  const orphaned = [...taken].filter((path) => !owned.has(path));
  return after.flatMap((entry) => {
    if (isOurs(entry, ours)) return withoutTemplate(entry);
    const owner = owners.find((one) => sameWriter(one, entry));
    const had = owner ? [...templatePaths(owner)].filter((path) => taken.has(path)) : [];
    const given = entry === applier ? [...had, ...orphaned] : had;
    return [given.length > 0 ? withPaths(entry, given) : entry];
  });
}

// --- internal ---

type Tree = { [key: string]: Tree };

const templateRoot = ["f:spec", "f:template"] as const;
/** No key of a path has it: they are JSON and names. */
const separator = "\u0000";

const isOurs = (entry: V1ManagedFieldsEntry, ours: string): boolean =>
  entry.manager === ours && entry.subresource === undefined;

const sameWriter = (a: V1ManagedFieldsEntry, b: V1ManagedFieldsEntry): boolean =>
  a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;

/** Who has last applied a template; where nobody applies, who has last written one. */
function applierOf(entries: readonly V1ManagedFieldsEntry[], ours: string): V1ManagedFieldsEntry | undefined {
  const writers = entries.filter((entry) => !isOurs(entry, ours) && templatePaths(entry).size > 0);
  const appliers = writers.filter((entry) => entry.operation === "Apply");
  return (appliers.length > 0 ? appliers : writers).reduce<V1ManagedFieldsEntry | undefined>(
    (last, entry) => (!last || timeOf(entry) > timeOf(last) ? entry : last),
    undefined,
  );
}

const timeOf = ({ time }: V1ManagedFieldsEntry): string => (time === undefined ? "" : JSON.stringify(time));

function union(sets: readonly ReadonlySet<string>[]): Set<string> {
  return new Set(sets.flatMap((paths) => [...paths]));
}

/** Paths below `spec.template` that the entry owns, each with its keys joined. */
function templatePaths(entry: V1ManagedFieldsEntry): Set<string> {
  const paths = new Set<string>();
  const template = templateRoot.reduce<Tree | undefined>((tree, key) => tree?.[key], treeOf(entry));
  if (template) collect(template, [], paths);
  return paths;
}

/** A node without children is owned itself; one with children is owned itself only where it has a dot. */
function collect(tree: Tree, at: readonly string[], into: Set<string>): void {
  const children = Object.keys(tree).filter((key) => key !== ".");
  if (children.length === 0 || "." in tree) into.add(at.join(separator));
  for (const key of children) collect(tree[key] ?? {}, [...at, key], into);
}

function withPaths(entry: V1ManagedFieldsEntry, paths: readonly string[]): V1ManagedFieldsEntry {
  const tree = structuredClone(treeOf(entry));
  for (const path of paths) plant(tree, [...templateRoot, ...(path === "" ? [] : path.split(separator))]);
  return { ...entry, fieldsV1: tree };
}

function plant(tree: Tree, [key, ...rest]: readonly string[]): void {
  if (key === undefined) return;
  const isNew = !(key in tree);
  const child = (tree[key] ??= {});
  const isLeaf = !isNew && Object.keys(child).length === 0;
  if (rest.length > 0) {
    if (isLeaf) child["."] = {};
    plant(child, rest);
  } else if (!isNew && !isLeaf) child["."] = {};
}

function withoutTemplate(entry: V1ManagedFieldsEntry): V1ManagedFieldsEntry[] {
  const { "f:spec": spec = {}, ...rest } = treeOf(entry);
  const { "f:template": _template, ...others } = spec;
  const fieldsV1 = Object.keys(others).length > 0 ? { ...rest, "f:spec": others } : rest;
  return Object.keys(fieldsV1).length > 0 ? [{ ...entry, fieldsV1 }] : [];
}

const treeOf = (entry: V1ManagedFieldsEntry): Tree => (entry.fieldsV1 ?? {}) as Tree;
