/** One attempt against real servers: whatever they answer, and however they do not. */
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { aHook, hookWords } from "../../test/simulation/hooks.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { issueAuthority, issueServing } from "../certificates/issue.ts";
import { askHook, type HookResult } from "./ask-hook.ts";

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** As the chart's value that lists this machine by itself would have it. */
const at = { namespace: "test", hookAddresses: ["127.0.0.1"], apiServers: [], timers: systemClock };

async function ask(answer: RequestListener, over: Parameters<typeof aHook>[1] = {}): Promise<HookResult> {
  const port = await listening(createHttpServer(answer));
  return askHook(aHook("confirm-promotion", { url: `http://127.0.0.1:${port}/gate/check`, ...over }), "{}", at);
}

const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(code, headers).end("secret words of the server");

describe("a webhook that answers", () => {
  it.each([200, 201, 202, 204])("%i lets through", async (code) => {
    expect(await ask(status(code))).toEqual({ passed: true, what: `it answered ${code}` });
  });

  it.each([400, 403, 404, 501])("%i refuses, for good", async (code) => {
    expect(await ask(status(code))).toEqual({ passed: false, what: `it answered ${code}` });
  });

  it.each([429, 500, 503])("%i refuses, and may answer otherwise in a while", async (code) => {
    expect(await ask(status(code))).toEqual({ passed: false, what: `it answered ${code}`, isPassing: true });
  });

  it("with a redirect is not followed", async () => {
    const result = await ask(status(302, { location: "http://169.254.169.254/" }));
    expect(result).toEqual({ passed: false, what: hookWords.redirects });
  });

  it("without end is left where its code is known", async () => {
    const result = await ask((_, response) => {
      response.writeHead(200);
      const more = (): void => void (response.writable && response.write("x".repeat(65_536), more));
      more();
    });
    expect(result).toEqual({ passed: true, what: hookWords.endless });
  });

  it("gets Flagger's payload, as a POST of JSON", async () => {
    const seen: string[] = [];
    await ask((request, response) => {
      request.on("data", (part: Buffer) => seen.push(part.toString()));
      request.on("end", () => {
        seen.push(`${request.method} ${request.url} ${request.headers["content-type"]}`);
        response.end();
      });
    });
    expect(seen).toEqual(["{}", "POST /gate/check application/json"]);
  });
});

describe("a webhook that does not answer", () => {
  it("within its time is said to have been silent", async () => {
    const result = await ask(() => undefined, { timeoutMs: 200 });
    expect(result).toEqual({ passed: false, what: "it did not answer within 0.2s" });
  });

  it("but by a head that never ends is said to have been silent", async () => {
    const result = await ask(
      ({ socket }) => {
        const drip = (): void => void (socket.writable && socket.write("x-more: 1\r\n", () => setImmediate(drip)));
        socket.write("HTTP/1.1 200 OK\r\n", drip);
      },
      { timeoutMs: 200 },
    );
    expect(result.passed).toBe(false);
    expect(result.what).toMatch(/^it did not answer within 0\.2s$|^it cannot be reached \(HPE_HEADER_OVERFLOW\)$/);
  });

  it("and speaks no TLS where it is asked by https is said to fail there", async () => {
    const port = await listening(createHttpServer(status(200)));
    const result = await askHook(aHook("rollout", { url: `https://127.0.0.1:${port}/` }), "{}", at);
    expect(result.passed).toBe(false);
    expect(result.what).toMatch(/^TLS to it fails \([A-Z_0-9]+\)$/);
  });

  it("and closes the connection is said to be out of reach, and may be reached in a while", async () => {
    const result = await ask((request) => request.socket.destroy());
    expect(result).toEqual({ passed: false, what: hookWords.closes, isPassing: true });
  });

  it("and is not there is said to be out of reach", async () => {
    const port = await listening(createHttpServer());
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const result = await askHook(aHook("rollout", { url: `http://127.0.0.1:${port}/` }), "{}", at);
    expect(result).toEqual({ passed: false, what: hookWords["is away"], isPassing: true });
  });
});

describe("a webhook with a certificate that nobody vouches for", () => {
  async function asked(skipsVerify: boolean): Promise<HookResult> {
    const hour = { now: Date.now(), lifetimeMs: 3_600_000 };
    const own = await issueServing(await issueAuthority("nobody's", hour), ["localhost"], hour);
    const port = await listening(createHttpsServer({ cert: own.cert, key: own.key }, status(200)));
    return askHook(aHook("rollout", { url: `https://127.0.0.1:${port}/`, skipsVerify }), "{}", at);
  }

  it("refuses, with what is wrong", async () => {
    expect(await asked(false)).toEqual({ passed: false, what: hookWords["has another's certificate"] });
  });

  it("is asked all the same where the Canary says disableTLS", async () => {
    expect(await asked(true)).toEqual({ passed: true, what: "it answered 200" });
  });
});

describe("an address", () => {
  const to = (url: string, hookAddresses: string[] = []): Promise<HookResult> =>
    askHook(aHook("rollout", { url, timeoutMs: 1_000 }), "{}", { ...at, hookAddresses });

  it("of another namespace is not asked, and the words name the chart's value", async () => {
    const { passed, what } = await to("http://loadtester.other/");
    expect(passed).toBe(false);
    expect(what).toBe(
      "the controller may not ask loadtester.other:80: its chart's gates.allowedAddresses allows none, beside Services of namespace test (NAME.test.svc)",
    );
  });

  it("that leads to this machine is not asked, whatever pattern allows its name", async () => {
    expect((await to("http://127.0.0.1/", ["*"])).what).toMatch(/gates\.allowedAddresses allows \*/);
    expect((await to("http://localhost.test.:80/", ["localhost*"])).passed).toBe(false);
  });
});
