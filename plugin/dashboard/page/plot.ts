/** The geometry of a line plot: from numbers in time to a path in a box. Pure. */

export interface Point {
  /** ms since the epoch. */
  at: number;
  /** Undefined: nothing was measured; the line has a gap there. */
  value: number | undefined;
}

export interface Range {
  low: number;
  high: number;
}

export interface Box {
  width: number;
  height: number;
}

export interface Scale {
  x: (at: number) => number;
  y: (value: number) => number;
}

/** Rounded to a tenth of a unit: paths stay short. */
export function scaleOf(times: Range, values: Range, { width, height }: Box): Scale {
  const part = ({ low, high }: Range, value: number): number => (high > low ? (value - low) / (high - low) : 0.5);
  const rounded = (value: number): number => Math.round(value * 10) / 10;
  return {
    x: (at) => rounded(part(times, at) * width),
    y: (value) => rounded(height - Math.min(1, Math.max(0, part(values, value))) * height),
  };
}

/** An SVG path. `steps`: a value holds until the next. */
export function pathOf(points: readonly Point[], { x, y }: Scale, { steps = false } = {}): string {
  let path = "";
  let isOpen = false;
  for (const { at, value } of points) {
    if (value === undefined) {
      isOpen = false;
      continue;
    }
    const [px, py] = [x(at), y(value)];
    if (!isOpen) path += `M${px} ${py}`;
    else path += steps ? `H${px}V${py}` : `L${px} ${py}`;
    isOpen = true;
  }
  return path;
}

/** A dot for each point that has no neighbour to be joined to. */
export function dotsOf(points: readonly Point[], { x, y }: Scale): string {
  return points
    .map(({ at, value }, index) => {
      const isAlone = points[index - 1]?.value === undefined && points[index + 1]?.value === undefined;
      return value !== undefined && isAlone ? `M${x(at)} ${y(value)}h0.1` : "";
    })
    .join("");
}

/** From `low`, or the least value if it is lower, to a round number above the largest. Limits are in sight. */
export function rangeOf(values: readonly number[], { low, high }: Range): Range {
  const top = Math.max(high, ...values);
  const bottom = Math.min(low, ...values);
  return { low: bottom, high: top > high ? roundAbove(top) : high };
}

/** 1, 2 or 5 times a power of ten. */
export function roundAbove(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value * 0.999_999) ?? 10;
  return factor * power;
}

/** The index of the point nearest to a time; undefined where there is none. */
export function nearestTo(at: number, points: readonly { at: number }[]): number | undefined {
  let best: number | undefined;
  points.forEach((point, index) => {
    const other = best === undefined ? undefined : points[best];
    if (!other || Math.abs(point.at - at) < Math.abs(other.at - at)) best = index;
  });
  return best;
}
