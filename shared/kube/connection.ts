/**
 * HTTP to the API server: credentials and TLS from client-node's KubeConfig, kept-alive connections, a deadline for each
 * request. Only types are imported from client-node here; its half megabyte of generated models is not needed.
 */
import { readFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Timers } from "./clock.ts";
import { accessOf } from "./resources.ts";
import { CanaryError, fromNetwork, fromResponse, messageOf, nodeCode, timedOut, type Asked } from "./errors.ts";

export interface ConnectOptions {
  timers: Timers;
  /** Deadline of a request, its whole answer included. Default 10 s. A watch has none. */
  timeoutMs?: number;
  /** Further headers of every request, e.g. for impersonation. */
  headers?: Record<string, string | string[]>;
  userAgent?: string;
}

export interface Request {
  method: string;
  /** Path with its query, from the server's root. */
  path: string;
  body?: string;
  contentType?: string;
  signal?: AbortSignal;
  /** An answer that is longer is given up with {@link TooLong}. */
  mostBytes?: number;
}

/** The answer to a list was longer than is read at once. Ask for fewer objects. */
export class TooLong extends CanaryError {
  constructor({ server, what }: Asked, mostBytes: number) {
    super("Unexpected", `The API server at ${server} answered ${what} with more than ${mostBytes} bytes.`);
  }
}

/** What the deadline is for: a watch's answer has no end, but its status must come. */
type Until = "status" | "whole answer";

const calledOff = (asked: Asked): CanaryError => new CanaryError("Timeout", `${asked.what} was called off.`);

const defaultTimeoutMs = 10_000;
/** Shorter than the API server's own patience with an idle connection, so that we never write into a closing one. */
const idleConnectionMs = 30_000;

export class Connection {
  private readonly kubeConfig: KubeConfig;
  private readonly options: ConnectOptions;
  private readonly base: URL;
  private agents: { of: string; queueing: http.Agent; direct: http.Agent } | undefined;

  constructor(kubeConfig: KubeConfig, options: ConnectOptions) {
    this.kubeConfig = kubeConfig;
    this.options = options;
    this.base = serverUrl(kubeConfig);
    describeToExecPlugin(kubeConfig);
  }

  /** Asks and parses the answer's JSON. */
  async json<T>(request: Request): Promise<T> {
    return (await this.measured<T>(request)).value;
  }

  /** The same, with the length of the answer's text. */
  async measured<T>(request: Request): Promise<{ value: T; length: number }> {
    const body = await this.send(request);
    try {
      return { value: JSON.parse(body) as T, length: body.length };
    } catch (error) {
      const { what } = this.asked(request);
      const message = `What answers at ${this.base.origin} is not an API server: no JSON came back from ${what}. Look at server and proxy-url in the kubeconfig.`;
      throw new CanaryError("Unexpected", message, { cause: error });
    }
  }

  /** Asks and returns the body of the answer. Throws `CanaryError` for any status but 2xx. */
  async send(request: Request): Promise<string> {
    const answer = await this.attempt(request, "whole answer");
    const { mostBytes = Infinity } = request;
    try {
      return await readAll(answer, mostBytes, () => new TooLong(this.asked(request), mostBytes));
    } catch (error) {
      throw this.translate(error, request);
    }
  }

  /** Asks and returns the answer's stream once its status is known to be good. The deadline is for the status only. */
  stream(request: Request): Promise<http.IncomingMessage> {
    return this.attempt(request, "status");
  }

  /** For messages: the server and what was asked of it. */
  asked(request: Request): Asked {
    const user = this.kubeConfig.getCurrentUser()?.name;
    const context = this.kubeConfig.getCurrentContext();
    const what = `${request.method} ${request.path.split("?", 1)[0] ?? ""}`;
    const access = accessOf(request.method, request.path);
    const known = { ...(access ? { access } : {}), ...(user ? { user } : {}), ...(context ? { context } : {}) };
    return { server: this.base.origin, what, ...known };
  }

