/**
 * Where in a query a variable stands. In a template of another namespace a variable must not reach out of its place: who writes the Canary
 * would otherwise ask that namespace's Prometheus for anything, with its credentials.
 */

/** Inside a string literal of PromQL, by its delimiter; "" outside. */
export type Place = '"' | "'" | "`" | "";

/** Which place an offset of the text is in. Offsets must be asked for in rising order. */
export function placesIn(text: string): (offset: number) => Place {
  let [at, place] = [0, "" as Place];
  return (offset) => {
    while (at < offset) [at, place] = step(text, at, place);
    // Behind a backslash even a quoted value would mean something else.
    return at > offset ? "" : place;
  };
}

/** The value as it may stand there. */
export function fit(value: string, place: Place, expression: string): { text: string } | { error: string } {
  if (value.includes("\n")) return { error: `the value of "{{ ${expression} }}" has more than one line` };
  if (place === '"' || place === "'") return { text: value.replaceAll("\\", "\\\\").replaceAll(place, `\\${place}`) };
  if (place === "`" ? !value.includes("`") : /^[\w:.-]*$/.test(value)) return { text: value };
  const cure = place === "`" ? "a backtick" : "more than letters, digits, _, :, . and - outside of quotes";
  return { error: `the value of "{{ ${expression} }}" has ${cure}, in a template of another namespace` };
}

/** Past the character at `at`, or past what belongs to it. */
function step(text: string, at: number, place: Place): [number, Place] {
  const char = text[at];
  if (place === "") {
    if (char === "#") return [endOfLine(text, at), place];
    return [at + 1, isDelimiter(char) ? char : place];
  }
  if (char === "\\" && place !== "`") return [at + 2, place];
  return [at + 1, char === place ? "" : place];
}

function isDelimiter(char: string | undefined): char is '"' | "'" | "`" {
  return char === '"' || char === "'" || char === "`";
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}
