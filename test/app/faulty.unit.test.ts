// The faulty server's faults, over real sockets.
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { faultIn, faultyApp, versionHeader } from "./faulty.ts";
import { faultyTags, type FaultyTag } from "./podinfo.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function start(tag: FaultyTag, env: Record<string, string> = {}): Promise<number> {
  const server = createServer(faultyApp(faultIn({ ...faultyTags[tag], VERSION: tag, ...env })));
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Longer than a busy machine takes to answer, and shorter than what is slow here. */
const patienceMs = 1500;
const slowness = { DELAY_MS: "60000" };

/** What came of so many requests, one after the other: a status, gRPC's status, or why there was none. */
async function ask(port: number, times: number, path = "/"): Promise<string[]> {
  const seen: string[] = [];
  for (let at = 0; at < times; at += 1) {
    const request = get({ host: "127.0.0.1", port, path, agent: false, timeout: patienceMs });
    request.on("timeout", () => request.destroy(new Error("hangs")));
    const outcome = once(request, "response").then(async ([response]: IncomingMessage[]) => {
      if (!response) return "none";
      const [whole] = await Promise.allSettled([text(response)]);
      if (whole.status === "rejected") return "broken";
      return String(response.trailers["grpc-status"] ?? response.statusCode);
    });
    seen.push(await outcome.catch((error: Error) => error.message));
  }
  return seen;
}

it.each([
  ["1.8.0-hanging", ["200", "hangs", "200", "hangs"]],
  ["1.8.1-dropping", ["200", "broken", "200", "broken"]],
  ["1.8.3-unauthorized", ["401", "401", "401", "401"]],
  ["1.8.5-slow-share", ["200", "200", "200", "200", "hangs"]],
  ["1.8.6-grpc-unavailable", ["0", "14", "0", "14"]],
  ["1.8.7-broken", ["500", "500"]],
] as const)("%s spoils its share of requests", async (tag, expected) => {
  const port = await start(tag, slowness);
  expect(await ask(port, expected.length)).toEqual(expected);
});

it("1.8.4-not-found lacks one path", async () => {
  const port = await start("1.8.4-not-found");
  expect([...(await ask(port, 2)), ...(await ask(port, 2, "/api/info?x=1"))]).toEqual(["200", "200", "404", "404"]);
});

it("probes are answered well whatever the fault, and every other answer names its version in its head", async () => {
  const port = await start("1.8.3-unauthorized");
  expect(await ask(port, 1, "/readyz")).toEqual(["200"]);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(answer.headers.get(versionHeader)).toBe("1.8.3-unauthorized");
});