  private async attempt(request: Request, until: Until): Promise<http.IncomingMessage> {
    const options = await this.requestOptions(request, until);
    let answer: http.IncomingMessage;
    try {
      answer = await this.open(request, options, until);
    } catch (error) {
      // A kept connection may have been closed by the server in the moment we chose it; only a read is safe to say twice.
      const stale = error instanceof StaleConnection && request.method === "GET";
      if (!stale) throw this.translate(error, request);
      answer = await this.open(request, { ...options, agent: false }, until).catch((again: unknown) => {
        throw this.translate(again, request);
      });
    }
    return this.refuseFailure(request, answer);
  }

  private async refuseFailure(request: Request, answer: http.IncomingMessage): Promise<http.IncomingMessage> {
    const status = answer.statusCode ?? 500;
    if (status < 300) return answer;
    const body = await readAll(answer).catch((error: unknown) => messageOf(error));
    throw fromResponse(this.asked(request), status, body, answer.headers["retry-after"]);
  }

  private open(request: Request, options: https.RequestOptions, until: Until): Promise<http.IncomingMessage> {
    const timeoutMs = this.options.timeoutMs ?? defaultTimeoutMs;
    const asked = this.asked(request);
    if (request.signal?.aborted) return Promise.reject(calledOff(asked));
    return new Promise((resolve, reject) => {
      const outgoing = (this.base.protocol === "http:" ? http : https).request(options);
      // Once there is an answer the error must go to it: its reader would else see a mere broken connection.
      let running: http.ClientRequest | http.IncomingMessage = outgoing;
      const cancel = this.options.timers.after(timeoutMs, () => void running.destroy(timedOut(asked, timeoutMs)));
      const abort = (): void => void running.destroy(calledOff(asked));
      request.signal?.addEventListener("abort", abort, { once: true });
      const disarm = (): void => {
        cancel();
        request.signal?.removeEventListener("abort", abort);
      };
      outgoing.once("response", (answer) => {
        running = answer;
        if (until === "status") cancel();
        answer.once("close", disarm);
        resolve(answer);
      });
      outgoing.once("error", (error) => {
        disarm();
        reject(outgoing.reusedSocket && nodeCode(error) === "ECONNRESET" ? new StaleConnection(error) : error);
      });
      outgoing.end(request.body);
    });
  }

  private async requestOptions(request: Request, until: Until): Promise<https.RequestOptions> {
    const options = await this.credentials(until === "status" || request.path.startsWith(leases));
    const body = request.body;
    options.headers = {
      ...trimmed(options.headers),
      ...this.options.headers,
      accept: "application/json",
      "user-agent": this.options.userAgent ?? "kubectl-canary",
      ...(body === undefined
        ? {}
        : { "content-type": request.contentType ?? "application/json", "content-length": Buffer.byteLength(body) }),
    };
    options.method = request.method;
    options.protocol = this.base.protocol;
    options.hostname = this.base.hostname.replace(/^\[(.*)\]$/, "$1");
    options.port = this.base.port;
    options.path = this.base.pathname.replace(/\/$/, "") + request.path;
    return options;
  }

  /**
   * Asked anew for each request: client-node reads token files again and runs exec plugins when a token expires. `isDirect`: what must
   * not wait for a connection behind other requests.
   */
  private async credentials(isDirect: boolean): Promise<https.RequestOptions> {
    const options: https.RequestOptions = { headers: {} };
    // As kubectl does: no credential is sent in the clear (`kubectl proxy` adds its own).
    if (this.base.protocol === "http:")
      return { ...options, agent: this.kept("http", (o) => new http.Agent(o), isDirect) };
    try {
      await this.kubeConfig.applyToHTTPSOptions(options);
    } catch (error) {
      const user = this.kubeConfig.getCurrentUser()?.name ?? "";
      const message = `No credentials could be had for user "${user}" of the kubeconfig: ${messageOf(error).trim()}`;
      throw new CanaryError("Unauthorized", message, { cause: error });
    }
    // The agent that client-node made serves proxies only; it neither keeps connections nor sees a renewed certificate.
    if (!this.kubeConfig.getCurrentCluster()?.proxyUrl) options.agent = this.tlsAgent(options, isDirect);
    return options;
  }

