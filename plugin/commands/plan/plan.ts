/** `kubectl canary plan NAME`, or `plan -f canary.yaml`: how long a release will take, and what a bad version would cost. */
import { readFile } from "node:fs/promises";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { kind } from "../../../shared/core/objects/names.ts";
import { releasePlan } from "../../../shared/core/plan/plan.ts";
import type { PlanInput } from "../../../shared/core/plan/types.ts";
import type { Effort } from "../../../shared/core/plan/versions.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { suggest } from "../../../shared/core/plan/suggest.ts";
import { formatDuration } from "../../../shared/core/format/duration.ts";
import { formatErrors, parsePolicy, type Policy } from "../../../shared/core/spec/policy.ts";
import { messageOf } from "../../../shared/kube/errors.ts";
import { findCanary } from "../../cluster/find-canary.ts";
import { controllersScrapeInterval } from "../../cluster/prometheus.ts";
import type { Session } from "../../cluster/session.ts";
import { exitCode, type Io } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { type OutputFormat, printObject } from "../../render/output.ts";
import { styleOf } from "../../terminal/style.ts";
import { renderPlan } from "./render.ts";
import { matchingOf, type MatchingView } from "./matching.ts";
import { givenTraffic, measuredTraffic, type TrafficFlags, type TrafficView } from "./traffic.ts";
import { viewPlan } from "./view.ts";

export interface PlanArgs extends TrafficFlags {
  /** One of both. */
  name?: string | undefined;
  file?: string | undefined;
  scrapeIntervalMs?: number | undefined;
  /** Of an A/B test: how many of users' requests match. */
  matchingPercent?: number | undefined;
  seed: number;
  suggest: boolean;
  output: OutputFormat;
  /** How much is simulated; as much as `releasePlan` and `suggest` do by themselves unless given. */
  effort?: Effort | undefined;
}

/** `connect` is called only where something is to be read from a cluster. */
export async function plan(args: PlanArgs, io: Io, connect: () => Promise<Session>): Promise<number> {
  let session: Session | undefined;
  const cluster = async (): Promise<Session> => (session ??= await connect());
  const canary = args.file === undefined ? await canaryOf(args.name ?? "", await cluster()) : await readFrom(args.file);
  const policy = plannable(policyOf(canary));
  const matching = matchingOf(canary, policy, args.matchingPercent);
  const traffic =
    args.rps === undefined ? await measured(args, { canary, policy }, await cluster()) : givenTraffic(args);
  const { seed } = args;
  const scrapeIntervalMs =
    args.scrapeIntervalMs ?? (session && (await controllersScrapeInterval(session))) ?? defaultScrapeMs;
  const { effort } = args;
  const input = { policy, ...rates(traffic, matching), scrapeIntervalMs, seed, ...optional("effort", effort) };
  const view = viewPlan(placeOf(canary, session), {
    ...{ policy, traffic, matching, scrapeIntervalMs, seed, plan: releasePlan(input) },
    suggestion: args.suggest ? suggest(input, effort) : undefined,
    suggestionAsked: args.suggest,
  });
  if (args.output === "json" || args.output === "yaml") await printObject(view, args.output, io.stdout);
  else io.stdout.write(renderPlan(view, { style: styleOf(io.stdout, io.env) }));
  return exitCode.ok;
}

// --- internal ---

/** Parts of 1. */
function rates(
  { requestsPerSecond, failuresPercent, slowPercent }: TrafficView,
  matching: MatchingView | null,
): Pick<PlanInput, "rps" | "usual" | "matching"> {
  const usual = { failures: failuresPercent / 100, slow: slowPercent / 100 };
  return { rps: requestsPerSecond, usual, ...(matching ? { matching: matching.percent / 100 } : {}) };
}

function plannable(policy: Policy): Policy {
  const { countsRequests, weights, intervalMs } = policy;
  if (countsRequests) return policy;
  const steps = `${weights.length} step${weights.length === 1 ? "" : "s"} of ${formatDuration(intervalMs)}`;
  throw new Refusal(
    `A plan reckons with requests, and spec.analysis.requests of this Canary is none. Its run takes ${steps}, and the time that pods need.`,
  );
}

/** Linkerd-Viz's. */
const defaultScrapeMs = 10_000;

function placeOf({ metadata }: Canary, session: Session | undefined): { name: string; namespace: string } {
  return { name: metadata.name ?? "", namespace: metadata.namespace ?? session?.scope.namespace ?? "" };
}

const canaryOf = (name: string, { deps, scope }: Session): Promise<Canary> => findCanary(name, deps, scope);

/** `--failures` says it better than Prometheus where it is given. */
async function measured(
  { failuresPercent }: PlanArgs,
  { canary, policy }: { canary: Canary; policy: Policy },
  session: Session,
): Promise<TrafficView> {
  const traffic = await measuredTraffic(canary, policy, session);
  return failuresPercent === undefined ? traffic : { ...traffic, failuresPercent };
}

/** The one Canary among a file's documents. */
async function readFrom(file: string): Promise<Canary> {
  const { loadAll } = await import("js-yaml");
  const documents = await readFile(file, "utf8")
    .then((text) => loadAll(text))
    .catch((error: unknown) => {
      throw new Refusal(`${file} cannot be read: ${messageOf(error)}`, exitCode.usage);
    });
  const found = documents.filter(isCanary);
  const [only, other] = found;
  if (!only || other)
    throw new Refusal(`${file} holds ${found.length} Canaries, and a plan is for one.`, exitCode.usage);
  return only;
}

function isCanary(document: unknown): document is Canary {
  if (typeof document !== "object" || document === null) return false;
  const { kind: of, metadata, spec } = document as Record<string, unknown>;
  return of === kind.canary.kind && typeof metadata === "object" && metadata !== null && isSpec(spec);
}

function isSpec(spec: unknown): boolean {
  return typeof spec === "object" && spec !== null && "targetRef" in spec;
}

function policyOf({ spec }: Canary): Policy {
  const parsed = parsePolicy(spec);
  if (!parsed.ok) throw new Refusal(`The Canary cannot be read: ${formatErrors(parsed.errors)}.`, exitCode.error);
  return parsed.policy;
}
