// The families that both sides of the proxy feed, by linkerd-proxy's names.
import { Counter, Gauge, Histogram, labelText, type Registry } from "./metrics.ts";

/** Upper bounds of linkerd-proxy's latency histograms, milliseconds. */
export const latencyBoundsMs = [1, 10, 100, 1000, 10_000].flatMap((unit) => [1, 2, 3, 4, 5].map((n) => n * unit));

export type Labels = Readonly<Record<string, string | number>>;

export class TrafficFamilies {
  readonly requests: Counter;
  readonly responses: Counter;
  readonly latency: Histogram;
  readonly #opened: Counter;
  readonly #open = new Map<string, number>();

  constructor(registry: Registry) {
    this.requests = registry.add(new Counter("request_total", "Total count of HTTP requests."));
    this.responses = registry.add(new Counter("response_total", "Total count of HTTP responses."));
    this.latency = registry.add(
      new Histogram("response_latency_ms", "Milliseconds from a request's head to its response's end.", {
        bounds: latencyBoundsMs,
      }),
    );
    this.#opened = registry.add(new Counter("tcp_open_total", "Total count of opened connections."));
    registry.add(new Gauge("tcp_open_connections", "Number of currently open connections.", () => this.#open));
    const startedS = Date.now() / 1000 - process.uptime();
    registry.add(
      new Gauge("process_start_time_seconds", "Start of the process, seconds since 1970.", () => [["", startedS]]),
    );
  }

  /** Counts a connection; call what it returns when it is closed. */
  connection(labels: Labels): () => void {
    const text = labelText(labels);
    this.#opened.add(text);
    this.#open.set(text, (this.#open.get(text) ?? 0) + 1);
    return () => {
      const left = (this.#open.get(text) ?? 1) - 1;
      if (left > 0) this.#open.set(text, left);
      else this.#open.delete(text);
    };
  }
}
