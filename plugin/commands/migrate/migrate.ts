/** `kubectl canary migrate`: from Flagger to us, or with `--back` to Flagger again, without a failed request. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { MigrationStep } from "../../../shared/core/migrate/seen.ts";
import { nextToCanary } from "../../../shared/core/migrate/to-canary.ts";
import { nextToFlagger } from "../../../shared/core/migrate/to-flagger.ts";
import { messageOf } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { canaryCommand } from "../../view/suggestions.ts";
import { type Deps, exitCode, type Scope } from "../../context.ts";
import { findCanary, requireNamespace } from "../../cluster/find-canary.ts";
import { printable } from "../../terminal/style.ts";
import { type Arrival, type Journey, rehearsed, requirePermissions, travel } from "./one.ts";
import { flaggersLately } from "./read.ts";

export interface MigrateArgs {
  /** Undefined: every Canary of the namespace, or of all. */
  name: string | undefined;
  allNamespaces: boolean;
  dryRun: boolean;
  back: boolean;
  timeoutMs: number;
}

export async function migrate(args: MigrateArgs, deps: Deps, scope: Scope): Promise<number> {
  const canaries = await chosen(args, deps, scope);
  const company: Company = {
    args,
    deps,
    scope,
    all: canaries.length,
    ended: 0,
    flaggers: flaggersLately(deps),
  };
  if (canaries.length === 0) {
    deps.stderr.write(`No Canaries ${args.allNamespaces ? "in any namespace" : `in namespace ${scope.namespace}`}.\n`);
    return exitCode.ok;
  }
  const results = await inTurns(canaries, (canary) => one(canary, company));
  if (args.name === undefined) sum(results, company);
  if (args.dryRun) tell(deps.stderr, "Nothing was written.");
  if (results.includes("interrupted")) return exitCode.interrupted;
  return results.includes("refused") ? exitCode.error : exitCode.ok;
}

// --- internal ---

interface Company {
  args: MigrateArgs;
  deps: Deps;
  scope: Scope;
  all: number;
  /** How many are over, whichever way. */
  ended: number;
  flaggers: Journey["flaggers"];
}

type Result = Arrival | "refused";

/** Each has its pods twice for a while: a namespace has room for some at a time. */
const atOnce = 4;

async function chosen({ name, allNamespaces }: MigrateArgs, deps: Deps, scope: Scope): Promise<Canary[]> {
  if (name !== undefined) return [await findCanary(name, deps, scope)];
  const { namespace } = scope;
  if (!allNamespaces) await requireNamespace(deps.cluster, namespace);
  const { items } = await deps.cluster.list<Canary>(resource.canaries, allNamespaces ? {} : { namespace });
  const keyOf = ({ metadata }: Canary): string => `${metadata.namespace}/${metadata.name}`;
  return [...items].sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

async function one(canary: Canary, company: Company): Promise<Result> {
  const { args, deps } = company;
  const journey = journeyOf(canary, company);
  try {
    if (args.dryRun) return await rehearseOne(journey, company);
    const arrival = await travel(journey, deps);
    company.ended += 1;
    ended(journey, arrival, company);
    return arrival;
  } catch (error) {
    // The one that was asked for says so by the command's own error.
    if (args.name !== undefined) throw error;
    company.ended += 1;
    tell(deps.stderr, `${counted(journey, company)} refused: ${messageOf(error)}`);
    return deps.signal.aborted ? "interrupted" : "refused";
  }
}

function journeyOf({ metadata }: Canary, { args, deps, scope, flaggers }: Company): Journey {
  const { name = "", namespace = "" } = metadata;
  const journey: Journey = {
    place: { name, namespace },
    next: args.back ? nextToFlagger : nextToCanary,
    flaggers,
    timeoutMs: args.timeoutMs,
    clusterFlags: scope.clusterFlags,
    say: (line) => tell(deps.stderr, `${called(journey, args)}: ${line}`),
  };
  return journey;
}

/** What the steps of one are told under. */
const called = ({ place }: Journey, { allNamespaces }: MigrateArgs): string =>
  allNamespaces ? `${place.namespace}/${place.name}` : place.name;

const counted = (journey: Journey, { args, ended, all }: Company): string =>
  `[${ended}/${all}] ${called(journey, args)}`;

/** Names and images are others' words, and must not drive the terminal. */
function tell(output: Deps["stderr"], text: string): void {
  for (const line of text.split("\n")) output.write(`${/^ */.exec(line)?.[0] ?? ""}${printable(line)}\n`);
}

async function rehearseOne(journey: Journey, { args, deps }: Company): Promise<Result> {
  await requirePermissions(journey, deps);
  const steps = await rehearsed(journey, deps);
  const name = called(journey, args);
  const lines = steps.flatMap(lineOf);
  if (lines.length === 0) tell(deps.stdout, `${name}: ${nothingLeft(args)}`);
  for (const line of lines) tell(deps.stdout, `${name}: ${line}`);
  return lines.length === 0 ? "nothing-to-do" : "moved";
}

function lineOf(step: MigrationStep): string[] {
  if (step.kind === "write") return [step.write.does];
  return step.kind === "wait" ? [`wait: ${step.why}`] : [];
}

const nothingLeft = ({ back }: MigrateArgs): string =>
  back ? "Flagger may begin already: nothing to do" : "nothing of Flagger's is left: nothing to do";

function ended(journey: Journey, arrival: Arrival, company: Company): void {
  const { args, deps, scope, all } = company;
  const name = all > 1 ? counted(journey, company) : called(journey, args);
  if (arrival === "interrupted") return tell(deps.stderr, `${name}: interrupted; the same command goes on from here`);
  if (arrival === "nothing-to-do") return tell(deps.stdout, `${name}: ${nothingLeft(args)}`);
  const { namespace } = journey.place;
  if (args.back)
    return tell(deps.stdout, `${name}: given back; a Flagger that looks after namespace ${namespace} begins anew`);
  tell(deps.stdout, `${name}: migrated`);
  if (all === 1) tell(deps.stderr, `See it: ${canaryCommand("status", journey.place.name, { ...scope, namespace })}`);
}

function sum(results: readonly Result[], { args, deps }: Company): void {
  const count = (result: Result): number => results.filter((one) => one === result).length;
  const did = args.dryRun ? "would be " : "";
  const parts = [
    `${count("moved")} ${did}${args.back ? "given back" : "migrated"}`,
    `${count("nothing-to-do")} had nothing to do`,
    `${count("refused")} refused`,
    ...(count("interrupted") > 0 ? [`${count("interrupted")} interrupted`] : []),
  ];
  tell(deps.stdout, `${results.length} ${results.length === 1 ? "Canary" : "Canaries"}: ${parts.join(", ")}.`);
}
