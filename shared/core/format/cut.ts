/** Bounds on texts that others wrote, on their way into what we write: a status or an Event that is too large is not written at all. */

/** In characters, of one text. */
export const longestText = 1_024;

/** The text, or its start and an ellipsis. */
export function cut(text: string, longest = longestText): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** A copy of plain JSON in which every text is cut. */
export function cutTexts<T>(value: T): T {
  return cutAny(value) as T;
}

function cutAny(value: unknown): unknown {
  if (typeof value === "string") return cut(value);
  if (Array.isArray(value)) return value.map(cutAny);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, cutAny(part)]));
}
