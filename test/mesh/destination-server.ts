// The stream by which sidecars learn of their destinations: GET /destinations/<ip>:<port> answers one JSON document
// per line, now and after each change, and an empty line as a sign of life.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { Destination } from "./destination.ts";

/** Silence longer than a few of these means that the other end is gone. */
export const SIGN_OF_LIFE_MS = 2000;

interface Subscription {
  readonly ip: string;
  readonly port: number;
  readonly response: ServerResponse;
  sent: string;
}

export interface DestinationServer {
  readonly server: Server;
  /** Sends to every subscriber what is new for it. */
  publish(): void;
}

/** `lookUp` is asked again for every subscription at each `publish`; `ready` says whether it can answer. */
export function destinationServer(
  lookUp: (ip: string, port: number) => Destination,
  ready: () => boolean,
): DestinationServer {
  const subscriptions = new Set<Subscription>();
  const update = (subscription: Subscription): void => {
    const document = JSON.stringify(lookUp(subscription.ip, subscription.port));
    if (document === subscription.sent) return;
    subscription.sent = document;
    subscription.response.write(`${document}\n`);
  };
  const server = createServer((request, response) => {
    const match = /^\/destinations\/([0-9.]+):(\d+)$/.exec(request.url ?? "");
    if (request.url === "/ready") return void response.writeHead(ready() ? 200 : 503).end();
    if (!match || !ready()) return void response.writeHead(match ? 503 : 404).end();
    const subscription = { ip: match[1] ?? "", port: Number(match[2]), response, sent: "" };
    subscriptions.add(subscription);
    response.on("close", () => subscriptions.delete(subscription));
    response.socket?.setNoDelay(true);
    update(subscription);
  });
  const signOfLife = setInterval(() => {
    for (const { response } of subscriptions) response.write("\n");
  }, SIGN_OF_LIFE_MS);
  server.on("close", () => clearInterval(signOfLife));
  return { server, publish: () => subscriptions.forEach(update) };
}
