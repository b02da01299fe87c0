/** How to print on this stream: colours, symbols and width, decided once from the terminal and the environment. */
import type { Env, Output } from "../context.ts";

export interface Style {
  colour: boolean;
  /** Whether the locale can show symbols such as a check mark. */
  unicode: boolean;
  /** Characters per line; Infinity off a terminal, so that no line is broken under a script's hands. */
  width: number;
}

export interface RenderOptions {
  style: Style;
  /** ms since the epoch; every printed time is relative to it. */
  now: number;
  /** More columns, the queries behind the checks, and all of the history. */
  wide?: boolean;
  /** Lines that there is room for; what a person can do without gives way. */
  rows?: number;
}

export type Tone = "good" | "busy" | "warn" | "bad" | "dim" | "strong" | "plain";

const codes: Record<Tone, string> = {
  good: "32",
  busy: "36",
  warn: "33",
  bad: "1;31",
  dim: "2",
  strong: "1",
  plain: "",
};

export function styleOf(stream: Output, env: Env): Style {
  const terminal = stream.isTTY === true && env["TERM"] !== "dumb";
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return {
    colour: terminal && !env["NO_COLOR"],
    unicode: /utf-?8/i.test(locale),
    width: terminal ? Math.max(40, stream.columns ?? 80) : Infinity,
  };
}

export function paint(style: Style, tone: Tone, text: string): string {
  if (!style.colour || tone === "plain" || text === "") return text;
  return `\u001b[${codes[tone]}m${text}\u001b[0m`;
}

const symbols = { good: ["✔", "+"], busy: ["◌", "o"], warn: ["⚠", "!"], bad: ["✖", "x"] } as const;

export function symbol(style: Style, tone: keyof typeof symbols): string {
  const [fancy, ascii] = symbols[tone];
  return style.unicode ? fancy : ascii;
}

/** Text in lines of at most `width`, all but the first indented; a word that is longer stays whole. */
export function wrap(text: string, width: number, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

/** With what ends a line or turns its direction: text that reads otherwise than it is. */
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

/** The value with control characters in its strings made blanks: text from a cluster must not drive the terminal. */
export function printable<T>(value: T): T {
  if (typeof value === "string") return value.replace(control, " ").trim() as T & string;
  if (Array.isArray(value)) return value.map((item: unknown) => printable(item)) as T & unknown[];
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, printable(item as unknown)])) as T &
    object;
}
