/**
 * Asks a Prometheus for instant vectors. Bounded in time and size, follows no redirect, and every way in which it can fail is one
 * typed error whose message is a sentence with what to do: a verdict must never be made of half an answer.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { longestAddress, shown } from "./core/queries/allowed-addresses.ts";
import { cut } from "./core/format/cut.ts";
import { PrometheusError } from "./prometheus-error.ts";
import { deadline, type Timers } from "./kube/clock.ts";
import { AddressRefused, guardedLookup, refuseLiteral, type AddressGuard } from "./guarded-lookup.ts";

/** One series of an answer. `value` may be NaN or infinite; `atMs` is the time it was evaluated for, by Prometheus' clock. */
export interface Sample {
  labels: Record<string, string>;
  value: number;
  atMs: number;
}

export interface Prometheus {
  /** Evaluates at `atMs`, by default at Prometheus' own present. Rejects with a PrometheusError. */
  query(promql: string, atMs?: number): Promise<Sample[]>;
}

export interface PrometheusOptions {
  timers: Timers;
  /** For instance `http://prometheus.linkerd-viz:9090`; a path is kept as prefix. */
  address: string;
  headers?: Record<string, string[]>;
  insecureSkipVerify?: boolean;
  /** For the whole answer; 5000 by default, as Flagger waits. */
  timeoutMs?: number;
  /** Largest answer; 10 MB by default. */
  maxBytes?: number;
  /** Asked of each IP address before it is connected to. */
  guard?: AddressGuard;
  /** Whoever reads our sentences may have chosen the server: of what it answers they say the code and the kind, and no word. */
  isForeign?: boolean;
}

/** Longer queries go as POST: proxies on the way refuse long request lines. */
const longestGet = 2000;

/** A client with connections of its own that it keeps open. Makes no request by itself, and never throws. */
export function createPrometheus(options: PrometheusOptions): Prometheus {
  const { guard } = options;
  const keep = {
    ...{ keepAlive: true, maxSockets: 8, timeout: 60_000 },
    ...(guard ? { lookup: guardedLookup(guard) } : {}),
  };
  const agents = {
    http: new HttpAgent(keep),
    https: new HttpsAgent({ ...keep, rejectUnauthorized: options.insecureSkipVerify !== true }),
  };
  return {
    async query(promql, atMs) {
      const url = endpoint(options.address);
      const form = new URLSearchParams({ query: promql });
      if (atMs !== undefined) form.set("time", (atMs / 1000).toFixed(3));
      const answer = await exchange(url, form, {
        ...options,
        agent: url.protocol === "https:" ? agents.https : agents.http,
      });
      return parseAnswer(answer, { who: shownAddress(url), isForeign: options.isForeign === true });
    },
  };
}

/** The address as it will be read when it is asked, so that a check of it cannot read another. */
export function asRequested(address: string): string {
  return URL.parse(address)?.href ?? address;
}

type Exchange = PrometheusOptions & { agent: HttpAgent };
type Answer = { status: number; location: string | undefined; body: string };

function endpoint(address: string): URL {
  const isBare = address.length <= longestAddress && !address.includes("?") && !address.includes("#");
  const url = isBare ? URL.parse(address) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new PrometheusError(
      "BadAddress",
      `${shown(address)} is no http or https address of a Prometheus; correct it`,
    );
  url.pathname = `${withoutTrailingSlashes(url.pathname)}/api/v1/query`;
  return url;
}

function refusedAddress(url: URL, error: AddressRefused): PrometheusError {
  const cure = "if it is meant, list its host by itself in the chart's metrics.allowedAddresses";
  const message = `${shownAddress(url)} may not be asked, for ${error.message}; ${cure}`;
  return new PrometheusError("RefusedAddress", message, { cause: error });
}

/** By a loop: what a tenant writes must cost no more than its length. */
function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}

/** Without a password that the address may hold. */
function shownAddress(url: URL): string {
  return `Prometheus at ${url.protocol}//${url.host}${url.pathname.replace(/\/api\/v1\/query$/, "")}`;
}

async function exchange(url: URL, form: URLSearchParams, options: Exchange): Promise<Answer> {
  const timeoutMs = options.timeoutMs ?? 5000;
  const { signal, cancel } = deadline(options.timers, timeoutMs);
  try {
    if (options.guard) refuseLiteral(url, options.guard);
    return await send(url, form, { ...options, signal });
  } catch (error: unknown) {
    if (error instanceof PrometheusError) throw error;
    if (error instanceof AddressRefused) throw refusedAddress(url, error);
    const who = shownAddress(url);
    if (signal.aborted) {
      const message = `${who} did not answer within ${timeoutMs / 1000}s; see whether it is overloaded or the query too heavy`;
      throw new PrometheusError("Timeout", message, { cause: error });
    }
    const message = `${who} cannot be reached (${reasonOf(error)}); see that it runs and that the address is right`;
    throw new PrometheusError("Unreachable", message, { cause: error });
  } finally {
    cancel();
  }
}

