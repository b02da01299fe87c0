/** Cumulative shares as an SVG file, with a logarithmic axis: text made of numbers, no library. */

export interface Curve {
  name: string;
  /** Infinity for what was never reached. */
  values: readonly number[];
}

const width = 900;
const height = 480;
const left = 60;
const right = 250;
const top = 40;
const bottom = 50;
const colours = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf"];

/** The share of values (0 to 100 %) that are at most x, for x from 1 to the largest power of ten needed. */
export function plot(curves: readonly Curve[], { title }: { title: string }): string {
  const largest = Math.max(10, ...curves.flatMap(({ values }) => values.filter(Number.isFinite)));
  const decades = Math.ceil(Math.log10(largest));
  const x = (value: number): number => left + (Math.log10(Math.max(1, value)) / decades) * (width - left - right);
  const y = (share: number): number => height - bottom - share * (height - top - bottom);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/><text x="${left}" y="24" font-size="15">${title}</text>`,
    ...Array.from({ length: decades + 1 }, (_, power) => grid(x(10 ** power), String(10 ** power), "upright")),
    ...[0, 0.25, 0.5, 0.75, 0.95, 1].map((share) => grid(y(share), `${100 * share}%`, "level")),
    ...curves.map((curve, index) => drawn(curve, index, { x, y })),
    "</svg>\n",
  ].join("\n");
}

function grid(at: number, label: string, direction: "upright" | "level"): string {
  const [x1, y1, x2, y2] = direction === "upright" ? [at, top, at, height - bottom] : [left, at, width - right, at];
  const text =
    direction === "upright"
      ? `<text x="${at}" y="${height - bottom + 18}" text-anchor="middle">${label}</text>`
      : `<text x="${left - 6}" y="${at + 4}" text-anchor="end">${label}</text>`;
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>${text}`;
}

function drawn(
  { name, values }: Curve,
  index: number,
  { x, y }: { x: (value: number) => number; y: (share: number) => number },
): string {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const stride = Math.max(1, Math.floor(sorted.length / 300));
  const points = sorted
    .map((value, rank) => ({ value, share: (rank + 1) / values.length }))
    .filter((_, rank) => rank % stride === 0 || rank === sorted.length - 1)
    .map(({ value, share }) => `${x(value).toFixed(1)},${y(share).toFixed(1)}`);
  const colour = colours[index % colours.length] ?? "black";
  const at = top + 16 + 20 * index;
  const legend = `<text x="${width - right + 40}" y="${at}">${name}</text>`;
  const key = `<line x1="${width - right + 15}" y1="${at - 4}" x2="${width - right + 33}" y2="${at - 4}" stroke="${colour}" stroke-width="3"/>`;
  return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.join(" ")}"/>${key}${legend}`;
}
