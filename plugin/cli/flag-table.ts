/** A verb's flags for completion, taken from yargs itself, so that there is no second list of them. */
import yargs from "yargs";
import { Parser } from "yargs/helpers";
import { clusterOptions } from "../cluster/flags.ts";
import { parserConfiguration, type Verb } from "./verb.ts";

/** What yargs' `getOptions` returns; its types leave the method out. */
interface YargsOptions {
  key: Record<string, unknown>;
  alias: Record<string, string[]>;
  boolean: string[];
  array: string[];
  string: string[];
  choices: Record<string, string[] | undefined>;
  hiddenOptions: string[];
}

export interface FlagTable {
  /** Without dashes: the verb's own first, then those of every verb. */
  names: string[];
  /** Left out of the help text: kubectl's rarer ones. */
  hidden: string[];
  /** The name of a flag as it is typed, dashes and all: `-n` and `--n` are `namespace`. */
  nameOf: (typed: string) => string;
  takesValue: (name: string) => boolean;
  mayRepeat: (name: string) => boolean;
  /** The values that a flag or positional is restricted to. */
  choicesOf: (name: string) => string[] | undefined;
  /** Parses words as yargs will for the verb: positionals in `_`, flags by name. */
  parse: (words: readonly string[]) => Record<string, unknown> & { _: (string | number)[] };
}

/** The flags of one verb, or of several while the verb is not known. */
export function flagTable(verbs: readonly Verb[]): FlagTable {
  const options = optionsOf(verbs);
  const positionals = verbs.flatMap((verb) => positionalOf(verb) ?? []);
  const inherited = [...Object.keys(clusterOptions), "help"];
  const isFlag = (name: string): boolean => name.length > 1 && !positionals.includes(name);
  const own = Object.keys(options.key).filter((name) => isFlag(name) && !inherited.includes(name));
  return {
    names: [...own, ...inherited],
    hidden: options.hiddenOptions,
    nameOf: (typed) => nameOf(typed.replace(/^--?/, ""), options.alias),
    takesValue: (name) => !options.boolean.includes(name),
    mayRepeat: (name) => options.array.includes(name),
    choicesOf: (name) => options.choices[name],
    parse: (words) => Parser([...words], { ...options, configuration: parserConfiguration }),
  };
}

/** The name of a verb's positional, such as `name`; undefined for a verb without one. */
export const positionalOf = ({ positionals }: Verb): string | undefined => positionals?.replace(/[<>[\]]/g, "");

// --- internal ---

function optionsOf(verbs: readonly Verb[]): YargsOptions {
  const parser = yargs([]).version(false).help("help").alias("help", "h").options(clusterOptions);
  for (const { flags } of verbs) flags?.(parser);
  return (parser as unknown as { getOptions: () => YargsOptions }).getOptions();
}

function nameOf(typed: string, aliases: YargsOptions["alias"]): string {
  return Object.keys(aliases).find((name) => name.length > 1 && aliases[name]?.includes(typed)) ?? typed;
}
