// The streams by which sidecars learn of their destinations and of who may call them: GET /destinations/<ip>:<port> and
// /policies/<namespace>/<pod> answer one JSON document per line, now and after each change, and an empty line as a sign
// of life.
import { createServer, type Server, type ServerResponse } from "node:http";

/** Silence longer than a few of these means that the other end is gone. */
export const SIGN_OF_LIFE_MS = 2000;

/** The document of a topic's key now; `undefined` while there is none yet. */
export type LookUp = (key: string) => object | undefined;

interface Subscription {
  readonly lookUp: LookUp;
  readonly key: string;
  readonly response: ServerResponse;
  sent: string;
}

export interface DestinationServer {
  readonly server: Server;
  /** Sends to every subscriber what is new for it. */
  publish(): void;
}

/** Every subscription's topic is asked again at each `publish`; `ready` says whether it can answer. */
export function destinationServer(topics: Readonly<Record<string, LookUp>>, ready: () => boolean): DestinationServer {
  const subscriptions = new Set<Subscription>();
  const update = (subscription: Subscription): void => {
    const found = subscription.lookUp(subscription.key);
    const document = found && JSON.stringify(found);
    if (!document || document === subscription.sent) return;
    subscription.sent = document;
    subscription.response.write(`${document}\n`);
  };
  const server = createServer((request, response) => {
    const { topic, key } = subjectOf(request.url);
    const lookUp = topics[topic];
    if (request.url === "/ready") return void response.writeHead(ready() ? 200 : 503).end();
    if (!lookUp || !ready()) return void response.writeHead(lookUp ? 503 : 404).end();
    const subscription = { lookUp, key, response, sent: "" };
    subscriptions.add(subscription);
    response.on("close", () => subscriptions.delete(subscription));
    response.socket?.setNoDelay(true);
    response.flushHeaders();
    update(subscription);
  });
  const signOfLife = setInterval(() => {
    for (const { response } of subscriptions) response.write("\n");
  }, SIGN_OF_LIFE_MS);
  server.on("close", () => clearInterval(signOfLife));
  return { server, publish: () => subscriptions.forEach(update) };
}

function subjectOf(url = ""): { topic: string; key: string } {
  const [, topic = "", key = ""] = /^\/([a-z]+)\/([\w.:/-]+)$/.exec(url) ?? [];
  return { topic, key };
}
