/** JSON Patch (RFC 6902) from one JSON value to another: objects key by key, anything else replaced whole. */
import { isDeepStrictEqual } from "node:util";

export type Operation = { op: "add" | "replace"; path: string; value: unknown } | { op: "remove"; path: string };

/** Operations that turn `before` into `after`; none where they are equal. A key whose value is undefined counts as absent. */
export function operationsBetween(before: unknown, after: unknown, path = ""): Operation[] {
  if (before === after) return [];
  if (!isPlain(before) || !isPlain(after))
    return isDeepStrictEqual(before, after) ? [] : [{ op: "replace", path, value: after }];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const place = `${path}/${escape(key)}`;
    const [was, is] = [own(before, key), own(after, key)];
    if (is === undefined) return was === undefined ? [] : [{ op: "remove" as const, path: place }];
    if (was === undefined) return [{ op: "add" as const, path: place, value: is }];
    return operationsBetween(was, is, place);
  });
}

/** `toString` is a valid label, so what every object inherits must not be taken for a value. */
const own = (object: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;

const escape = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
