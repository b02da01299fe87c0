// Reads Prometheus' text format, as far as the tests of the mesh's series need it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function parseSamples(text: string): Sample[] {
  return text
    .split("\n")
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name,
        labels: Object.fromEntries(pairs.map((pair) => [pair[1] ?? "", pair[2] ?? ""])),
        value: Number(value),
      };
    });
}

/** The series of a real linkerd-proxy that ours are compared with. */
export const linkerdSamples = async (): Promise<Sample[]> =>
  parseSamples(await readFile(join(import.meta.dirname, "linkerd-samples.prom"), "utf8"));

/** What tells one kind of series from another: its name, direction, and the names of its labels. */
export const shapeOf = ({ name, labels }: Sample): string =>
  `${name} ${labels["direction"] ?? ""} ${Object.keys(labels).sort().join(",")}`;

/** Sum of the samples of `name` that carry all of `labels`. */
export function total(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>>): number {
  return samples
    .filter((each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value))
    .reduce((sum, each) => sum + each.value, 0);
}
