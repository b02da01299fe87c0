/** The plots of one run: weights, and what users got of both tracks. */
import type { PageView, Sample, SampleNumbers } from "../types.ts";
import { Figure, type Line, type Plot } from "./figure.tsx";
import { Section } from "./parts.tsx";
import { type Point, type Range, rangeOf } from "./plot.ts";
import { latency } from "./words.ts";

export function Plots({ page, now }: { page: PageView; now: number }) {
  const { samples } = page.series;
  const times = timesOf(page, now);
  const [success, duration] = ["percent", "milliseconds"].map((unit) => limitOf(page, unit));
  const plotOf = (title: string, field: keyof SampleNumbers, least = 0): Plot => ({
    title,
    times,
    ...measured(linesOf(samples, field), least),
  });
  const plots: Plot[] = [
    weights(page, now),
    { ...plotOf("Success rate", "successPercent"), ...percentScale(samples, success) },
    plotOf("Requests per second", "requestsPerSecond"),
    { ...plotOf("Latency, median (P50)", "latencyMsP50"), format: latency },
    { ...plotOf("Latency, P95", "latencyMsP95"), format: latency },
    { ...plotOf("Latency, P99", "latencyMsP99", duration?.value), format: latency, limit: duration },
  ];
  const note = "Since this page's server first saw the run; success rate and P99 also of its last checks before.";
  return (
    <Section title="The run in numbers" note={note}>
      <div class="plots">
        {plots.map((plot) => (
          <Figure key={plot.title} {...plot} />
        ))}
      </div>
    </Section>
  );
}

// --- internal ---

function timesOf({ canary: { run }, series: { samples, weights: changes } }: PageView, now: number): Range {
  const known = [...samples, ...changes].map(({ at }) => Date.parse(at));
  const start = run ? Date.parse(run.startedAt) : Math.min(now - 60_000, ...known);
  const end = run ? now : Math.max(start + 60_000, ...known);
  return { low: start, high: Math.max(end, start + 1_000) };
}

/** What was, and by the plan what comes, up to the earliest end. */
function weights({ canary, series, steps }: PageView, now: number): Plot {
  const changes = series.weights.map(({ at, percent }): Point => ({ at: Date.parse(at), value: percent }));
  const current = changes.at(-1)?.value;
  const ahead = steps.flatMap(({ earliestAt, weightPercent }): Point[] =>
    earliestAt === null ? [] : [{ at: Date.parse(earliestAt), value: weightPercent }],
  );
  const planned: Point[] = ahead.length === 0 ? [] : [{ at: now, value: current }, ...ahead];
  const times = timesOf({ canary, series, steps } as PageView, now);
  const end = canary.run?.eta ? Date.parse(canary.run.eta.earliestAt) : times.high;
  const high = Math.max(times.high, end);
  const lines: Line[] = [
    { name: "canary", kind: "canary", points: [...changes, { at: times.high, value: current }], steps: true },
  ];
  if (planned.length > 0) {
    const last = planned.at(-1)?.value;
    lines.push({ name: "planned", kind: "ahead", points: [...planned, { at: high, value: last }], steps: true });
  }
  return {
    title: "Weight of the canary",
    lines,
    times: { low: times.low, high },
    values: { low: 0, high: 100 },
    format: round,
  };
}

const round = (value: number): string => `${Math.round(value * 10) / 10}%`;

function measured(lines: readonly Line[], least: number): Pick<Plot, "lines" | "values" | "format"> {
  const values = rangeOf(valuesOf(lines), { low: 0, high: least });
  const format = (value: number): string =>
    value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value));
  return { lines, values: values.high > 0 ? values : { low: 0, high: 1 }, format };
}

function linesOf(samples: readonly Sample[], field: keyof SampleNumbers): Line[] {
  return (["primary", "canary"] as const).map((kind) => ({ name: kind, kind, points: pointsOf(samples, kind, field) }));
}

function percentScale(samples: readonly Sample[], limit: Plot["limit"]): Pick<Plot, "values" | "format" | "limit"> {
  const known = samples.flatMap(({ primary, canary }) => [primary.successPercent, canary.successPercent]);
  const least = Math.min(100, limit?.value ?? 99, ...known.filter((value) => value !== null));
  // Room below the limit, so that its line is not the floor.
  const low = Math.max(0, Math.floor(100 - (100 - least) * 1.5 - 0.5));
  const format = (value: number): string => `${Math.round(value * 100) / 100}%`;
  return { values: { low, high: 100 }, format, limit };
}

function pointsOf(samples: readonly Sample[], track: "primary" | "canary", field: keyof SampleNumbers): Point[] {
  return samples.map((sample) => ({ at: Date.parse(sample.at), value: sample[track][field] ?? undefined }));
}

const valuesOf = (lines: readonly Line[]): number[] =>
  lines.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []));

function limitOf({ canary: { checks } }: PageView, unit: string): Plot["limit"] {
  const builtin = unit === "percent" ? "request-success-rate" : "request-duration";
  const check = checks.find(({ metric }) => metric === builtin);
  const value = check?.min ?? check?.max;
  if (check === undefined || value === undefined) return undefined;
  return { value, words: check.min === undefined ? `at most ${latency(value)}` : `at least ${value}%` };
}
