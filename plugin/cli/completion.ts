/**
 * `kubectl-canary __complete WORDS...`: what may stand in the place of the last word, one a line, as kubectl and the shells'
 * scripts ask for it. What cannot be asked completes to nothing: nobody wants an error at a TAB.
 */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { conditions } from "../commands/wait/conditions.ts";
import { weightsOf } from "../../shared/core/spec/policy.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import { type Deps, exitCode, type Io, type Scope } from "../context.ts";
import { findCanary } from "../cluster/find-canary.ts";
import { clusterOptions, type ClusterFlags } from "../cluster/flags.ts";
import { scripts } from "./completion-scripts.ts";
import type { Connect } from "./verb.ts";
import { verbs } from "./verbs.ts";

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

/** Longer nobody waits at a TAB. */
const patience = "3s";

async function candidates(before: readonly string[], typed: string, connect: Connect): Promise<string[]> {
  const { positionals, flags, open } = readWords(before);
  const ask = async <T>(question: (deps: Deps, scope: Scope) => Promise<T>): Promise<T> => {
    const { deps, scope } = await connect({ ...flags, "request-timeout": patience });
    return question(deps, scope);
  };
  if (open !== undefined) return valuesOf(open, positionals, ask);
  if (typed.startsWith("-")) return ["--namespace", "--context", "--kubeconfig", "--output", "--help"];
  const [verb] = positionals;
  if (verb === undefined) return verbs.flatMap((one) => (one.summary === false ? [] : [one.name]));
  if (positionals.length > 1 || nameless.includes(verb)) return [];
  return verb === "completion" ? Object.keys(scripts) : ask((deps, scope) => targetsFor(verb, deps, scope));
}

type Ask = (question: (deps: Deps, scope: Scope) => Promise<string[]>) => Promise<string[]>;

/** Of a flag whose value comes next. */
async function valuesOf(flag: string, [verb, name = ""]: readonly string[], ask: Ask): Promise<string[]> {
  const asked: Record<string, () => Promise<string[]>> = {
    namespace: () => ask(({ cluster }) => namesOf(cluster, resource.namespaces)),
    "to-step": () => ask((deps, scope) => stepsOf(name, deps, scope)),
    to: () => ask((deps, scope) => versionsOf(name, deps, scope)),
  };
  if (flag === "for" && verb === "wait") return [...conditions, "step="];
  return asked[flag]?.() ?? fixed[flag] ?? [];
}

/** Verbs that take no name. */
const nameless: readonly string[] = ["list", "ls", "version"];

const fixed: Record<string, string[]> = { output: ["json", "yaml", "wide", "name"] };

interface Words {
  positionals: string[];
  flags: ClusterFlags;
  /** The flag whose value comes next. */
  open?: string;
}

const aliases: Record<string, string> = { n: "namespace", s: "server", o: "output", l: "selector" };
const withoutValue = [
  "all-namespaces",
  "A",
  "force",
  "full",
  "client",
  "dry-run",
  "help",
  "h",
  "exit-code",
  "show-query",
];

/** Only as much of the command line as completion needs; a word of an unknown flag is taken for its value. */
function readWords(words: readonly string[]): Words {
  const read: Words = { positionals: [], flags: {} };
  for (const word of words) {
    const [, dashed, value] = /^--?([^=]+)(?:=(.*))?$/.exec(word) ?? [];
    if (read.open !== undefined) {
      setFlag(read.flags, read.open, word);
      delete read.open;
    } else if (dashed === undefined) read.positionals.push(word);
    else if (value !== undefined) setFlag(read.flags, aliases[dashed] ?? dashed, value);
    else if (!withoutValue.includes(dashed)) read.open = aliases[dashed] ?? dashed;
  }
  return read;
}

function setFlag(flags: ClusterFlags, name: string, value: string): void {
  if (name in clusterOptions) Object.assign(flags, { [name]: name === "as-group" ? [value] : value });
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
  const taken = canaries.items.flatMap(({ spec }) => [spec.targetRef.name, `${spec.targetRef.name}-canary`]);
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
