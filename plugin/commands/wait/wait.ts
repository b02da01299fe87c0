/** `kubectl canary wait NAME --for=...`: ends when that has come about or no longer can, with an exit code for each verdict. */
import type { V1Deployment } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { formatDuration } from "../../../shared/core/format/duration.ts";
import { heldValue, label, leaseName } from "../../../shared/core/objects/names.ts";
import { imagesOf } from "../../../shared/core/objects/pod-template.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { CanaryError, hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { type Awaited, assess, type Memory, nothingYet, type TargetTemplate, type WaitResult } from "./conditions.ts";
import { canaryCommand } from "../../view/suggestions.ts";
import { type Deps, exitCode, type Scope } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { findCanary } from "../../cluster/find-canary.ts";
import { readLease, timeFor } from "../../read/read-canary.ts";
import { type SeenLease, viewController } from "../../view/controller-health.ts";
import { type OutputFormat, printObject } from "../../render/output.ts";
import { printable } from "../../terminal/style.ts";
import { Trigger } from "../../cluster/change-watcher.ts";

export interface WaitArgs extends Awaited {
  name: string;
  /** 0: look once. */
  timeoutMs: number;
  output: OutputFormat;
}

export async function wait(args: WaitArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  refuseBeyondSteps(args, canary);
  const trigger = new Trigger(deps);
  const { name = "", namespace = "" } = canary.metadata;
  trigger.follow(resource.canaries, { namespace, fieldSelector: `metadata.name=${name}` });
  try {
    const started = deps.timers.now();
    const end = await waiting({ args, canary, deps, scope, trigger });
    return await report(end, { args, deps, scope, waitedMs: deps.timers.now() - started });
  } finally {
    await trigger.stop();
  }
}

// --- internal ---

interface Waiting {
  args: WaitArgs;
  canary: Canary;
  deps: Deps;
  scope: Scope;
  trigger: Trigger;
}

interface Reading {
  canary: Canary;
  memory: Memory;
  verdict?: WaitResult;
  /** Why the last look showed nothing. */
  trouble?: string;
}

interface End {
  canary: Canary;
  trouble?: string;
  verdict: WaitResult | "timeout" | "interrupted";
}

/** The target may change, and the API server come back, without the Canary changing. */
const rereadMs = 5_000;

async function waiting({ args, canary, deps, scope, trigger }: Waiting): Promise<End> {
  const deadline = deps.timers.now() + args.timeoutMs;
  let look: Reading = { canary, memory: nothingYet };
  let said = "";
  let isDead = false;
  let trouble: string | undefined;
  for (;;) {
    look = await lookAgain(look, args, deps);
    if (look.verdict) return { ...look, verdict: look.verdict };
    if (deps.signal.aborted) return { ...look, verdict: "interrupted" };
    const left = deadline - deps.timers.now();
    if (left <= 0) return { ...look, verdict: "timeout" };
    if (look.trouble !== undefined && look.trouble !== trouble) deps.stderr.write(`${look.trouble}\n`);
    trouble = look.trouble;
    said = tell(look.canary, said, deps);
    if (trouble === undefined) isDead = await tellDead(isDead, deps, scope);
    await trigger.next(Math.min(left, rereadMs));
  }
}

/** What cannot be read just now is read again: an API server may restart while one waits. */
async function lookAgain(before: Reading, args: WaitArgs, deps: Deps): Promise<Reading> {
  const { name = "", namespace = "" } = before.canary.metadata;
  try {
    const canary = await deps.cluster.get<Canary>(resource.canaries, { name, namespace });
    const target = await readTarget(canary, deps);
    return { canary, ...assess(args, canary, target, before.memory) };
  } catch (error) {
    if (hasCode(error, "NotFound")) throw new Refusal(`Canary "${name}" was deleted.`, exitCode.notFound);
    if (!(error instanceof CanaryError) || !error.retry) throw error;
    return { canary: before.canary, memory: before.memory, trouble: printable(error.message) };
  }
}

async function readTarget(canary: Canary, { cluster }: Deps): Promise<TargetTemplate | undefined> {
  const at = { name: canary.spec.targetRef.name, namespace: canary.metadata.namespace ?? "" };
  try {
    const { metadata, spec } = await cluster.get<V1Deployment>(resource.deployments, at);
    const pausedByUser = metadata?.labels?.[label.held] === heldValue.pausedByUser;
    return { hash: hashTemplate(spec?.template), images: imagesOf(spec?.template), pausedByUser };
  } catch (error) {
    if (hasCode(error, "NotFound", "Forbidden")) return undefined;
    throw error;
  }
}

