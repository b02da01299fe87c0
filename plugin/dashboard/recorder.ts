/** Remembers what was measured of each Canary's newest run, for plots. The status itself has the last numbers only. */
import type { TrendNumbers, TrendStatus } from "../../shared/core/objects/canary-status.ts";
import type { CanaryView, TrackView } from "../view/types.ts";
import type { Sample, SampleNumbers, SeriesView } from "./types.ts";

/** Of each Canary: at an interval of 10 s this is an hour. */
const mostPoints = 360;

interface Recorded extends SeriesView {
  run: string | null;
}

export class Recorder {
  private readonly runs = new Map<string, Recorded>();

  /** Call it with each view that was seen; what is known already is noted once. `now` in ms. */
  note(view: CanaryView, now: number): void {
    const key = keyOfView(view);
    const known = this.runs.get(key);
    const run = view.run?.id ?? null;
    // After its end a run's numbers stay, until another begins.
    const isSame = known !== undefined && (run === null || run === known.run || known.run === null);
    const recorded: Recorded = isSame ? known : { run, samples: view.trend.map(fromTrend), weights: [] };
    recorded.run ??= run;
    noteWeight(recorded, view, now);
    noteSample(recorded, view);
    this.runs.set(key, recorded);
  }

  forget(key: string): void {
    this.runs.delete(key);
  }

  /** `key` as {@link keyOfView} gives it. */
  seriesOf(key: string): SeriesView {
    const { samples = [], weights = [] } = this.runs.get(key) ?? {};
    return { samples: [...samples], weights: [...weights] };
  }
}

export const keyOfView = ({ namespace, name }: Pick<CanaryView, "namespace" | "name">): string =>
  `${namespace}/${name}`;

// --- internal ---

/** What the controller means it to be; the route's own weight is not read for all Canaries. */
function noteWeight({ weights }: Recorded, { canaryWeightPercent: percent, run }: CanaryView, now: number): void {
  const last = weights.at(-1);
  if (last?.percent === percent) return;
  // The check of a weight begins when it moves, which may be before it was first seen here.
  const moved = run?.stage === "analysing" ? Date.parse(run.stageAt) : now;
  const at = new Date(Math.max(moved, last ? Date.parse(last.at) : 0)).toISOString();
  weights.push({ at, percent });
  if (weights.length > mostPoints) weights.shift();
}

function noteSample({ samples }: Recorded, { measuredAt, tracks }: CanaryView): void {
  if (measuredAt === null) return;
  const sample: Sample = {
    at: measuredAt,
    primary: numbersOf(tracks.find(({ name }) => name === "primary")),
    canary: numbersOf(tracks.find(({ name }) => name === "canary")),
  };
  const last = samples.at(-1);
  // The trend has the same moment with fewer numbers.
  if (last?.at === measuredAt) samples.pop();
  else if (last && last.at > measuredAt) return;
  samples.push(sample);
  if (samples.length > mostPoints) samples.shift();
}

const none: SampleNumbers = {
  successPercent: null,
  requestsPerSecond: null,
  latencyMsP50: null,
  latencyMsP95: null,
  latencyMsP99: null,
};

function numbersOf(track: TrackView | undefined): SampleNumbers {
  if (!track) return none;
  const { successPercent, requestsPerSecond, latencyMsP50, latencyMsP95, latencyMsP99 } = track;
  return { successPercent, requestsPerSecond, latencyMsP50, latencyMsP95, latencyMsP99 };
}

function fromTrend({ at, primary, canary }: TrendStatus): Sample {
  return { at, primary: known(primary), canary: known(canary) };
}

const known = ({ successPercent, latencyMsP99 }: TrendNumbers): SampleNumbers => ({
  ...none,
  successPercent: successPercent ?? null,
  latencyMsP99: latencyMsP99 ?? null,
});
