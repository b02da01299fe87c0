// Shows a run as it goes: a line whenever the weight or the phase changes, and the numbers of both tracks.
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus, TrackStatus } from "../../shared/core/objects/canary-status.ts";
import { LoadClient } from "../app/load-client.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor, type Unmet } from "../cluster/wait.ts";

export interface FollowOptions {
  namespace: string;
  name: string;
  say: (text: string) => void;
  /** Seconds since the demo began. */
  elapsed: () => number;
}

const runDeadlineMs = 600_000;
const header = ["TIME", "PHASE", "WEIGHT", "STABLE OK", "RPS", "P99", "CANARY OK", "RPS", "P99", "ANSWERS BY VERSION"];
const widths = [6, 12, 7, 10, 6, 7, 10, 6, 7, 0];

/** Returns when the run has been promoted; throws with its reason when it ended otherwise. */
export async function followRun({ namespace, name, say, elapsed }: FollowOptions): Promise<void> {
  const load = await LoadClient.of(namespace);
  say(row(header));
  let last = "";
  const look = async (): Promise<CanaryStatus | Unmet> => {
    const { status = {} } = await getJson<Canary>(["canary", name, "-n", namespace]);
    const mark = `${status.phase} ${status.canaryWeight} ${status.tracks?.at ?? ""}`;
    if (mark !== last) say(row([`${elapsed().toFixed(0)}s`, ...statusCells(status), await versions(load)]));
    last = mark;
    return ["Succeeded", "Failed"].includes(status.phase ?? "") ? status : unmet(status.reason ?? "no status");
  };
  const ended = await waitFor(look, runDeadlineMs, "the promotion", 500);
  if (ended.phase === "Failed") throw new Error(`The run was rolled back: ${ended.reason}`);
}

function statusCells({ phase = "", canaryWeight = 0, tracks }: CanaryStatus): string[] {
  const numbers = tracks ? [...cells(tracks.primary), ...cells(tracks.canary)] : Array<string>(6).fill("-");
  return [phase, `${canaryWeight}%`, ...numbers];
}

async function versions(load: LoadClient): Promise<string> {
  const { byVersion } = await load.counts();
  return Object.entries(byVersion)
    .map(([version, count]) => `${version}: ${count}`)
    .join("  ");
}

function cells(track: TrackStatus): string[] {
  const { successPercent, requestsPerSecond, latencyMsP99 } = track;
  return [
    successPercent === null ? "-" : `${successPercent.toFixed(2)}%`,
    requestsPerSecond === null ? "-" : requestsPerSecond.toFixed(1),
    latencyMsP99 === null ? "-" : `${latencyMsP99.toFixed(0)}ms`,
  ];
}

function row(values: readonly string[]): string {
  return values
    .map((value, index) => value.padEnd(widths[index] ?? 0))
    .join(" ")
    .trimEnd();
}