/** Each new sentence once, for whoever reads along in a pipeline's log. */
function tell({ status }: Canary, said: string, { stderr }: Deps): string {
  const reason = printable(status?.reason ?? said);
  if (reason !== said) stderr.write(`${reason}\n`);
  return reason;
}

/** Once, for as long as it stays so: nothing will come about meanwhile, and a pipeline need not find that out by its timeout. */
async function tellDead(wasDead: boolean, deps: Deps, scope: Scope): Promise<boolean> {
  const lease = await readLease(deps.cluster, scope.controllerNamespace).catch(() => undefined);
  const words = await deadWords(lease, deps, scope);
  if (words !== undefined && !wasDead) deps.stderr.write(`${words} Nothing moves until it is back.\n`);
  return words !== undefined;
}

function refuseBeyondSteps({ step, name }: WaitArgs, { status }: Canary): void {
  const steps = status?.run?.steps;
  if (step === undefined || steps === undefined || step <= steps) return;
  throw new Refusal(`--for=step=${step}: the run of "${name}" has ${steps} steps.`, exitCode.usage);
}

interface Reporting {
  args: WaitArgs;
  deps: Deps;
  scope: Scope;
  waitedMs: number;
}

async function report({ canary, verdict, trouble }: End, reporting: Reporting): Promise<number> {
  const { args, deps } = reporting;
  const name = canary.metadata.name ?? "";
  const code =
    verdict === "timeout" ? exitCode.timeout : verdict === "interrupted" ? exitCode.interrupted : verdict.code;
  if (args.output === "json" || args.output === "yaml")
    await printObject(resultOf({ canary, verdict }, code, reporting), args.output, deps.stdout);
  else if (args.output === "name") deps.stdout.write(`canary.flagger.app/${name}\n`);
  else if (typeof verdict === "object") deps.stdout.write(`${name}: ${printable(verdict.words)}\n`);
  if (verdict === "interrupted") deps.stderr.write("\nNot waiting any longer; nothing was changed.\n");
  if (verdict === "timeout") throw await timedOut({ canary, trouble }, reporting);
  return code;
}

/** Schema of `-o json`. */
function resultOf({ canary, verdict }: End, code: number, { args, waitedMs }: Reporting): unknown {
  const { metadata } = canary;
  const { phase = "", run, reason = "" } = canary.status ?? {};
  const { outcome, words } = typeof verdict === "object" ? verdict : { outcome: verdict, words: reason };
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "WaitResult",
    name: metadata.name ?? "",
    namespace: metadata.namespace ?? "",
    for: args.condition === "step" ? `step=${args.step}` : args.condition,
    outcome,
    exitCode: code,
    message: words,
    phase,
    run: run?.id ?? null,
    waitedSeconds: Math.round(waitedMs / 1_000),
  };
}

async function timedOut(
  { canary, trouble }: Pick<Reading, "canary"> & { trouble: string | undefined },
  { args, deps, scope }: Reporting,
): Promise<Refusal> {
  const lease = await readLease(deps.cluster, scope.controllerNamespace).catch(() => undefined);
  const dead = await deadWords(lease, deps, scope);
  const last = trouble === undefined ? "" : ` The last look failed: ${trouble}`;
  const stands = printable(canary.status?.reason ?? "The controller has not looked at this Canary yet.");
  const what = args.condition === "step" ? `at step ${args.step}` : args.condition;
  const within = args.timeoutMs > 0 ? ` within ${formatDuration(args.timeoutMs)}` : "";
  const why = canaryCommand("explain", canary.metadata.name ?? "", scope);
  return new Refusal(
    `Not ${what}${within}: ${stands}${dead === undefined ? "" : ` ${dead}`}${last}\nWhy:\n  ${why}`,
    exitCode.timeout,
  );
}

/** Undefined while a controller is alive, or nothing is known of it. */
async function deadWords(lease: SeenLease, deps: Deps, scope: Scope): Promise<string | undefined> {
  if (lease === null)
    return `No controller is alive: namespace ${scope.controllerNamespace} has no Lease ${leaseName} (--controller-namespace).`;
  const now = lease ? await timeFor(lease, deps).catch(deps.now) : deps.now();
  const silence = viewController(lease, now).silentSeconds;
  return silence === null ? undefined : `The controller has been silent for ${formatDuration(silence * 1_000)}.`;
}
