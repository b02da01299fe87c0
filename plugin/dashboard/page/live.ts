/** News from the server, over one connection that the browser opens anew where it breaks. */

export interface Live<T> {
  onNews: (news: T) => void;
  /** Whether the server is heard. */
  onConnection: (isHeard: boolean) => void;
}

/** Until the returned function is called. `path` is relative to the page. */
export function listenTo<T>(path: string, { onNews, onConnection }: Live<T>): () => void {
  const source = new EventSource(path);
  source.onopen = () => onConnection(true);
  source.onerror = () => onConnection(false);
  source.onmessage = ({ data }: MessageEvent<string>) => onNews(shownSafely(JSON.parse(data) as T));
  return () => source.close();
}

/** Characters that turn the direction of text, or are none: what is read must be what is written. */
const misleading = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

export function shownSafely<T>(value: T): T {
  if (typeof value === "string") return value.replace(misleading, " ") as T & string;
  if (Array.isArray(value)) return value.map((item: unknown) => shownSafely(item)) as T & unknown[];
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shownSafely(item as unknown)])) as T &
    object;
}
