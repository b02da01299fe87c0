/** The command line: verbs and flags, handed to one command each. Verbs are loaded when they are called. */
import yargs, { type Arguments, type Argv, type Options } from "yargs";
import { exitCode, type Io } from "./deps.ts";
import { faultOf, Refusal } from "./faults.ts";
import { type ClusterFlags, clusterOptions, durationFlag } from "./flags.ts";
import { nearest } from "./nearest.ts";
import type { Session } from "./session.ts";
import { styleOf, wrap } from "./style.ts";
import { outputFormats, type OutputFormat } from "./output.ts";

/** Opens the cluster that the flags choose; throws a refusal where they choose none. */
export type Connect = (flags: ClusterFlags) => Promise<Session>;

/** What the parser chose; it is begun only when parsing is over, for yargs formats its help for a verb that takes time. */
type Command = () => Promise<number>;
type Choose = (command: Command) => void;
type Values = Arguments<ClusterFlags & Record<string, unknown>>;

/** Runs one command line and returns its exit code. Never throws: what goes wrong is a sentence on stderr. */
export async function runCli(argv: readonly string[], io: Io, connect: Connect): Promise<number> {
  let chosen: Command | undefined;
  try {
    const choose: Choose = (command) => void (chosen = command);
    const parser = addCommands(baseParser(argv, io), choose, { io, connect });
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
    const lines = `error: ${fault.message}`.split("\n").map((line) => (isPasted(line) ? line : wrap(line, width, 0)));
    if (isParsing(error)) lines.push("See kubectl canary --help");
    io.stderr.write(`${lines.join("\n")}\n`);
    return fault.code;
  }
}

// --- internal ---

class ParseRefusal extends Refusal {}

/** A command on a line of its own is not broken. */
const isPasted = (line: string): boolean => line.startsWith("  ");

const isParsing = (error: unknown): boolean => error instanceof ParseRefusal;

