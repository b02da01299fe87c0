/** A verb of the command line: its words, its flags and what it runs. Each has a file in `verbs/`. */
import type { Arguments, Argv, Options } from "yargs";
import { exitCode, type Io } from "../context.ts";
import { Refusal } from "../errors.ts";
import type { ClusterFlags } from "../cluster/flags.ts";
import type { OutputFormat } from "../render/output.ts";
import type { Session } from "../cluster/session.ts";

/** Opens the cluster that the flags choose; throws a refusal where they choose none. */
export type Connect = (flags: ClusterFlags) => Promise<Session>;

export type Values = Arguments<ClusterFlags & Record<string, unknown>>;

export interface VerbContext {
  io: Io;
  connect: Connect;
}

export interface Verb {
  /** The word that is typed. */
  name: string;
  aliases?: readonly string[];
  /** As yargs has them: `<name>` is required, `[name]` is not. */
  positionals?: string;
  /** One line of the help; `false` keeps the verb out of it. */
  summary: string | false;
  flags?: (parser: Argv) => Argv;
  /**
   * Returns the exit code. Starts after parsing. It imports what it needs itself, because an import at the top of the file
   * would slow every start.
   */
  run: (values: Values, context: VerbContext) => Promise<number>;
}

/** Words are read as kubectl reads them, and never as numbers. */
export const parserConfiguration = {
  "camel-case-expansion": false,
  "greedy-arrays": false,
  "boolean-negation": false,
  "parse-numbers": false,
  "parse-positional-numbers": false,
};

export const describeName = "podinfo, canary/podinfo, or deploy/podinfo: the Canary of that Deployment";

/** The `name` of a verb that needs one. */
export const withName = (parser: Argv): Argv =>
  parser.positional("name", { type: "string", demandOption: true, describe: describeName });

/** A flag that takes one text. */
export const textFlag = (describe: string, more: Options = {}): Options => ({
  type: "string",
  requiresArg: true,
  describe,
  ...more,
});

export const outputOption = (formats: readonly OutputFormat[]): Options => ({
  alias: "o",
  choices: formats.filter((format) => format !== "text"),
  requiresArg: true,
  describe: "Format of the output",
});

export const outputOf = (values: Values): OutputFormat => (values["output"] as OutputFormat | undefined) ?? "text";

/** The value of a flag or positional that was given as text; of a flag given twice, the last. */
export function textOf(values: Values, name: string): string | undefined {
  const value = Array.isArray(values[name]) ? (values[name] as unknown[]).at(-1) : values[name];
  return typeof value === "string" ? value : undefined;
}

export const isSet = (values: Values, name: string): boolean => values[name] === true;

/** A whole number of at least 1, or a usage refusal that names the flag. */
export function countFlag(values: Values, name: string): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Refusal(`--${name} "${text}" is not a whole number of at least 1.`, exitCode.usage);
}
