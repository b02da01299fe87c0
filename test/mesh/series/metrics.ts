// Counters, gauges and histograms in Prometheus' text format. By hand, because a series is one string and one number
// here: cheap enough to count every request, and small enough for a sidecar.

/** A series as it is exported: `name="value"` pairs, escaped and joined. */
export type LabelText = string;

/** Values are escaped as the text format asks. */
export function labelText(labels: Readonly<Record<string, string | number>>): LabelText {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${String(value).replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`)
    .join(",");
}

// linkerd-proxy forgets a series that was idle for ten minutes; else every pod of the past stays in the export.
const IDLE_MS = 600_000;

interface Family {
  readonly header: string;
  render(now: number, lines: string[]): void;
}

export class Counter implements Family {
  readonly header: string;
  readonly #name: string;
  readonly #values = new Map<LabelText, { value: number; touchedMs: number }>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.header = `# HELP ${name} ${help}\n# TYPE ${name} counter`;
  }

  add(labels: LabelText, amount = 1): void {
    const series = this.#values.get(labels);
    if (!series) return void this.#values.set(labels, { value: amount, touchedMs: Date.now() });
    series.value += amount;
    series.touchedMs = Date.now();
  }

  render(now: number, lines: string[]): void {
    for (const [labels, series] of this.#values) {
      if (now - series.touchedMs > IDLE_MS) this.#values.delete(labels);
      else lines.push(`${this.#name}{${labels}} ${series.value}`);
    }
  }
}

/** A gauge is read when it is exported; `read` returns every series. */
export class Gauge implements Family {
  readonly header: string;
  readonly #name: string;
  readonly #read: () => Iterable<readonly [LabelText, number]>;

  constructor(name: string, help: string, read: () => Iterable<readonly [LabelText, number]>) {
    this.#name = name;
    this.header = `# HELP ${name} ${help}\n# TYPE ${name} gauge`;
    this.#read = read;
  }

  render(_now: number, lines: string[]): void {
    for (const [labels, value] of this.#read()) {
      lines.push(labels ? `${this.#name}{${labels}} ${value}` : `${this.#name} ${value}`);
    }
  }
}

export class Histogram implements Family {
  readonly header: string;
  readonly #name: string;
  readonly #bounds: readonly number[];
  readonly #decimals: number;
  readonly #values = new Map<LabelText, { buckets: number[]; count: number; sum: number; touchedMs: number }>();

  /** `decimals`: how many a whole bound is written with at least; linkerd-proxy writes seconds as 1.0 and milliseconds as 1. */
  constructor(name: string, help: string, { bounds, decimals = 0 }: { bounds: readonly number[]; decimals?: number }) {
    this.#name = name;
    this.#bounds = bounds;
    this.#decimals = decimals;
    this.header = `# HELP ${name} ${help}\n# TYPE ${name} histogram`;
  }

  /** Makes a series that has observed nothing yet. */
  touch(labels: LabelText): { buckets: number[]; count: number; sum: number; touchedMs: number } {
    let series = this.#values.get(labels);
    if (!series) {
      series = { buckets: this.#bounds.map(() => 0), count: 0, sum: 0, touchedMs: Date.now() };
      this.#values.set(labels, series);
    }
    return series;
  }

  observe(labels: LabelText, value: number): void {
    const series = this.touch(labels);
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index >= 0) series.buckets[index] = (series.buckets[index] ?? 0) + 1;
    series.count += 1;
    series.sum += value;
    series.touchedMs = Date.now();
  }

  render(now: number, lines: string[]): void {
    for (const [labels, series] of this.#values) {
      if (now - series.touchedMs > IDLE_MS) {
        this.#values.delete(labels);
        continue;
      }
      let below = 0;
      this.#bounds.forEach((bound, index) => {
        below += series.buckets[index] ?? 0;
        lines.push(
          `${this.#name}_bucket{${labels},le="${Number.isInteger(bound) ? bound.toFixed(this.#decimals) : bound}"} ${below}`,
        );
      });
      lines.push(`${this.#name}_bucket{${labels},le="+Inf"} ${series.count}`);
      lines.push(`${this.#name}_sum{${labels}} ${series.sum}`, `${this.#name}_count{${labels}} ${series.count}`);
    }
  }
}

export class Registry {
  readonly #families: Family[] = [];

  add<F extends Family>(family: F): F {
    this.#families.push(family);
    return family;
  }

  text(): string {
    const now = Date.now();
    const lines: string[] = [];
    for (const family of this.#families) {
      lines.push(family.header);
      family.render(now, lines);
    }
    return `${lines.join("\n")}\n`;
  }
}
