/** Bounds on texts that others wrote, on their way into what we write: a status or an Event that is too large is not written at all. */

/** In characters, of one text. */
export const longestText = 1_024;

/** The text, or its start and an ellipsis. */
export function cut(text: string, longest = longestText): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** Of one version, and of one image. */
const [mostImages, longestImage] = [16, 512];

/** A copy of plain JSON in which every text is cut, and of a version's `images` the first are kept. */
export function cutTexts<T>(value: T): T {
  return cutAny(value) as T;
}

function cutAny(value: unknown): unknown {
  if (typeof value === "string") return cut(value);
  if (Array.isArray(value)) return value.map(cutAny);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, cutPart(key, part)]));
}

function cutPart(key: string, part: unknown): unknown {
  if (key !== "images" || typeof part !== "object" || part === null) return cutAny(part);
  const entries: [string, unknown][] = Object.entries(part).slice(0, mostImages);
  return Object.fromEntries(entries.map(([of, image]) => [of, cut(String(image), longestImage)]));
}
