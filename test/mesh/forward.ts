// Passes one HTTP request on and its answer back. A request that reached no server is tried again elsewhere; one that a
// server may have seen is not, except on a kept connection that the server closed just then and only where it is safe.
import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";

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
  /** Where the n-th attempt (from 0) goes. */
  readonly upstream: (attempt: number) => Upstream;
  /** The upstream's answer is through, or broke off after its head. */
  readonly done: (status: number, attempt: number) => void;
  /** No upstream answered; the caller answers. */
  readonly failed: (error: Error) => void;
}

const ATTEMPTS = 3;
const CONNECT_MS = 1000;

const replayable = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

export function forward(exchange: Exchange, attempt = 0): void {
  const { request, response } = exchange;
  const { ip, port } = exchange.upstream(attempt);
  const options = { agent: exchange.agent, host: ip, port, method: request.method, path: request.url };
  const upstream = httpRequest({ ...options, headers: [...exchange.headers] });
  let sent = false;
  let answered = false;
  const abandon = (): void => void upstream.destroy();
  response.once("close", abandon);
  whenConnected(upstream, () => {
    sent = true;
    request.pipe(upstream);
  });
  upstream.on("response", (answer) => {
    answered = true;
    relay(answer, response, (status) => exchange.done(status, attempt));
  });
  upstream.on("error", (error: NodeJS.ErrnoException) => {
    response.off("close", abandon);
    if (answered || response.destroyed) return void response.destroy();
    const retry = !sent || (upstream.reusedSocket && closedUnder(error) && canReplay(request));
    if (retry && attempt + 1 < ATTEMPTS) return forward(exchange, attempt + 1);
    exchange.failed(error);
  });
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

function relay(answer: IncomingMessage, response: ServerResponse, done: (status: number) => void): void {
  const status = answer.statusCode ?? 502;
  response.sendDate = false;
  response.writeHead(status, answer.statusMessage, endToEnd(answer.rawHeaders, responseHopByHop));
  // A stream of events has no length: its head must not wait for its first event.
  if (answer.headers["content-length"] === undefined) response.flushHeaders();
  answer.pipe(response, { end: false });
  let over = false;
  const finish = (): void => {
    if (!over) done(status);
    over = true;
  };
  answer.on("end", () => {
    if (answer.rawTrailers.length > 0) response.addTrailers(pairs(answer.rawTrailers));
    response.end();
    finish();
  });
  answer.on("error", () => response.destroy());
  answer.on("close", finish);
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
