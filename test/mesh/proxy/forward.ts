// Passes one HTTP request on and its answer back. A request that reached no server is tried again elsewhere; one that a
// server may have seen is not, except on a kept connection that the server closed just then and only where it is safe.
import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { End } from "../series/classify.ts";

export interface Upstream {
  readonly ip: string;
  readonly port: number;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly agent: Agent;
  /** Names and values in turn, for the upstream. */
  readonly headers: readonly string[];
  /** The request's body where it was read already. */
  readonly body?: Buffer;
  /** Where the n-th attempt (from 0) goes. */
  readonly upstream: (attempt: number) => Upstream;
  /** After this long without a whole answer the upstream is left. */
  readonly timeoutMs?: number;
  /** An answer that is not for the client, since the request will be tried again. */
  readonly dropped?: (status: number) => boolean;
  /** The answer's headers as the client gets them. */
  readonly responseHeaders?: (raw: string[]) => string[];
  /** Called once. Where the end has no status the caller answers, if its client is still there. */
  readonly done: (end: End, attempt: number) => void;
}

const ATTEMPTS = 3;
const CONNECT_MS = 1000;

const replayable = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

export function forward(exchange: Exchange): void {
  new Passage(exchange).attempt(0);
}

/** One request on its way. */
class Passage {
  readonly #exchange: Exchange;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #left = (): void => this.#stop("cancelled");
  #upstream: ClientRequest | undefined;
  #stopped: "cancelled" | "timeout" | undefined;
  #over = false;

  constructor(exchange: Exchange) {
    const { response, timeoutMs } = exchange;
    this.#exchange = exchange;
    this.#timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#stop("timeout"), timeoutMs);
    if (response.destroyed) this.#stopped = "cancelled";
    response.once("close", this.#left);
  }

  attempt(attempt: number): void {
    if (this.#stopped) return this.#end({ kind: this.#stopped }, attempt);
    const { request, agent, headers, body } = this.#exchange;
    const { ip, port } = this.#exchange.upstream(attempt);
    const options = { agent, host: ip, port, method: request.method, path: request.url };
    const upstream = httpRequest({ ...options, headers: [...headers] });
    this.#upstream = upstream;
    let sent = false;
    let answered = false;
    whenConnected(upstream, () => {
      sent = true;
      if (body) upstream.end(body);
      else request.pipe(upstream);
    });
    upstream.on("response", (answer) => {
      answered = true;
      this.#answered(answer, attempt);
    });
    upstream.on("error", (error: NodeJS.ErrnoException) => {
      if (answered) return;
      if (this.#stopped) return this.#end({ kind: this.#stopped }, attempt);
      const again = !sent || (upstream.reusedSocket && closedUnder(error) && canReplay(request));
      if (again && attempt + 1 < ATTEMPTS) return this.attempt(attempt + 1);
      this.#end({ kind: "unreachable", message: error.message }, attempt);
    });
  }

  #stop(why: "cancelled" | "timeout"): void {
    if (this.#over) return;
    this.#stopped ??= why;
    this.#upstream?.destroy();
  }

  #end(end: End, attempt: number): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#exchange.response.off("close", this.#left);
    this.#exchange.done(end, attempt);
  }

  #answered(answer: IncomingMessage, attempt: number): void {
    const { response, dropped, responseHeaders } = this.#exchange;
    const status = answer.statusCode ?? 502;
    if (dropped?.(status)) {
      answer.resume();
      answer.on("error", () => undefined);
      return this.#end({ kind: "answered", status, ...grpcStatusOf(answer) }, attempt);
    }
    const headers = endToEnd(answer.rawHeaders, responseHopByHop);
    response.sendDate = false;
    response.writeHead(status, answer.statusMessage, responseHeaders?.(headers) ?? headers);
    // A stream of events has no length: its head must not wait for its first event.
    if (answer.headers["content-length"] === undefined) response.flushHeaders();
    answer.pipe(response, { end: false });
    let whole = false;
    answer.on("end", () => {
      whole = true;
      if (answer.rawTrailers.length > 0) response.addTrailers(pairs(answer.rawTrailers));
      response.end();
      this.#end({ kind: "answered", status, ...grpcStatusOf(answer) }, attempt);
    });
    answer.on("error", () => undefined);
    answer.on("close", () => {
      if (whole) return;
      this.#end({ kind: this.#stopped ?? "broken", status }, attempt);
      response.destroy();
    });
  }
}

/** A body must not be read before there is a connection to write it to: only then can another one be tried. */
function whenConnected(upstream: ClientRequest, connected: () => void): void {
  upstream.on("socket", (socket) => {
    if (!socket.connecting) return connected();
    const timer = setTimeout(() => upstream.destroy(new Error(`no connection within ${CONNECT_MS} ms`)), CONNECT_MS);
    socket.once("close", () => clearTimeout(timer));
    socket.once("connect", () => {
      clearTimeout(timer);
      connected();
    });
  });
}

const closedUnder = (error: NodeJS.ErrnoException): boolean => error.code === "ECONNRESET" || error.code === "EPIPE";

function canReplay(request: IncomingMessage): boolean {
  const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
  return replayable.has(request.method ?? "") && length === "0" && encoding === undefined;
}

/** gRPC's status is a trailer, or a header of an answer without a body. */
function grpcStatusOf({ headers, trailers }: IncomingMessage): { grpcStatus?: string } {
  const status = trailers["grpc-status"] ?? headers["grpc-status"];
  return typeof status === "string" ? { grpcStatus: status } : {};
}

const requestHopByHop = new Set(["connection", "keep-alive", "proxy-connection", "expect"]);
// Node frames the response itself, as the client's version of HTTP allows.
const responseHopByHop = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding"]);

/** The request's headers for the next hop; without those in `drop` (lower case), with a length where there is no body. */
export function requestHeaders(request: IncomingMessage, drop: string): string[] {
  const headers = endToEnd(request.rawHeaders, new Set([...requestHopByHop, drop]));
  const framed = request.headers["content-length"] ?? request.headers["transfer-encoding"];
  if (framed === undefined && ["POST", "PUT", "PATCH"].includes(request.method ?? ""))
    headers.push("Content-Length", "0");
  return headers;
}

function endToEnd(raw: readonly string[], drop: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (!drop.has(name.toLowerCase())) kept.push(name, raw[i + 1] ?? "");
  }
  return kept;
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? "", raw[2 * i + 1] ?? ""]);
}