  private tlsAgent(options: https.RequestOptions, isDirect: boolean): http.Agent {
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    };
    const of = Object.values(tls).map(String).join("\n");
    return this.kept(of, (pooled) => new https.Agent({ ...pooled, ...tls }), isDirect);
  }

  private kept(of: string, make: (options: http.AgentOptions) => http.Agent, isDirect: boolean): http.Agent {
    // An older agent is left to its running watches; its idle connections close by themselves.
    if (this.agents?.of !== of) this.agents = { of, queueing: make({ ...pool, maxSockets }), direct: make(pool) };
    return isDirect ? this.agents.direct : this.agents.queueing;
  }

  private translate(error: unknown, request: Request): CanaryError {
    return fromNetwork(this.asked(request), error instanceof StaleConnection ? error.cause : error);
  }
}

/** Whatever asks, and however much at once: this many requests are under way, and the others wait their turn, within their deadline. */
const maxSockets = 64;

/** A leader that cannot renew in time is none. */
const leases = "/apis/coordination.k8s.io/";

const pool: http.AgentOptions = { keepAlive: true, keepAliveMsecs: 15_000, timeout: idleConnectionMs };

/** A connection from the pool broke before it carried an answer. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

function serverUrl(kubeConfig: KubeConfig): URL {
  const server = kubeConfig.getCurrentCluster()?.server;
  const context = kubeConfig.getCurrentContext();
  if (!server) {
    const named = context ? `context "${context}" of the kubeconfig names no cluster` : "no current context is set";
    throw new CanaryError(
      "Usage",
      `There is no cluster to talk to: ${named}. See "kubectl config get-contexts", or pass --context or --kubeconfig.`,
    );
  }
  try {
    return new URL(server);
  } catch (error) {
    throw new CanaryError("Usage", `The kubeconfig's server "${server}" is not a URL.`, { cause: error });
  }
}

/** Credential plugins are promised this variable, and some refuse to run without it; client-node does not set it. */
function describeToExecPlugin(kubeConfig: KubeConfig): void {
  const exec = kubeConfig.getCurrentUser()?.exec as ExecPlugin | undefined;
  const name = "KUBERNETES_EXEC_INFO";
  if (!exec || exec.env?.some((variable) => variable.name === name)) return;
  const apiVersion = exec.apiVersion ?? "client.authentication.k8s.io/v1";
  const cluster = exec.provideClusterInfo ? { cluster: described(kubeConfig) } : {};
  const value = JSON.stringify({ apiVersion, kind: "ExecCredential", spec: { ...cluster, interactive: false } });
  exec.env = [...(exec.env ?? []), { name, value }];
}

/** As plugins are told of it that ask for it. */
function described(kubeConfig: KubeConfig): Record<string, unknown> {
  const { server, tlsServerName, skipTLSVerify, caData, caFile, proxyUrl } = { ...kubeConfig.getCurrentCluster() };
  const authority = caData || (caFile ? readFileSync(caFile).toString("base64") : undefined);
  return {
    server,
    "tls-server-name": tlsServerName,
    ...(skipTLSVerify ? { "insecure-skip-tls-verify": true } : {}),
    "certificate-authority-data": authority,
    "proxy-url": proxyUrl,
  };
}

interface ExecPlugin {
  apiVersion?: string;
  provideClusterInfo?: boolean;
  env?: { name: string; value: string }[] | null;
}

/** A token file commonly ends in a newline, which no header may hold. */
function trimmed(headers: https.RequestOptions["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value).trim()]));
}

async function readAll(answer: http.IncomingMessage, most = Infinity, tooLong?: () => Error): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most && tooLong) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
