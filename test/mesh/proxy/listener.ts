// Accepts redirected connections: finds where each was going, tells HTTP from the rest, and hands it to the right side.
import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { detect } from "./detect.ts";
import type { Address } from "./original-destination.ts";

/** What one side of the proxy does with a connection; `C` is what it remembers of it. */
export interface Side<C> {
  /** A connection to `target` was accepted, and is HTTP. */
  accept(target: Address, socket: Socket): C;
  request(context: C, request: IncomingMessage, response: ServerResponse): void;
  upgrade(context: C, request: IncomingMessage, socket: Socket, rest: Buffer): void;
  /** A connection that is not HTTP. */
  other(target: Address, socket: Socket): void;
}

const MAX_HEADER_BYTES = 65_536;
// Below the 5 s after which many servers close an idle connection: so that we are first.
const UPSTREAM_IDLE_MS = 4000;

export const newAgent = (): Agent => new Agent({ keepAlive: true, maxFreeSockets: 64, timeout: UPSTREAM_IDLE_MS });

export function listen<C>(port: number, destinationOf: (socket: Socket) => Address | undefined, side: Side<C>): Server {
  const contexts = new WeakMap<Socket, C>();
  const http = createServer(
    // The client decides how long it keeps a connection; closing it first would race with its next request.
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, maxHeaderSize: MAX_HEADER_BYTES, noDelay: true },
    (request, response) => {
      const context = contexts.get(request.socket);
      if (context !== undefined) side.request(context, request, response);
    },
  );
  http.on("upgrade", (request: IncomingMessage, socket: Socket, rest: Buffer) => {
    const context = contexts.get(socket);
    if (context !== undefined) side.upgrade(context, request, socket, rest);
  });
  const server = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    const target = destinationOf(socket);
    // Connected to the proxy's own port: there is nowhere to pass it on to.
    if (!target || target.port === port) return void socket.destroy();
    detect(socket, (protocol) => {
      if (protocol === "other") return side.other(target, socket);
      contexts.set(socket, side.accept(target, socket));
      http.emit("connection", socket);
      socket.resume();
    });
  });
  return server.listen(port);
}
