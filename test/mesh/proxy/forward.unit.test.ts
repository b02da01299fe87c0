// Passing requests on, between real sockets on loopback: what is tried again, what is not, and what arrives.
import { once } from "node:events";
import { Agent, createServer, request as httpRequest, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import type { End } from "../series/classify.ts";
import { forward, requestHeaders, type Exchange, type Upstream } from "./forward.ts";
import { modifyHeaders } from "../policy/header-filters.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { answerFor } from "./inbound.ts";

const servers: Server[] = [];
const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function started(server: Server): Promise<Upstream> {
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return { ip: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

const app = (listener: RequestListener): Promise<Upstream> => started(createServer(listener));

/** A port that nobody listens on. */
async function closedPort(): Promise<Upstream> {
  const upstream = await app(() => undefined);
  servers.pop()?.close();
  return upstream;
}

interface Proxy extends Upstream {
  readonly ends: End[];
}

/** A proxy whose n-th attempt goes to the n-th of `upstreams`, or to the last. */
const proxyTo = (...upstreams: Upstream[]): Promise<Proxy> => proxyWith({}, ...upstreams);

async function proxyWith(settings: Partial<Exchange>, ...upstreams: Upstream[]): Promise<Proxy> {
  const agent = new Agent({ keepAlive: true });
  agents.push(agent);
  const ends: End[] = [];
  const at = await app((request, response) =>
    forward({
      request,
      response,
      agent,
      headers: requestHeaders(request, "internal"),
      upstream: (attempt) => upstreams[Math.min(attempt, upstreams.length - 1)]!,
      ...settings,
      done: (end) => {
        ends.push(end);
        if (end.kind === "unreachable") answerFor(response, 502, { reason: end.message });
        if (end.kind === "timeout") answerFor(response, 504);
      },
    }),
  );
  return { ...at, ends };
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly head: IncomingMessage;
}

async function ask(to: Upstream, method = "GET", body = "", headers: Record<string, string> = {}): Promise<Answer> {
  const request = httpRequest({ host: to.ip, port: to.port, method, headers, path: "/x?y=1", agent: false });
  request.end(body || undefined);
  const [head] = (await once(request, "response")) as [IncomingMessage];
  return { status: head.statusCode, body: await text(head), head };
}

it("method, path, headers and body arrive; what belongs to the mesh or to one hop does not", async () => {
  const upstream = await app((request, response) => {
    void text(request).then((body) => {
      const { internal, "x-mine": mine } = request.headers;
      response.writeHead(201, { "x-app": "yes" });
      response.end(JSON.stringify([request.method, request.url, body, mine, internal ?? null]));
    });
  });
  const proxy = await proxyTo(upstream);
  const answer = await ask(proxy, "POST", "hello", { internal: "secret", "x-mine": "1" });
  expect(answer.status).toBe(201);
  expect(answer.head.headers["x-app"]).toBe("yes");
  expect(JSON.parse(answer.body)).toEqual(["POST", "/x?y=1", "hello", "1", null]);
  expect(proxy.ends).toEqual([{ kind: "answered", status: 201 }]);
});

it("an endpoint that refuses the connection is passed over, body and all", async () => {
  const alive = await app((request, response) => void text(request).then((body) => response.end(`got ${body}`)));
  const proxy = await proxyTo(await closedPort(), alive);
  expect((await ask(proxy, "POST", "hello")).body).toBe("got hello");
  expect(proxy.ends).toEqual([{ kind: "answered", status: 200 }]);
});

it("nobody to connect to gives the proxy's own answer, marked as such", async () => {
  const proxy = await proxyTo(await closedPort());
  const answer = await ask(proxy);
  expect(answer.status).toBe(502);
  expect(answer.head.headers["l5d-proxy-error"]).toContain("ECONNREFUSED");
});

/** Answers the first request of each connection and cuts the connection at the second one. */
async function closesUnderTheSecond(): Promise<Upstream & { readonly seen: string[] }> {
  const seen: string[] = [];
  const server = createTcpServer((socket) => {
    let requests = 0;
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      seen.push(chunk.toString().split(" ", 1)[0] ?? "");
      requests += 1;
      if (requests > 1) return void socket.resetAndDestroy();
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
  });
  return { ...(await started(server)), seen };
}

it("a kept connection that the server closes under the next request is replaced, for a request that may be repeated", async () => {
  const upstream = await closesUnderTheSecond();
  const proxy = await proxyTo(upstream);
  expect((await ask(proxy)).body).toBe("ok");
  expect((await ask(proxy)).body).toBe("ok");
  expect(upstream.seen).toEqual(["GET", "GET", "GET"]);
});

it("a request that the server may have acted on is not repeated", async () => {
  const upstream = await closesUnderTheSecond();
  const proxy = await proxyTo(upstream);
  await ask(proxy);
  expect((await ask(proxy, "POST")).status).toBe(502);
  expect(upstream.seen).toEqual(["GET", "POST"]);
});

it("an answer without a length is passed on while it comes", async () => {
  let finish: () => void = () => undefined;
  const upstream = await app((_request, response) => {
    response.flushHeaders();
    finish = () => response.end("late");
  });
  const proxy = await proxyTo(upstream);
  const request = httpRequest({ host: proxy.ip, port: proxy.port, agent: false }).end();
  const [head] = (await once(request, "response")) as [IncomingMessage];
  expect(proxy.ends).toEqual([]);
  finish();
  expect(await text(head)).toBe("late");
  expect(proxy.ends).toEqual([{ kind: "answered", status: 200 }]);
});

const ended = ({ ends }: Proxy): Promise<End> =>
  waitFor(() => Promise.resolve(ends[0] ?? unmet("not yet")), 5000, "the end of the request", 5);

it("a request whose time is over is left, and answered by the proxy; the server sees its client go", async () => {
  let gone: () => void = () => undefined;
  const left = new Promise<void>((done) => (gone = done));
  const hanging = await app((_request, response) => response.once("close", gone));
  const proxy = await proxyWith({ timeoutMs: 50 }, hanging);
  expect((await ask(proxy)).status).toBe(504);
  expect(proxy.ends).toEqual([{ kind: "timeout" }]);
  await left;
});

it.each([
  ["before its answer leaves no status", {}, { kind: "cancelled" }],
  ["in the middle of it has its status", { "x-head": "yes" }, { kind: "cancelled", status: 200 }],
] as const)("a client that goes away %s", async (_when, headers, end) => {
  let arrived: () => void = () => undefined;
  const arrival = new Promise<void>((done) => (arrived = done));
  const hanging = await app((request, response) => {
    if (request.headers["x-head"]) response.flushHeaders();
    arrived();
  });
  const proxy = await proxyTo(hanging);
  const request = httpRequest({ host: proxy.ip, port: proxy.port, agent: false, headers }).end();
  request.on("error", () => undefined);
  await Promise.all([arrival, ...("x-head" in headers ? [once(request, "response")] : [])]);
  request.destroy();
  expect(await ended(proxy)).toEqual(end);
});

it("an answer that breaks off in the middle breaks off for the client too", async () => {
  const breaking = await app((_request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("half", () => response.destroy());
  });
  const proxy = await proxyTo(breaking);
  await expect(ask(proxy)).rejects.toThrow();
  expect(await ended(proxy)).toEqual({ kind: "broken", status: 200 });
});

it("a server that closes without an answer, as one that is killed does, leaves the request unanswered", async () => {
  const proxy = await proxyTo(await app((request) => request.socket.destroy()));
  expect((await ask(proxy)).status).toBe(502);
  expect(proxy.ends).toMatchObject([{ kind: "unreachable" }]);
});

it("gRPC's status is read from the trailers, and they arrive", async () => {
  const upstream = await app((_request, response) => {
    response.writeHead(200, { "content-type": "application/grpc", trailer: "grpc-status" });
    response.write("message");
    response.addTrailers({ "grpc-status": "14" });
    response.end();
  });
  const proxy = await proxyTo(upstream);
  const { head } = await ask(proxy);
  expect(head.trailers).toEqual({ "grpc-status": "14" });
  expect(proxy.ends).toEqual([{ kind: "answered", status: 200, grpcStatus: "14" }]);
});

it("headers of the answer are changed on the way to the client", async () => {
  const upstream = await app((_request, response) => response.setHeader("x-app", "1").end("ok"));
  const modifiers = [{ add: [{ name: "Set-Cookie", value: "track=canary" }], remove: ["X-App"] }];
  const proxy = await proxyWith({ responseHeaders: (raw) => modifyHeaders(raw, modifiers) }, upstream);
  const { head } = await ask(proxy);
  expect(head.headers["set-cookie"]).toEqual(["track=canary"]);
  expect(head.headers["x-app"]).toBeUndefined();
});
