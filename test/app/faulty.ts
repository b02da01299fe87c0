// A server that answers like podinfo and has one fault. Faults come evenly, so that a few requests are enough to see them, or by
// chance where that is asked for; probes are always answered well.
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { hostname } from "node:os";

/** Set on every answer: what version it is of is known even where its body never comes. */
export const versionHeader = "x-app-version";

const PORT = 9898;
const probes = ["/readyz", "/healthz"];
const DEFAULT_DELAY_MS = 800;
const DEFAULT_EVERY_MS = 3000;
/** Exit code of what the kernel kills. */
const KILLED = 137;

export interface Fault {
  readonly kind: string;
  readonly version: string;
  /** Of the requests, from 0 to 1. */
  readonly share: number;
  /** Each request by itself, instead of every so many-th. */
  readonly byChance?: boolean;
  /** The only path that has the fault; undefined for all. */
  readonly path?: string;
  /** HTTP's status, or gRPC's. */
  readonly status: number;
  readonly delayMs: number;
  /** Between two exits. */
  readonly everyMs: number;
}

export function faultIn(env: NodeJS.ProcessEnv): Fault {
  const path = env["PATH_ONLY"];
  return {
    kind: env["FAULT"] ?? "",
    version: env["VERSION"] ?? "",
    share: Number(env["SHARE"] ?? 1),
    ...(env["BY_CHANCE"] ? { byChance: true } : {}),
    ...(path ? { path } : {}),
    status: Number(env["STATUS"] ?? 500),
    delayMs: Number(env["DELAY_MS"] ?? DEFAULT_DELAY_MS),
    everyMs: Number(env["EVERY_MS"] ?? DEFAULT_EVERY_MS),
  };
}

export function runFaulty(fault: Fault): void {
  const server = createServer(faultyApp(fault)).listen(PORT);
  if (fault.kind === "exit") setTimeout(() => process.exit(KILLED), fault.everyMs);
  process.on("SIGTERM", () => {
    server.closeIdleConnections();
    server.close(() => process.exit(0));
  });
}

export function faultyApp(fault: Fault): RequestListener {
  let requests = 0;
  /** Whether it is this request's turn: share 0.2 is every fifth. */
  const isBad = (path: string): boolean => {
    if (fault.path !== undefined && fault.path !== path) return false;
    if (fault.byChance) return Math.random() < fault.share;
    requests += 1;
    return Math.floor(requests * fault.share) > Math.floor((requests - 1) * fault.share);
  };
  return (request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (probes.includes(path)) return void response.end("OK");
    response.setHeader(versionHeader, fault.version);
    const body = JSON.stringify({ hostname: hostname(), version: fault.version }, null, 2);
    if (isBad(path)) spoil(fault, response, body);
    else answer(response, body, fault.kind === "grpc" ? 0 : undefined);
  };
}

function spoil(fault: Fault, response: ServerResponse, body: string): void {
  switch (fault.kind) {
    case "hang":
      return;
    case "drop":
      response.writeHead(200, { "content-length": body.length });
      response.write(body.slice(0, body.length / 2), () => response.destroy());
      return;
    case "status":
      response.writeHead(fault.status, { "content-type": "application/json" });
      response.end(JSON.stringify({ code: fault.status, version: fault.version }));
      return;
    case "slow":
      setTimeout(() => answer(response, body), fault.delayMs);
      return;
    case "grpc":
      answer(response, body, fault.status);
      return;
    default:
      answer(response, body);
  }
}

function answer(response: ServerResponse, body: string, grpcStatus?: number): void {
  response.setHeader("content-type", grpcStatus === undefined ? "application/json" : "application/grpc");
  if (grpcStatus === undefined) return void response.end(body);
  response.setHeader("trailer", "grpc-status");
  response.write(body);
  response.addTrailers({ "grpc-status": String(grpcStatus) });
  response.end();
}
