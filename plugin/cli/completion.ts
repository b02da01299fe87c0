/**
 * `kubectl-canary __complete WORDS...`: the candidates for the last word, one a line, as kubectl and the shells'
 * scripts ask for it. If the cluster cannot be asked, nothing is offered: an error at a TAB helps no one.
 */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { conditions } from "../commands/wait/conditions.ts";
import { canaryName } from "../../shared/core/objects/names.ts";
import { weightsOf } from "../../shared/core/spec/strategy.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import { type Deps, exitCode, type Io, type Scope } from "../context.ts";
import { findCanary } from "../cluster/find-canary.ts";
import { clusterOptions, type ClusterFlags } from "../cluster/flags.ts";
import { type FlagTable, flagTable, positionalOf } from "./flag-table.ts";
import type { Connect, Verb } from "./verb.ts";
import { verbs } from "./verbs.ts";
import { waitVerb } from "./verbs/wait.ts";

export async function complete(words: readonly string[], io: Io, connect: Connect): Promise<number> {
  const last = words.at(-1) ?? "";
  // `--flag=val`: only the value is completed, as kubectl does.
  const [, flag, value] = /^(--?[^=]+)=(.*)$/s.exec(last) ?? [];
  const typed = value ?? last;
  const before = [...words.slice(0, -1), ...(flag === undefined ? [] : [flag])];
  const found = await candidates(before, typed, connect).catch(() => []);
  const shown = found.filter((candidate) => candidate.startsWith(typed));
  // kubectl's directive 4: no file names.
  io.stdout.write([...shown, ":4", ""].join("\n"));
  return exitCode.ok;
}

// --- internal ---

/** The longest wait at a TAB. */
const patience = "3s";

async function candidates(before: readonly string[], typed: string, connect: Connect): Promise<string[]> {
  const { verb, flags, open, positionals, given } = readWords(before);
  const ask: Ask = async (question) => {
    const { deps, scope } = await connect({ ...given, "request-timeout": patience });
    return question(deps, scope);
  };
  if (open !== undefined) return valuesOf(open, { verb, name: positionals[0] ?? "", flags, ask });
  if (typed.startsWith("-")) return flagsFor(typed, before, flags);
  if (verb === undefined) return verbs.flatMap(({ name, summary }) => (summary === false ? [] : [name]));
  const positional = positionalOf(verb);
  if (positional === undefined || positionals.length > 0) return [];
  return flags.choicesOf(positional) ?? ask((deps, scope) => targetsFor(verb.name, deps, scope));
}

type Ask = (question: (deps: Deps, scope: Scope) => Promise<string[]>) => Promise<string[]>;

interface Words {
  verb: Verb | undefined;
  /** Of the verb, or of all verbs before one is typed. */
  flags: FlagTable;
  /** After the verb. */
  positionals: string[];
  /** The flag whose value comes next. */
  open: string | undefined;
  /** The flags that choose the cluster. */
  given: ClusterFlags;
}

/** Parsed twice: first with the flags of all verbs, to find the verb, then with that verb's flags. */
function readWords(words: readonly string[]): Words {
  const [word] = flagTable(verbs).parse(words)._;
  const verb = verbs.find(({ name, aliases = [] }) => [name, ...aliases].includes(String(word)));
  const flags = flagTable(verb ? [verb] : verbs);
  const last = words.at(-1) ?? "";
  const isOpen = /^-[^=]+$/.test(last) && flags.takesValue(flags.nameOf(last));
  const { _: positionals, ...parsed } = flags.parse(isOpen ? words.slice(0, -1) : words);
  const given = Object.keys(clusterOptions).flatMap((name) =>
    parsed[name] === undefined ? [] : [[name, valueOf(parsed[name], flags.mayRepeat(name))]],
  );
  return {
    verb,
    flags,
    positionals: positionals.slice(1).map(String),
    open: isOpen ? flags.nameOf(last) : undefined,
    given: Object.fromEntries(given) as ClusterFlags,
  };
}

/** Of a flag given twice kubectl takes the last. */
const valueOf = (value: unknown, repeats: boolean): unknown =>
  Array.isArray(value) && !repeats ? (value as unknown[]).at(-1) : value;

/** Flags that are not used yet. Those that the help hides are offered once their first letter is typed. */
function flagsFor(typed: string, before: readonly string[], flags: FlagTable): string[] {
  const used = before.filter((word) => word.startsWith("-")).map((word) => flags.nameOf(word.replace(/=.*$/s, "")));
  const isOffered = (name: string): boolean =>
    (!used.includes(name) || flags.mayRepeat(name)) && (typed.length > 2 || !flags.hidden.includes(name));
  return flags.names.filter(isOffered).map((name) => `--${name}`);
}

interface Open {
  verb: Verb | undefined;
  /** The Canary's name, as typed. */
  name: string;
  flags: FlagTable;
  ask: Ask;
}

/** Candidates for the value of a flag. */
async function valuesOf(flag: string, { verb, name, flags, ask }: Open): Promise<string[]> {
  const asked: Record<string, () => Promise<string[]>> = {
    namespace: () => ask(({ cluster }) => namesOf(cluster, resource.namespaces)),
    "to-step": () => ask((deps, scope) => stepsOf(name, deps, scope)),
    to: () => ask((deps, scope) => versionsOf(name, deps, scope)),
  };
  if (flag === "for" && verb === waitVerb) return [...conditions, "step="];
  return asked[flag]?.() ?? flags.choicesOf(flag) ?? [];
}

async function namesOf(cluster: Deps["cluster"], r: Resource, namespace?: string): Promise<string[]> {
  const { items } = await cluster.list<{ metadata: { name: string } }>(r, namespace === undefined ? {} : { namespace });
  return items.map(({ metadata }) => metadata.name).sort();
}

/** `init` wants a Deployment without a Canary. */
async function targetsFor(verb: string, { cluster }: Deps, { namespace }: Scope): Promise<string[]> {
  if (verb !== "init" && verb !== "doctor") return namesOf(cluster, resource.canaries, namespace);
  const [canaries, deployments] = await Promise.all([
    cluster.list<Canary>(resource.canaries, { namespace }),
    namesOf(cluster, resource.deployments, namespace),
  ]);
  const taken = canaries.items.flatMap(({ spec }) => [spec.targetRef.name, canaryName(spec.targetRef.name)]);
  const free = deployments.filter((name) => verb === "doctor" || !taken.includes(name));
  return free.map((name) => `deploy/${name}`);
}

async function stepsOf(name: string, deps: Deps, scope: Scope): Promise<string[]> {
  const { spec } = await findCanary(name, deps, scope);
  return weightsOf(spec.analysis).map((_weight, index) => String(index + 1));
}

/** What `undo --to` may go back to. */
async function versionsOf(name: string, deps: Deps, scope: Scope): Promise<string[]> {
  const { status } = await findCanary(name, deps, scope);
  const promoted = (status?.history ?? []).filter(({ outcome }) => outcome === "promoted");
  return [...new Set(promoted.flatMap(({ images }) => Object.values(images)))];
}