function baseParser(argv: readonly string[], io: Io): Argv {
  return yargs([...argv])
    .scriptName("kubectl canary")
    .usage("See and steer automatic canary releases.\n\nUsage: $0 VERB [NAME] [flags]")
    .locale("en")
    .version(false)
    .help("help")
    .alias("help", "h")
    .exitProcess(false)
    .wrap(Math.min(110, io.stdout.columns ?? 100))
    .parserConfiguration({
      "camel-case-expansion": false,
      "greedy-arrays": false,
      "boolean-negation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .options(clusterOptions)
    .group(Object.keys(clusterOptions), "Where:")
    .strict()
    .epilogue("kubectl's other flags for choosing a cluster and a user (--user, --as, --token ...) work as well.")
    .fail((message: string | null, error: Error | undefined) => {
      throw error && error.name !== "YError" ? error : new ParseRefusal(sentence(message, error), exitCode.usage);
    });
}

/** Yargs' message as a sentence of ours. */
function sentence(message: string | null, error: Error | undefined): string {
  const text = (message ?? error?.message ?? "").trim().replace(/\s+/g, " ");
  if (text.startsWith("Not enough non-option arguments")) return "Which Canary? Give its name, or deploy/NAME.";
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

interface Context {
  io: Io;
  connect: Connect;
}

function addCommands(parser: Argv, choose: Choose, context: Context): Argv {
  return [addStatus, addList, addPromote, addRollback, addVersion, addUnknown].reduce(
    (built, add) => add(built, choose, context),
    parser,
  );
}

const describeName = "podinfo, canary/podinfo, or deploy/podinfo: the Canary of that Deployment";

const outputOption = (formats: readonly OutputFormat[]): Options => ({
  alias: "o",
  choices: formats.filter((format) => format !== "text"),
  requiresArg: true,
  describe: "Format of the output",
});

const outputOf = (values: Values): OutputFormat => (values["output"] as OutputFormat | undefined) ?? "text";
const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function addStatus(parser: Argv, choose: Choose, { connect }: Context): Argv {
  return parser.command(
    ["status [name]", "get"],
    "Show where a canary stands, why, what is next, and what you can do",
    (verb) =>
      verb
        .positional("name", { type: "string", describe: `${describeName}; without: the namespace's only one` })
        .option("output", outputOption(outputFormats))
        .example("$0 status podinfo -n test", "")
        .example("$0 status deploy/podinfo -o json", ""),
    (values: Values) =>
      choose(async () => {
        const { status } = await import("./status.ts");
        const { deps, scope } = await connect(values);
        return status({ name: textOf(values["name"]), output: outputOf(values) }, deps, scope);
      }),
  );
}

function addList(parser: Argv, choose: Choose, { connect }: Context): Argv {
  return parser.command(
    ["list", "ls"],
    "List Canaries, those that need you first",
    (verb) =>
      verb
        .option("all-namespaces", { alias: "A", type: "boolean", describe: "Of all namespaces" })
        .option("selector", { alias: "l", type: "string", requiresArg: true, describe: "Only those with these labels" })
        .option("output", outputOption(outputFormats)),
    (values: Values) =>
      choose(async () => {
        const { listCanaries } = await import("./list.ts");
        const { deps, scope } = await connect(values);
        const allNamespaces = values["all-namespaces"] === true;
        const args = { allNamespaces, selector: textOf(values["selector"]), output: outputOf(values) };
        return listCanaries(args, deps, scope);
      }),
  );
}

function withOperateFlags(verb: Argv): Argv {
  return verb
    .positional("name", { type: "string", demandOption: true, describe: describeName })
    .option("reason", { type: "string", requiresArg: true, describe: "Why, for the history" })
    .option("if-run", { type: "string", requiresArg: true, describe: "Only if this run is still going on" })
    .option("timeout", {
      type: "string",
      requiresArg: true,
      default: "10s",
      describe: "How long to wait for the controller's answer",
    });
}

function addPromote(parser: Argv, choose: Choose, context: Context): Argv {
  return parser.command(
    "promote <name>",
    "End the analysis now and roll the change out",
    (verb) =>
      withOperateFlags(verb)
        .option("force", {
          type: "boolean",
          describe: "Even if the canary is not ready or its last check failed",
        })
        .example("$0 promote podinfo -n test --reason 'hotfix, seen by eye'", ""),
    (values: Values) => choose(() => operateWith("promote", values, context)),
  );
}

function addRollback(parser: Argv, choose: Choose, context: Context): Argv {
  return parser.command(
    "rollback <name>",
    "Give stable every request and reject the change; works in every phase of a run",
    (verb) => withOperateFlags(verb).example("$0 rollback podinfo -n test --reason 'errors in the logs'", ""),
    (values: Values) => choose(() => operateWith("rollback", values, context)),
  );
}

async function operateWith(verb: "promote" | "rollback", values: Values, { connect }: Context): Promise<number> {
  const timeoutMs = durationFlag("timeout", textOf(values["timeout"]) ?? "10s");
  const { operate } = await import("./operate.ts");
  const { deps, scope } = await connect(values);
  const args = {
    verb,
    name: textOf(values["name"]) ?? "",
    force: values["force"] === true,
    reason: textOf(values["reason"]),
    ifRun: textOf(values["if-run"]),
    timeoutMs,
  };
  return operate(args, deps, scope);
}

function addVersion(parser: Argv, choose: Choose, { io, connect }: Context): Argv {
  return parser.command(
    "version",
    "Show the versions of this plugin, the controller and the API server",
    (verb) =>
      verb
        .option("client", { type: "boolean", describe: "Only this plugin's; asks no cluster" })
        .option("output", outputOption(["json", "yaml"])),
    (values: Values) =>
      choose(async () => {
        const { version } = await import("./version.ts");
        const args = { output: outputOf(values), clientOnly: values["client"] === true };
        return version(args, io, () => connect(values));
      }),
  );
}

const verbs = ["status", "get", "list", "ls", "promote", "rollback", "version"];

/** What is called when no verb matches. */
function addUnknown(parser: Argv): Argv {
  return parser.command(
    "$0 [verb..]",
    false,
    (verb) => verb.positional("verb", { type: "string", array: true }),
    (values) => {
      const typed = values.verb?.[0];
      const near = nearest(typed ?? "", verbs)[0];
      const question = near ? `Did you mean ${near}?` : "Known are status, list, promote, rollback and version.";
      throw new ParseRefusal(
        typed ? `Unknown verb "${typed}". ${question}` : `Which verb? ${question}`,
        exitCode.usage,
      );
    },
  );
}
