// The client side of the proxy: sends each request to where it is to go, tries it again where the Service asks for that,
// leaves it where its time is over, and counts it.
import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { End } from "../series/classify.ts";
import type { Destinations } from "./destinations.ts";
import type { Entry } from "./entry.ts";
import { forward, requestHeaders } from "../proxy/forward.ts";
import { modifyHeaders } from "../policy/header-filters.ts";
import { answerFor, identityHeader } from "../proxy/inbound.ts";
import { newAgent, type Side } from "../proxy/listener.ts";
import type { Hop, OutboundSeries } from "../series/outbound-series.ts";
import { isRetried, type RetryPolicy } from "../policy/service-policy.ts";
import { tunnel } from "../proxy/tunnel.ts";
import { passUpgrade } from "../proxy/upgrade.ts";
import { wayFor, type Going, type Refused } from "./way.ts";

export interface OutboundSettings {
  readonly series: OutboundSeries;
  readonly destinations: Destinations;
  /** Identity of this pod, for the receiving side's metrics. */
  readonly identity: string;
}

// Beyond this Linkerd does not keep a request's body, and so cannot try it again.
const REPLAY_BYTES = 65_536;

export function outboundSide(settings: OutboundSettings): Side<Entry> {
  const { series, destinations } = settings;
  const agent = newAgent();
  return {
    accept: (target, socket) => {
      const entry = destinations.open(target);
      const closed = series.connection(`${target.ip}:${target.port}`);
      socket.once("close", () => {
        closed();
        destinations.close(entry);
      });
      return entry;
    },
    request: (entry, request, response) => void new Sending({ ...settings, agent, entry, request, response }).run(),
    upgrade: (entry, request, socket, rest) => {
      void wayFor(entry, request, performance.now()).then((way) => {
        if (way.kind === "refused") return void socket.end(`HTTP/1.1 ${way.status} \r\ncontent-length: 0\r\n\r\n`);
        passUpgrade(request, socket, { target: way.hopAt(0).endpoint, headers: request.rawHeaders, rest });
      });
    },
    other: (target, socket) => {
      socket.once("close", series.connection(`${target.ip}:${target.port}`));
      tunnel(socket, target);
    },
  };
}

interface Job extends OutboundSettings {
  readonly agent: Agent;
  readonly entry: Entry;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** One request with all its attempts. */
class Sending {
  readonly #job: Job;
  readonly #startedMs = performance.now();
  #body: Buffer | undefined;

  constructor(job: Job) {
    this.#job = job;
  }

  async run(): Promise<void> {
    for (let retries = 0; await this.#again(retries); retries += 1);
  }

  /** One attempt; whether there is to be another one. */
  async #again(retries: number): Promise<boolean> {
    const { entry, request } = this.#job;
    const way = await wayFor(entry, request, this.#startedMs);
    const retry = way.retry && retries < way.retry.limit && (await this.#replayable()) ? way.retry : undefined;
    if (way.kind === "refused") {
      // Another try may fall on a backend that can be had.
      if (retry && way.outcome.error === "FAIL_FAST") return true;
      this.#refuse(way);
      return false;
    }
    const end = await this.#attempt(way, retry);
    if (retry && end.kind === "answered" && isRetried(retry, end.status)) return true;
    this.#finish(way, end, retries);
    return false;
  }

  #attempt(way: Going, retry: RetryPolicy | undefined): Promise<End> {
    const { series, agent, request, response, identity } = this.#job;
    const hops: Hop[] = [];
    const hopAt = (attempt: number): Hop => (hops[attempt] ??= way.hopAt(attempt));
    const startedMs = performance.now();
    series.request(hopAt(0), way.route);
    return new Promise((done) =>
      forward({
        request,
        response,
        agent,
        headers: [
          ...modifyHeaders(requestHeaders(request, identityHeader), way.filters.request),
          ...[identityHeader, identity],
        ],
        ...(this.#body ? { body: this.#body } : {}),
        ...(way.deadlineMs === undefined ? {} : { timeoutMs: Math.max(0, way.deadlineMs - startedMs) }),
        upstream: (attempt) => hopAt(attempt).endpoint,
        dropped: (status) => retry !== undefined && isRetried(retry, status),
        responseHeaders: (raw) => modifyHeaders(raw, way.filters.response),
        done: (end, attempt) => {
          series.response(hopAt(attempt), way.route, end, performance.now() - startedMs);
          done(end);
        },
      }),
    );
  }

  #finish(way: Going, end: End, retries: number): void {
    const { series, response } = this.#job;
    const route = way.route;
    series.ended(route, end, performance.now() - this.#startedMs);
    series.retried(route, retries, end);
    const backend = route?.leaf.name ?? "";
    if (end.kind === "unreachable") answerFor(response, 502, { reason: end.message, backend });
    if (end.kind === "timeout") answerFor(response, 504, { reason: "request timed out", backend });
  }

  #refuse({ route, status, reason, outcome }: Refused): void {
    this.#job.series.refused(route, outcome, performance.now() - this.#startedMs);
    answerFor(this.#job.response, status, { reason, backend: route?.leaf.name ?? "" });
  }

  /** Reads the body, if it is small, so that it can be sent more than once. */
  async #replayable(): Promise<boolean> {
    const { request } = this.#job;
    const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
    if (encoding !== undefined || Number(length) > REPLAY_BYTES) return false;
    if (this.#body) return true;
    try {
      this.#body = await buffer(request);
      return true;
    } catch {
      return false; // The client left in the middle of its request: the attempt will find that.
    }
  }
}
