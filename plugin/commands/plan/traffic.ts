/** The traffic that a plan is for: of the last hour, asked of Prometheus, or as a person gives it. */
import { apexOf, type Canary } from "../../../shared/core/objects/canary.ts";
import { canaryName } from "../../../shared/core/objects/names.ts";
import { slowLimitOf } from "../../../shared/core/analysis/slow-limit.ts";
import type { Policy } from "../../../shared/core/spec/policy.ts";
import { isAsOldAs, trafficQueries } from "../../../shared/core/queries/traffic-queries.ts";
import { openPrometheus } from "../../cluster/prometheus.ts";
import type { Session } from "../../cluster/session.ts";
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";

export interface TrafficView {
  from: "flags" | "prometheus";
  /** Over how long it was counted; null where a person gave it. */
  windowSeconds: number | null;
  requestsPerSecond: number;
  failuresPercent: number;
  /** Of stable's requests those above the limit of request-duration. */
  slowPercent: number;
}

export interface TrafficFlags {
  rps?: number | undefined;
  failuresPercent?: number | undefined;
}

export function givenTraffic({ rps = 0, failuresPercent = 0 }: TrafficFlags): TrafficView {
  return { from: "flags", windowSeconds: null, requestsPerSecond: rps, failuresPercent, slowPercent: 0 };
}

/** Throws a refusal that names `--rps` where there was no traffic, or nobody can say. */
export async function measuredTraffic(canary: Canary, { metrics }: Policy, session: Session): Promise<TrafficView> {
  const { namespace = session.scope.namespace } = canary.metadata;
  const target = canary.spec.targetRef.name;
  const prometheus = await openPrometheus(canary, session);
  const now = session.deps.now();
  try {
    const pods = { namespace, deployments: [target, canaryName(target)] };
    const window = await widestOf(
      async (seconds) => (await prometheus.query(isAsOldAs(pods, seconds), now)).length > 0,
    );
    const queries = trafficQueries({ ...pods, window, boundMs: slowLimitOf(metrics)?.boundMs });
    const one = async (query: string | undefined): Promise<number> => {
      const [sample] = query === undefined ? [] : await prometheus.query(query, now);
      return sample && Number.isFinite(sample.value) ? Math.max(0, sample.value) : 0;
    };
    const [requests, failures, slow] = await Promise.all([
      one(queries.requests),
      one(queries.failures),
      one(queries.slow),
    ]);
    if (requests < 1) throw noTraffic(apexOf(canary), namespace, window);
    const percent = (part: number): number => Math.round((1e5 * Math.min(part, requests)) / requests) / 1e3;
    const requestsPerSecond = Number((requests / window).toPrecision(3));
    const parts = { failuresPercent: percent(failures), slowPercent: percent(slow) };
    return { from: "prometheus", windowSeconds: window, requestsPerSecond, ...parts };
  } finally {
    prometheus.close();
  }
}

// --- internal ---

/** The last hour; less where Prometheus or the app is younger, for then the rest of the hour would count as silence. */
const windows = [3_600, 900, 300] as const;
const shortestWindow = 60;

async function widestOf(isAsOld: (seconds: number) => Promise<boolean>): Promise<number> {
  for (const window of windows) if (await isAsOld(window)) return window;
  return shortestWindow;
}

function noTraffic(service: string, namespace: string, window: number): Refusal {
  const what = `Prometheus has no users' request to ${service} in namespace ${namespace} in the last ${window}s, so there is nothing to plan by.`;
  return new Refusal(`${what} Say how much there will be: --rps 50`, exitCode.error);
}
