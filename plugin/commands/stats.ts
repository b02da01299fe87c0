/** `kubectl canary stats NAME`: golden numbers of both tracks, from the status, or live from Prometheus. */
import type { V1ReplicaSet } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { TrackStatus } from "../../shared/core/objects/canary-status.ts";
import { type CallingWorkload, type GoldenQueries, goldenQueries } from "../../shared/core/queries/golden-signals.ts";
import { canaryName, label } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { exitCode } from "../context.ts";
import { findCanary } from "../cluster/find-canary.ts";
import { openPrometheus, type OpenPrometheus } from "../cluster/prometheus.ts";
import { type OutputFormat, printObject } from "../render/output.ts";
import { renderTracks } from "../render/sections.ts";
import type { Session } from "../cluster/session.ts";
import { look } from "../read/look.ts";
import { printable, styleOf } from "../terminal/style.ts";
import type { CanaryView } from "../view/types.ts";

export interface StatsArgs {
  name: string;
  /** As this Deployment's proxies counted them. */
  from?: CallingWorkload | undefined;
  /** Seconds; undefined: what the controller judges by. */
  window?: number | undefined;
  showQuery: boolean;
  output: OutputFormat;
}

type Numbers = Pick<
  TrackStatus,
  "successPercent" | "requestsPerSecond" | "latencyMsP50" | "latencyMsP95" | "latencyMsP99" | "requests"
>;

export interface StatsView {
  apiVersion: "kubectl-canary/v1";
  kind: "StatsView";
  name: string;
  namespace: string;
  /** The controller's last measurement, or asked just now. */
  source: "status" | "prometheus";
  from: string | null;
  windowSeconds: number | null;
  measuredAt: string | null;
  tracks: (CanaryView["tracks"][number] & { queries: GoldenQueries | null })[];
}

export async function stats(args: StatsArgs, session: Session): Promise<number> {
  const { deps, scope } = session;
  const canary = await findCanary(args.name, deps, scope);
  const { view } = await look(canary, deps, scope);
  const isLive = args.from !== undefined || args.window !== undefined || args.showQuery;
  const found = isLive ? await ask(args, { canary, view }, session) : fromStatus(view);
  if (args.output === "json" || args.output === "yaml") await printObject(found, args.output, deps.stdout);
  else {
    const options = { style: styleOf(deps.stdout, deps.env), now: deps.now(), wide: args.output === "wide" };
    const whole = { ...view, ...found, run: view.run, kind: view.kind, trend: isLive ? [] : view.trend };
    const shown = printable(whole);
    const queries = args.showQuery ? ["", ...queryLines(printable(found))] : [];
    deps.stdout.write(`${[...renderTracks(shown, options), ...queries].join("\n")}\n`);
  }
  return exitCode.ok;
}

// --- internal ---

const defaultWindow = 60;

function fromStatus({ name, namespace, tracks, windowSeconds, measuredAt }: CanaryView): StatsView {
  const same = { apiVersion: "kubectl-canary/v1", kind: "StatsView", name, namespace } as const;
  const shown = tracks.map((track) => ({ ...track, queries: null }));
  return { ...same, source: "status", from: null, windowSeconds, measuredAt, tracks: shown };
}

async function ask(
  { from, window }: StatsArgs,
  { canary, view }: { canary: Canary; view: CanaryView },
  session: Session,
): Promise<StatsView> {
  const seconds = window ?? view.windowSeconds ?? defaultWindow;
  const [prometheus, hashes] = await Promise.all([openPrometheus(canary, session), hashesOf(canary, session)]);
  const now = session.deps.now();
  try {
    const tracks = await Promise.all(
      view.tracks.map(async (track) => {
        const podTemplateHash = hashes[track.name === "canary" ? "canary" : "primary"] ?? "";
        const queries = goldenQueries(
          { namespace: view.namespace, deployment: track.deployment, podTemplateHash },
          seconds,
          from,
        );
        const numbers = await measure(prometheus, queries, { seconds, now });
        return { ...withoutTold(track), ...numbers, countedBy: from ? "callers" : "both", queries } as const;
      }),
    );
    const caller = from ? `${from.namespace}/${from.deployment}` : null;
    const measured = { windowSeconds: seconds, measuredAt: new Date(now).toISOString() };
    return { ...fromStatus(view), source: "prometheus", from: caller, ...measured, tracks };
  } finally {
    prometheus.close();
  }
}

/** What the controller's own measurement says besides is about another moment. */
function withoutTold(track: CanaryView["tracks"][number]): CanaryView["tracks"][number] {
  const told = ["failures", "clientErrors", "denied", "unanswered", "attempts", "disagreement"] as const;
  const rest = { ...track };
  for (const field of told) delete rest[field];
  return rest;
}

/** All at one time, so that the numbers belong together. */
async function measure(
  prometheus: OpenPrometheus,
  queries: GoldenQueries,
  { seconds, now }: { seconds: number; now: number },
): Promise<Numbers> {
  const one = async (query: string): Promise<number | null> => {
    const [sample] = await prometheus.query(query, now);
    return sample && Number.isFinite(sample.value) ? sample.value : null;
  };
  const [requests, successPercent, latencyMsP50, latencyMsP95, latencyMsP99] = await Promise.all([
    one(queries.requests),
    one(queries.successPercent),
    one(queries.latencyMsP50),
    one(queries.latencyMsP95),
    one(queries.latencyMsP99),
  ]);
  const requestsPerSecond = requests === null ? null : requests / seconds;
  return { requests, requestsPerSecond, successPercent, latencyMsP50, latencyMsP95, latencyMsP99 };
}

/** pod-template-hash of what each track runs now: another version's numbers are not its own. */
async function hashesOf(canary: Canary, { deps }: Session): Promise<{ primary?: string; canary?: string }> {
  const { namespace = "" } = canary.metadata;
  const { items } = await deps.cluster.list<V1ReplicaSet>(resource.replicaSets, { namespace });
  const workload = canaryName(canary.spec.targetRef.name);
  const revision = ({ metadata }: V1ReplicaSet): number =>
    Number(metadata?.annotations?.["deployment.kubernetes.io/revision"] ?? 0);
  const [newest] = items
    .filter(({ metadata }) =>
      metadata?.ownerReferences?.some(({ controller, name }) => controller && name === workload),
    )
    .sort((a, b) => revision(b) - revision(a));
  const primary = canary.status?.stable?.podTemplateHash;
  const hash = newest?.metadata?.labels?.[label.podTemplateHash];
  return { ...(primary ? { primary } : {}), ...(hash ? { canary: hash } : {}) };
}

function queryLines({ tracks }: StatsView): string[] {
  return tracks.flatMap(({ name, queries }) =>
    Object.entries(queries ?? {}).map(([number, query]) => `${name} ${number}:\n  ${query}`),
  );
}
