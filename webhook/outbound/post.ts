/**
 * Sends JSON to an address that a tenant chose. Bounded in time and size, follows no redirect, and asks the guard about the IP address
 * that is connected to.
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AddressRefused, guardedLookup, refuseLiteral, type AddressGuard } from "../../shared/guarded-lookup.ts";
import { deadline, type Timers } from "../../shared/kube/clock.ts";
import { SendError } from "./send-error.ts";

export interface Post {
  /** http or https. */
  url: URL;
  /** JSON. */
  body: string;
  headers?: Readonly<Record<string, string>>;
  /** For the whole exchange, in milliseconds. */
  timeoutMs: number;
  timers: Timers;
  /** Of the answer as much is read; what comes after that is left. 0: nothing but its status. */
  maxBytes?: number;
  insecureSkipVerify?: boolean;
  /** Asked of each IP address before it is connected to. With a proxy it is the proxy that looks the name up. */
  guard?: AddressGuard;
  /** An HTTP proxy, with a guard of its own. */
  proxy?: { url: URL; guard?: AddressGuard };
}

export interface Posted {
  status: number;
  /** The start of the answer. */
  body: string;
}

/** Whatever its status is; rejects with a SendError where there is no answer. */
export async function post(message: Post): Promise<Posted> {
  const { signal, cancel } = deadline(message.timers, message.timeoutMs);
  try {
    if (message.guard) refuseLiteral(message.url, message.guard);
    if (message.proxy?.guard) refuseLiteral(message.proxy.url, message.proxy.guard);
    return await exchange(message, signal);
  } catch (error: unknown) {
    throw failure(error, signal, message.timeoutMs);
  } finally {
    cancel();
  }
}

// --- internal ---

function failure(error: unknown, signal: AbortSignal, timeoutMs: number): SendError {
  if (signal.aborted)
    return new SendError("timeout", `it did not answer within ${timeoutMs / 1_000}s`, { cause: error });
  if (error instanceof SendError) return error;
  if (error instanceof AddressRefused)
    return new SendError("refused-address", `it may not be connected to, for ${error.message}`, { cause: error });
  return new SendError("unreachable", `it cannot be reached (${codeOf(error)})`, { cause: error });
}

/** Never a message: TLS has names from certificates in it. */
function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code ?? "no answer";
}

async function exchange(message: Post, signal: AbortSignal): Promise<Posted> {
  const { url, body, maxBytes = 0 } = message;
  const options = {
    method: "POST",
    signal,
    headers: {
      ...message.headers,
      host: url.host,
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
      "user-agent": "kubectl-canary",
    },
  } satisfies RequestOptions;
  const request = await open(message, options, signal);
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
  });
  request.end(body);
  const answer = await answered;
  try {
    return { status: answer.statusCode ?? 0, body: maxBytes === 0 ? "" : await start(answer, maxBytes) };
  } catch (error: unknown) {
    throw new SendError("broken-off", `${url.protocol.slice(0, -1)} answer broke off`, { cause: error });
  } finally {
    request.destroy();
  }
}

async function open(message: Post, options: RequestOptions, signal: AbortSignal): Promise<ClientRequest> {
  const { url, proxy, guard, insecureSkipVerify } = message;
  const verify = { rejectUnauthorized: insecureSkipVerify !== true };
  const lookup = guard ? { lookup: guardedLookup(guard) } : {};
  if (!proxy) {
    // A connection of its own, which is closed with it.
    const alone = { ...options, ...lookup, agent: false } as const;
    return url.protocol === "https:" ? httpsRequest(url, { ...alone, ...verify }) : httpRequest(url, alone);
  }
  const socket = await tunnel(url, proxy, signal);
  const isSecure = url.protocol === "https:";
  const over = isSecure ? connectTls({ socket, servername: hostOf(url), ...verify }) : socket;
  return httpRequest(url, { ...options, protocol: "http:", createConnection: () => over });
}

/** A connection to the address of `url` that the proxy has made. */
function tunnel(url: URL, proxy: NonNullable<Post["proxy"]>, signal: AbortSignal): Promise<Socket> {
  const to = `${url.hostname}:${portOf(url)}`;
  const options: RequestOptions = {
    method: "CONNECT",
    protocol: proxy.url.protocol,
    hostname: hostOf(proxy.url),
    port: portOf(proxy.url),
    path: to,
    signal,
    agent: false,
    headers: { host: to, ...credentialsOf(proxy.url) },
    ...(proxy.guard ? { lookup: guardedLookup(proxy.guard) } : {}),
  };
  return new Promise((resolve, reject) => {
    const request = (proxy.url.protocol === "https:" ? httpsRequest : httpRequest)(options);
    request.once("connect", (response, socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(proxyRefused(response));
    });
    request.once("response", (response) => {
      request.destroy();
      reject(proxyRefused(response));
    });
    request.on("error", (error) => {
      if (error instanceof AddressRefused)
        reject(new SendError("refused-address", `its proxy may not be used, for ${error.message}`));
      else reject(new SendError("proxy", `its proxy cannot be reached (${codeOf(error)})`, { cause: error }));
    });
    request.end();
  });
}

function proxyRefused({ statusCode = 0 }: IncomingMessage): SendError {
  return new SendError("proxy", `its proxy answered ${statusCode}`, { status: statusCode });
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair, "utf8").toString("base64")}` };
}

const hostOf = ({ hostname }: URL): string => (hostname.startsWith("[") ? hostname.slice(1, -1) : hostname);

function portOf({ port, protocol }: URL): string {
  return port === "" ? (protocol === "https:" ? "443" : "80") : port;
}

async function start(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
}
