import { formatTable } from "../terminal/table.ts";
import { type RenderOptions, printable, paint } from "../terminal/style.ts";
import type { Node } from "../view/types.ts";

export function rowsOf(node: Node, indent: string, wide: boolean): string[][] {
  const { kind, name, ready, desired, note } = node;
  const count = desired === null ? "" : `${ready ?? 0}/${desired}`;
  const shown = node.children.filter((child) => wide || child.kind !== "pod" || child.ready !== child.desired);
  return [[`${indent}${kind}/${name}`, count, note], ...shown.flatMap((child) => rowsOf(child, `${indent}  `, wide))];
}

/** Pods that are ready are left out unless `wide`. */
export function renderTree(nodes: readonly Node[], { style, wide }: RenderOptions): string[] {
  if (nodes.length === 0) return [];
  const rows = nodes.flatMap((node) => rowsOf(printable(node), "", wide === true));
  const [head = "", ...body] = formatTable(
    [{ head: "OBJECT" }, { head: "READY", align: "right" }, { head: "WHAT" }],
    rows,
    style.width,
  );
  return [paint(style, "strong", head), ...body];
}
