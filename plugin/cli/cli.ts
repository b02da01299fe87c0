/** The command line: verbs and flags, handed to one command each. What a verb runs is loaded when it is called. */
import yargs, { type Argv } from "yargs";
import { exitCode, type Io } from "../context.ts";
import { faultOf, Refusal } from "../errors.ts";
import { clusterOptions } from "../cluster/flags.ts";
import { nearest } from "../did-you-mean.ts";
import { printable, styleOf, wrap } from "../terminal/style.ts";
import { type Connect, parserConfiguration, type Values, type Verb, type VerbContext } from "./verb.ts";
import { verbs } from "./verbs.ts";

/** What the parser chose. It starts after parsing: yargs would format its help while an asynchronous verb runs. */
type Command = () => Promise<number>;
type Choose = (command: Command) => void;

/** Runs one command line and returns its exit code. Never throws: what goes wrong is a sentence on stderr. */
export async function runCli(argv: readonly string[], io: Io, connect: Connect): Promise<number> {
  // Not parsed here: the words are an unfinished command line.
  if (argv[0] === "__complete") return (await import("./completion.ts")).complete(argv.slice(1), io, connect);
  let chosen: Command | undefined;
  try {
    const choose: Choose = (command) => void (chosen = command);
    const parser = verbs.reduce((built, verb) => addVerb(built, verb, choose, { io, connect }), baseParser(argv, io));
    parser.parseSync(
      argv.length > 0 ? [...argv] : ["--help"],
      {},
      (_error: unknown, _parsed: unknown, help: string) => {
        if (help) io.stdout.write(`${help}\n`);
      },
    );
    return chosen ? await chosen() : exitCode.ok;
  } catch (error) {
    const fault = faultOf(error);
    const { width } = styleOf(io.stderr, io.env);
    const lines = `error: ${fault.message}`.split("\n").map((line) => shown(line, width));
    if (isParsing(error)) lines.push("See kubectl canary --help");
    io.stderr.write(`${lines.join("\n")}\n`);
    return fault.code;
  }
}

// --- internal ---

class ParseRefusal extends Refusal {}

/** A server's words may be in it, and must not drive the terminal. */
function shown(line: string, width: number): string {
  const indent = /^ */.exec(line)?.[0] ?? "";
  const safe = `${indent}${printable(line)}`;
  return isPasted(safe) ? safe : wrap(safe, width, 0);
}

/** A command on a line of its own is not wrapped. */
const isPasted = (line: string): boolean => line.startsWith("  ");

const isParsing = (error: unknown): boolean => error instanceof ParseRefusal;

function baseParser(argv: readonly string[], io: Io): Argv {
  const parser = yargs([...argv]);
  return parser
    .scriptName("kubectl canary")
    .usage("See and steer automatic canary releases.\n\nUsage: $0 VERB [NAME] [flags]")
    .locale("en")
    .version(false)
    .help("help")
    .alias("help", "h")
    .exitProcess(false)
    .wrap(Math.min(110, io.stdout.columns ?? 100))
    .parserConfiguration(parserConfiguration)
    .options(clusterOptions)
    .group(Object.keys(clusterOptions), "Where:")
    .demandCommand(1, "Which verb?")
    .strict()
    .epilogue("kubectl's other flags for choosing a cluster and a user (--user, --as, --token ...) work as well.")
    .fail((message: string | null, error: Error | undefined) => {
      if (error && error.name !== "YError") throw error;
      const [verb] = parser.parsed ? parser.parsed.argv._ : [];
      const text = verb === undefined || isVerb(String(verb)) ? sentence(message, error) : unknownVerb(String(verb));
      throw new ParseRefusal(text, exitCode.usage);
    });
}

/** Yargs' message as a full sentence. */
function sentence(message: string | null, error: Error | undefined): string {
  const text = (message ?? error?.message ?? "").trim().replace(/\s+/g, " ");
  // Yargs has no code for what it finds.
  if (text.startsWith("Not enough non-option arguments")) return "Which Canary? Give its name, or deploy/NAME.";
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

function addVerb(parser: Argv, verb: Verb, choose: Choose, context: VerbContext): Argv {
  const { name, aliases = [], positionals = "", summary, flags = (same: Argv): Argv => same } = verb;
  return parser.command(
    [`${name} ${positionals}`.trim(), ...aliases],
    summary as string, // Yargs takes `false` as well; its types name it in another overload.
    flags,
    (values: Values) => choose(() => verb.run(values, context)),
  );
}

const words = (verb: Verb): string[] => [verb.name, ...(verb.aliases ?? [])];

const isVerb = (word: string): boolean => verbs.some((verb) => words(verb).includes(word));

/** Not by yargs' `recommendCommands`: it allows three slips in any word, and offers undo for "run" and adopt for "abort". */
function unknownVerb(typed: string): string {
  const near = nearest(typed, verbs.flatMap(words))[0];
  return `Unknown verb "${typed}".${near ? ` Did you mean ${near}?` : ""}`;
}