function send(url: URL, form: URLSearchParams, options: Exchange & { signal: AbortSignal }): Promise<Answer> {
  const text = form.toString();
  const post = text.length > longestGet;
  const settings: RequestOptions = {
    method: post ? "POST" : "GET",
    agent: options.agent,
    signal: options.signal,
    headers: { ...options.headers, accept: "application/json", ...(post ? formHeaders(text) : {}) },
  };
  const to = new URL(url);
  if (!post) to.search = text;
  return new Promise<Answer>((resolve, reject) => {
    const request = (to.protocol === "https:" ? httpsRequest : httpRequest)(to, settings, (response) => {
      const who = shownAddress(url);
      read(response, options.maxBytes ?? 10_000_000, who).then(resolve, (error: unknown) => {
        reject(brokenOff(error, options.signal, who));
      });
    });
    request.on("error", (error) => {
      // A kept connection that the server closed just as it was used again says nothing about the server.
      if (request.reusedSocket && reasonOf(error) === "ECONNRESET") send(url, form, options).then(resolve, reject);
      else reject(error);
    });
    request.end(post ? text : undefined);
  });
}

function formHeaders(text: string): Record<string, string> {
  return { "content-type": "application/x-www-form-urlencoded", "content-length": String(Buffer.byteLength(text)) };
}

async function read(response: IncomingMessage, maxBytes: number, who: string): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      response.destroy();
      const message = `${who} answered more than ${maxBytes / 1e6} MB; make the query return fewer series`;
      throw new PrometheusError("TooLarge", message);
    }
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString("utf8");
  return { status: response.statusCode ?? 0, location: response.headers.location, body };
}

/** An answer that ends too early is no sign that the address is wrong. */
function brokenOff(error: unknown, signal: AbortSignal, who: string): Error {
  if (error instanceof Error && (error instanceof PrometheusError || signal.aborted)) return error;
  const message = `${who} broke off its answer (${reasonOf(error)}); see its log, and any proxy in between`;
  return new PrometheusError("BrokenOff", message, { cause: error });
}

interface Server {
  who: string;
  isForeign: boolean;
}

function parseAnswer(answer: Answer, server: Server): Sample[] {
  const { status, body } = answer;
  const { who, isForeign } = server;
  const parsed = parseJson(body);
  if (status === 400 || status === 422) throw badQuery(answer, parsed, server);
  if (status !== 200) throw new PrometheusError("HttpError", refusal(answer, server), { status });
  const data = field(parsed, "data");
  if (field(parsed, "status") !== "success" || data === undefined) {
    const text = isForeign ? "something" : `"${firstLine(body)}"`;
    throw new PrometheusError(
      "BadAnswer",
      `${who} answered ${body === "" ? "nothing" : text}, which is no query result; see that the address is a Prometheus`,
    );
  }
  refuseIncomplete(field(parsed, "warnings"), server);
  return samplesOf(data, who);
}

function badQuery({ status, body }: Answer, parsed: unknown, { who, isForeign }: Server): PrometheusError {
  const error = field(parsed, "error");
  const said = isForeign ? `it answered ${status}` : firstLine(typeof error === "string" ? error : body);
  return new PrometheusError("BadQuery", `${who} cannot evaluate the query: ${said}; correct the query`, { status });
}

function refusal({ status, location, body }: Answer, { who, isForeign }: Server): string {
  const said = `${who} answered ${status}${isForeign || body.trim() === "" ? "" : ` "${firstLine(body)}"`}`;
  if (status === 401) return `${said}; it wants credentials`;
  if (status === 403) {
    return `${said}; it must be told to allow the controller (for Linkerd-Viz: an AuthorizationPolicy for its Server prometheus-admin)`;
  }
  if (status === 404) return `${said}; see that the address is a Prometheus, with its path prefix if it has one`;
  if (status >= 300 && status < 400)
    return `${said} and redirects to ${isForeign ? "another address" : cut(location ?? "nowhere", 200)}, which is not followed; give the final address`;
  return `${said}; see its log`;
}

/**
 * Warnings of PromQL are about the query's style; any other says that part of the data could not be read. Prometheus has no code for
 * them: the first word is all that tells them apart.
 */
function refuseIncomplete(warnings: unknown, { who, isForeign }: Server): void {
  if (!Array.isArray(warnings)) return;
  const serious = warnings.filter((text) => typeof text === "string" && !text.startsWith("PromQL "))[0] as unknown;
  if (typeof serious !== "string") return;
  const said = isForeign ? "" : `: ${firstLine(serious)}`;
  throw new PrometheusError("Incomplete", `${who} could read only part of its data${said}; see its log`);
}

function samplesOf(data: unknown, who: string): Sample[] {
  const type = field(data, "resultType");
  const result = field(data, "result");
  if (type === "scalar") return [sample({ metric: {}, value: result }, who)];
  if (type === "vector" && Array.isArray(result)) return result.map((item) => sample(item, who));
  const message = `${who} answered a ${type === "matrix" || type === "string" ? type : "value"}, not a vector; make the query an instant one, for instance with rate()`;
  throw new PrometheusError("BadAnswer", message);
}

function sample(item: unknown, who: string): Sample {
  const value = field(item, "value");
  const metric = field(item, "metric");
  const [at, text] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof at !== "number" || typeof text !== "string" || typeof metric !== "object" || metric === null) {
    throw new PrometheusError(
      "BadAnswer",
      `${who} answered a sample that is not a number; make the query return plain numbers`,
    );
  }
  return { labels: metric as Record<string, string>, value: numberOf(text), atMs: Math.round(at * 1000) };
}

function numberOf(text: string): number {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function field(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? (of as Record<string, unknown>)[name] : undefined;
}

function firstLine(text: string): string {
  return (text.trim().split("\n")[0] ?? "").slice(0, 200);
}

function reasonOf(error: unknown): string {
  const code = field(error, "code");
  if (typeof code === "string") return code;
  return error instanceof Error ? error.message : String(error);
}
