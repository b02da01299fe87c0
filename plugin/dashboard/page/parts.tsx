/** Small parts of every view. */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { relative } from "../../terminal/time.ts";
import type { CanaryView } from "../../view/types.ts";

export type Level = CanaryView["verdict"]["level"];

/** Shapes of our own: not every font has such signs. */
const marks: Record<Level, { path: string; word: string }> = {
  bad: { path: "M4 4l8 8M12 4l-8 8", word: "Bad" },
  warn: { path: "M8 2.5v7M8 13v.1", word: "Warning" },
  busy: { path: "M8 3a5 5 0 1 1-5 5", word: "Under way" },
  good: { path: "M3 8.5l3.5 3.5L13 4.5", word: "Good" },
};

/** Told by shape and word too, not by colour alone. */
export function Mark({ level }: { level: Level }) {
  const { path, word } = marks[level];
  return (
    <span class={`mark ${level}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={path} />
      </svg>
      <span class="unseen">{word}: </span>
    </span>
  );
}

export function Section({ title, note, children }: { title: string; note?: string; children: ComponentChildren }) {
  const id = useId();
  return (
    <section aria-labelledby={id} class="card">
      <h2 id={id}>{title}</h2>
      {note === undefined ? null : <p class="note">{note}</p>}
      {children}
    </section>
  );
}

/** A table that scrolls by itself where the screen is narrow; the keyboard reaches it then. */
export function Table({
  label,
  head,
  children,
}: {
  label: string;
  head: readonly string[];
  children: ComponentChildren;
}) {
  return (
    <div class="scroll" role="region" aria-label={`${label}: table`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((text) => (
              <th scope="col" key={text}>
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Time({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={at}>
      {relative(at, now)}
    </time>
  );
}

export function Copy({ text, what }: { text: string; what: string }) {
  const [said, say] = useState("");
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => say("Copied"),
      () => say("Not allowed here: select the text"),
    );
  };
  return (
    <button type="button" class="small" onClick={copy} onBlur={() => say("")} aria-label={`Copy ${what}`}>
      <span role="status">{said || "Copy"}</span>
    </button>
  );
}
