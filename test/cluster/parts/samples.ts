/** What Prometheus scraped, sample by sample, to be read afterwards. */
import { prometheusUrl } from "./prometheus.ts";

export interface Scraped {
  /** When, ms since the epoch, by Prometheus' clock. */
  readonly at: number;
  readonly value: number;
}

interface Matrix {
  readonly data: { readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[] };
}

/** Every sample of the last ten minutes of all series that `selector` names, oldest first. */
export async function samplesOf(selector: string): Promise<Scraped[]> {
  const url = `${await prometheusUrl()}/api/v1/query?query=${encodeURIComponent(`${selector}[10m]`)}`;
  const { data } = (await (await fetch(url)).json()) as Matrix;
  const all = data.result.flatMap(({ values }) => values);
  return all.map(([at, value]) => ({ at: at * 1000, value: Number(value) })).sort((a, b) => a.at - b.at);
}

/** The same with what was scraped at one moment added up. */
export async function totalsOf(selector: string): Promise<Scraped[]> {
  const totals = new Map<number, number>();
  for (const { at, value } of await samplesOf(selector)) totals.set(at, (totals.get(at) ?? 0) + value);
  return [...totals].map(([at, value]) => ({ at, value }));
}
