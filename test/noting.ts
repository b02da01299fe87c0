/** What was looked at of an object: paths as the field table has them, with `[]` for an item of a list. */
export interface Noted {
  read: Set<string>;
}

/** `value`, noting what is looked at of it. What is merely copied (by a spread), listed or written as JSON is not noted. */
export function noting<T extends object>(value: T, path: string, noted: Noted): T {
  const asked = new Set<PropertyKey>();
  return new Proxy(value, {
    // Whoever copies or lists asks for the descriptor of each key before its value.
    getOwnPropertyDescriptor(of, key) {
      asked.add(key);
      return Reflect.getOwnPropertyDescriptor(of, key);
    },
    get(of, key) {
      if (key === "toJSON") return () => of;
      const found: unknown = Reflect.get(of, key);
      const wasAsked = asked.delete(key);
      if (typeof key === "symbol" || !Object.hasOwn(of, key)) return found;
      if (Array.isArray(of)) return key === "length" ? found : child(found, `${path}[]`, noted);
      if (!wasAsked) noted.read.add(`${path}.${key}`);
      return child(found, `${path}.${key}`, noted);
    },
  });
}

// --- internal ---

/** The items of a list are noted where one of them is taken. */
function child(found: unknown, path: string, noted: Noted): unknown {
  if (typeof found === "object" && found !== null) return noting(found, path, noted);
  if (path.endsWith("[]")) noted.read.add(path);
  return found;
}
