/** One plot: lines over time in an SVG of our own, its limit, and the numbers under the pointer. */
import { useState } from "preact/hooks";
import { clockTime, none } from "./words.ts";
import { dotsOf, nearestTo, pathOf, type Point, type Range, scaleOf } from "./plot.ts";

export interface Line {
  name: string;
  /** Its colour, and dashes. */
  kind: "primary" | "canary" | "ahead" | "back";
  points: readonly Point[];
  steps?: boolean;
}

export interface Plot {
  title: string;
  lines: readonly Line[];
  times: Range;
  values: Range;
  format: (value: number) => string;
  /** Of the axis of time; the clock's unless given. */
  timeWords?: (at: number) => string;
  /** Drawn as a line, and named. */
  limit?: { value: number; words: string } | undefined;
}

const box = { width: 300, height: 110 };

export function Figure(plot: Plot) {
  const { title, lines, times, values, format, limit, timeWords = clockTime } = plot;
  const [at, look] = useState<number>();
  const scale = scaleOf(times, values, box);
  const hasNumbers = lines.some(({ points }) => points.some(({ value }) => value !== undefined));
  const point = (event: PointerEvent & { currentTarget: SVGSVGElement }): void => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    look(times.low + ((event.clientX - left) / width) * (times.high - times.low));
  };
  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        <Legend plot={plot} at={at} />
      </figcaption>
      <div class="plot-box">
        <div class="ticks" aria-hidden="true">
          <span>{format(values.high)}</span>
          <span>{format(values.low)}</span>
        </div>
        <svg
          viewBox={`0 -4 ${box.width} ${box.height + 8}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={wordsOf(plot)}
          onPointerMove={point}
          onPointerLeave={() => look(undefined)}
        >
          <path class="frame" d={`M0 0H${box.width}M0 ${box.height / 2}H${box.width}M0 ${box.height}H${box.width}`} />
          {limit ? <path class="limit" d={`M0 ${scale.y(limit.value)}H${box.width}`} /> : null}
          {lines.map(({ name, kind, points, steps = false }) => (
            <g key={name} class={`line ${kind}`}>
              <path d={pathOf(points, scale, { steps })} />
              <path class="dots" d={dotsOf(points, scale)} />
            </g>
          ))}
          {at === undefined ? null : <path class="cursor" d={`M${scale.x(at)} 0V${box.height}`} />}
        </svg>
        {hasNumbers ? null : <span class="empty">nothing measured yet</span>}
      </div>
      <div class="times" aria-hidden="true">
        <span>{timeWords(times.low)}</span>
        {limit ? <span class="limit-words">{limit.words}</span> : null}
        <span>{timeWords(times.high)}</span>
      </div>
    </figure>
  );
}

// --- internal ---

/** Names and values: of the moment under the pointer, else the last. */
function Legend({ plot: { lines, format }, at }: { plot: Plot; at: number | undefined }) {
  return (
    <span class="legend">
      {lines.map((line) => {
        const value = valueAt(line, at);
        return (
          <span key={line.name} class={`key ${line.kind}`}>
            {line.name} {line.kind === "back" ? null : <b>{value === undefined ? none : format(value)}</b>}
          </span>
        );
      })}
    </span>
  );
}

function valueAt({ points, steps }: Line, at: number | undefined): number | undefined {
  const known = points.filter(({ value }) => value !== undefined);
  if (at === undefined) return known.at(-1)?.value;
  if (steps) return known.findLast((point) => point.at <= at)?.value;
  const index = nearestTo(at, known);
  return index === undefined ? undefined : known[index]?.value;
}

/** What a screen reader says of it. */
function wordsOf({ title, lines, format, limit }: Plot): string {
  const last = lines.map((line) => {
    const value = valueAt(line, undefined);
    return `${line.name} ${value === undefined ? "not measured" : format(value)}`;
  });
  return `${title}. Last: ${last.join(", ")}.${limit ? ` Limit: ${limit.words}.` : ""}`;
}
