import * as http from "node:http";
import * as https from "node:https";
import { connect, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import express from "express";
import { afterEach, describe, expect, it, vi } from "vitest";
import { issueAuthority, issueServing } from "./certificates/issue.ts";
import { Budget, limitBodies, limitConnections, type BodyLimits } from "./limits.ts";
import { systemClock } from "../shared/kube/clock.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function listening<S extends Server>(server: S): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe("a budget", () => {
  const served: string[] = [];
  const claim = (budget: Budget, client: string, amount: number): (() => void) =>
    budget.take(client, amount, () => served.push(`${client}${amount}`));
  afterEach(() => void served.splice(0));

  it("refuses nobody: what does not fit waits for room", () => {
    const budget = new Budget({ perClient: 10, total: 15 });
    const first = claim(budget, "a", 10);
    const second = claim(budget, "a", 9);
    expect(served).toEqual(["a10"]);
    first();
    expect(served).toEqual(["a10", "a9"]);
    second();
    claim(budget, "a", 99);
    expect(served.at(-1)).toBe("a99");
  });

  it("goes to the client that holds least, whoever came first", () => {
    const budget = new Budget({ perClient: 10, total: 15 });
    const [first] = [claim(budget, "a", 5), claim(budget, "a", 5), claim(budget, "c", 5)];
    claim(budget, "a", 4);
    claim(budget, "c", 5);
    claim(budget, "b", 5);
    first();
    expect(served).toEqual(["a5", "a5", "c5", "b5"]);
  });

  it("is not given to small ones that come after a large one", () => {
    const budget = new Budget({ perClient: 10, total: 15 });
    const [first] = [claim(budget, "a", 10), claim(budget, "b", 2)];
    claim(budget, "c", 10);
    claim(budget, "d", 1);
    expect(served).toEqual(["a10", "b2"]);
    first();
    expect(served).toEqual(["a10", "b2", "c10", "d1"]);
  });

  it("takes back once what is given back twice, and forgets who leaves the line", () => {
    const budget = new Budget({ perClient: 10, total: 10 });
    const first = claim(budget, "a", 6);
    claim(budget, "a", 4);
    const waiting = claim(budget, "b", 6);
    waiting();
    first();
    first();
    claim(budget, "a", 7);
    claim(budget, "a", 6);
    expect(served).toEqual(["a6", "a4", "a6"]);
  });
});

describe("bodies", () => {
  const kib = 1024;
  const patient = { waitMs: 10_000, receiveMs: 10_000 };

  async function serve(limits: Omit<BodyLimits, "largest">): Promise<number> {
    const app = express();
    app.use(limitBodies({ ...limits, largest: 64 * kib }, systemClock), express.json({ limit: 64 * kib }));
    app.use((_request, response) => void response.send("ok"));
    return listening(http.createServer(app));
  }

  const ask = (port: number, options: http.RequestOptions, bytes: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const request = http.request({ port, host: "127.0.0.1", method: "POST", headers, ...options }, (response) => {
        response.resume().once("end", () => resolve(response.statusCode ?? 0));
      });
      request.once("error", reject);
      request.end(bytes);
    });

  /** Announces a body and sends no more than its first byte. */
  function slow(port: number): http.ClientRequest {
    const headers = { "content-type": "application/json", "content-length": 64 * kib };
    const request = http.request({ port, host: "127.0.0.1", localAddress: "127.0.0.2", method: "POST", headers });
    request.on("error", () => undefined);
    request.write("{");
    ends.push(() => request.destroy());
    return request;
  }

  it("of hundreds of reviews from one address are all taken, over kept connections too", async () => {
    const port = await serve({ perClient: 128 * kib, total: 256 * kib, ...patient });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
    ends.push(() => agent.destroy());
    const text = JSON.stringify({ text: "x".repeat(60 * kib) });
    const statuses = await Promise.all(Array.from({ length: 500 }, () => ask(port, { agent }, text)));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it("of one address keep no room from another", async () => {
    const port = await serve({ perClient: 128 * kib, total: 192 * kib, ...patient });
    for (let n = 0; n < 9; n += 1) slow(port);
    expect(await ask(port, {}, JSON.stringify({ text: "x".repeat(60 * kib) }))).toBe(200);
  });

  it("that come slowly lose their connection, and those that wait too long are told so", async () => {
    const port = await serve({ perClient: 64 * kib, total: 64 * kib, waitMs: 10_000, receiveMs: 1_000 });
    const request = slow(port);
    await once(request, "error");
    expect(await ask(port, {}, "{}")).toBe(200);
    const other = await serve({ perClient: 64 * kib, total: 64 * kib, waitMs: 100, receiveMs: 10_000 });
    slow(other);
    await vi.waitFor(async () => expect(await ask(other, {}, "{}")).toBe(503), { timeout: 10_000 });
  });

  it("are not asked for twice on one connection at the same time", async () => {
    const port = await serve({ perClient: 64 * kib, total: 64 * kib, ...patient });
    slow(port);
    const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(`${head}${head}`);
    await once(socket, "close");
    expect(socket.bytesRead).toBe(0);
  });
});

describe("connections above the bound", () => {
  it("are taken from the address that has most, and from no other", async () => {
    const server = limitConnections(
      http.createServer((_request, response) => response.end("ok")),
      3,
    );
    const port = await listening(server);
    const open = async (localAddress: string): Promise<Socket> => {
      const accepted = once(server, "connection");
      const socket = connect({ port, host: "127.0.0.1", localAddress });
      ends.push(() => socket.destroy());
      socket.on("error", () => socket.destroy());
      await accepted;
      return socket;
    };
    const flood = [await open("127.0.0.2"), await open("127.0.0.2"), await open("127.0.0.2")];
    const fourth = await open("127.0.0.2");
    await once(fourth, "close");
    const api = await open("127.0.0.1");
    await once(flood[0]!, "close");
    const second = await open("127.0.0.1");
    await once(second, "close");
    expect([...flood.slice(1), api].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    api.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(api, "data");
  });

  it("make room when others end, over TLS too", async () => {
    const validity = { now: Date.now(), lifetimeMs: 60_000 };
    const serving = await issueServing(await issueAuthority("test", validity), ["localhost"], validity);
    const server = limitConnections(
      https.createServer(serving, (_request, response) => response.end("ok")),
      4,
    );
    const port = await listening(server);
    const closed: Promise<unknown>[] = [];
    server.on("connection", (socket: Socket) => closed.push(once(socket, "close")));
    const ask = (localAddress: string, agent: https.Agent | false): Promise<void> =>
      new Promise((resolve, reject) => {
        const at = { port, host: "127.0.0.1", localAddress, agent, rejectUnauthorized: false };
        https.get(at, (response) => response.resume().once("end", resolve)).once("error", reject);
      });
    for (let n = 0; n < 9; n += 1) await ask("127.0.0.1", false);
    await Promise.all(closed);
    const agent = new https.Agent({ keepAlive: true });
    ends.push(() => agent.destroy());
    await Promise.all(Array.from({ length: 4 }, () => ask("127.0.0.2", agent)));
    await ask("127.0.0.1", false);
    expect(closed).toHaveLength(14);
  });
});
