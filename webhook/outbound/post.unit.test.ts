import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../shared/kube/clock.ts";
import { createAddressGuard } from "../../shared/guarded-lookup.ts";
import { issueAuthority } from "../certificates/issue.ts";
import { post, type Post, type Posted } from "./post.ts";

interface Got {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: string;
}

const timers = systemClock;
const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const noted =
  (got: Got[], answer: (response: ServerResponse) => void) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
    request.on("end", () => {
      const { method, url, headers } = request;
      got.push({ method, url, headers, body });
      answer(response);
    });
  };

const ok = (response: ServerResponse): void => void response.end("ok");

/** Posts to a server that answers so. */
async function sent(
  answer: (response: ServerResponse) => void,
  over: Partial<Post> = {},
): Promise<{ got: Got[]; posted: Promise<Posted> }> {
  const got: Got[] = [];
  const port = await listen(createHttp(noted(got, answer)));
  const url = new URL(`http://127.0.0.1:${port}/services/T0?x=1`);
  return { got, posted: post({ url, body: '{"text":"ü"}', timeoutMs: 30_000, timers, ...over }) };
}

describe("a post", () => {
  it("arrives whole, and its answer's start is read where it is wanted", async () => {
    const { got, posted } = await sent(ok, { headers: { authorization: "Bearer x" }, maxBytes: 1 });
    expect(await posted).toEqual({ status: 200, body: "o" });
    expect(got).toMatchObject([
      {
        method: "POST",
        url: "/services/T0?x=1",
        body: '{"text":"ü"}',
        headers: { "content-type": "application/json", "content-length": "13", authorization: "Bearer x" },
      },
    ]);
  });

  it.each([201, 302, 404, 429, 500])("resolves to status %i, and follows nothing", async (status) => {
    const { got, posted } = await sent((response) => {
      response.writeHead(status, { location: "/elsewhere" });
      response.end();
    });
    expect((await posted).status).toBe(status);
    expect(got).toHaveLength(1);
  });

  it("waits for no more than the status of an endless answer", async () => {
    const endless = (response: ServerResponse): void => {
      response.writeHead(200);
      response.on("drain", () => void response.write("x".repeat(65_536)));
      response.write("x".repeat(65_536));
    };
    expect(await (await sent(endless)).posted).toEqual({ status: 200, body: "" });
    const { posted } = await sent(endless, { maxBytes: 10 });
    expect(await posted).toEqual({ status: 200, body: "xxxxxxxxxx" });
  });

  it("ends in time where nobody answers, and where an answer never ends", async () => {
    const { posted } = await sent(() => undefined, { timeoutMs: 50 });
    await expect(posted).rejects.toMatchObject({ kind: "timeout", message: "it did not answer within 0.05s" });
    const drips = await sent((response) => void response.write("x"), { timeoutMs: 200, maxBytes: 10 });
    await expect(drips.posted).rejects.toMatchObject({ kind: "timeout", mayRetry: true });
  });

  it("says that nobody listens, and that an answer broke off, without a word of the server's", async () => {
    const port = await listen(createHttp(noted([], ok)));
    await new Promise((resolve) => open.pop()!.close(resolve));
    const url = new URL(`http://127.0.0.1:${port}/secret`);
    await expect(post({ url, body: "{}", timeoutMs: 30_000, timers })).rejects.toMatchObject({
      kind: "unreachable",
      message: "it cannot be reached (ECONNREFUSED)",
    });
    const { posted } = await sent(
      (response) => {
        response.writeHead(200, { "content-length": "9" });
        response.write("x", () => response.destroy());
      },
      { maxBytes: 9 },
    );
    await expect(posted).rejects.toMatchObject({ kind: "broken-off" });
  });
});

describe("an address that leads where it must not", () => {
  const guard = createAddressGuard([], true);

  it.each(["http://127.0.0.1:1/x", "http://[::1]:1/", "http://localhost:1/", "http://192.168.0.1/"])(
    "%s is not connected to",
    async (address) => {
      const refused = post({ url: new URL(address), body: "{}", timeoutMs: 30_000, timers, guard });
      await expect(refused).rejects.toMatchObject({ kind: "refused-address", mayRetry: false });
    },
  );

  it("is none for a proxy either, and none to name to a proxy", async () => {
    const { posted } = await sent(ok, { proxy: { url: new URL("http://localhost:1"), guard } });
    await expect(posted).rejects.toMatchObject({ kind: "refused-address" });
    const throughOne = post({
      url: new URL("http://169.254.169.254/"),
      body: "{}",
      timeoutMs: 30_000,
      timers,
      guard,
      proxy: { url: new URL("http://127.0.0.1:1") },
    });
    await expect(throughOne).rejects.toMatchObject({ kind: "refused-address" });
  });
});

describe("TLS", () => {
  it("is verified, unless it is not to be", async () => {
    const got: Got[] = [];
    const issued = await issueAuthority("hooks.example", { now: Date.now(), lifetimeMs: 3_600_000 });
    const port = await listen(createHttps({ ...issued }, noted(got, ok)));
    const url = new URL(`https://127.0.0.1:${port}/`);
    await expect(post({ url, body: "{}", timeoutMs: 30_000, timers })).rejects.toMatchObject({ kind: "unreachable" });
    expect(got).toEqual([]);
    expect(await post({ url, body: "{}", timeoutMs: 30_000, timers, insecureSkipVerify: true })).toMatchObject({
      status: 200,
    });
    expect(got).toHaveLength(1);
  });
});

/** Notes what it is asked to connect to, and connects to `port` of this machine. */
async function proxyTo(port: number, asked: IncomingMessage[], status = 200): Promise<URL> {
  const server = createHttp();
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    asked.push(request);
    client.write(`HTTP/1.1 ${status} so\r\n\r\n`);
    if (status !== 200) {
      client.end();
      return;
    }
    const upstream = connect(port, "127.0.0.1");
    upstream.pipe(client).pipe(upstream);
    for (const socket of [upstream, client]) socket.on("error", () => upstream.destroy());
  });
  return new URL(`http://us:s%20r@127.0.0.1:${await listen(server)}`);
}

describe("a proxy", () => {
  it.each(["http", "https"])(
    "carries an %s post, with its own credentials and none of them to the receiver",
    async (scheme) => {
      const [got, asked]: [Got[], IncomingMessage[]] = [[], []];
      const issued = await issueAuthority("hooks.example", { now: Date.now(), lifetimeMs: 3_600_000 });
      const server = scheme === "https" ? createHttps({ ...issued }, noted(got, ok)) : createHttp(noted(got, ok));
      const proxy = { url: await proxyTo(await listen(server), asked) };
      const url = new URL(`${scheme}://hooks.example/services/T0`);
      const posted = await post({ url, body: "{}", timeoutMs: 30_000, timers, proxy, insecureSkipVerify: true });
      expect(posted.status).toBe(200);
      expect(asked.map(({ url: to, headers }) => [to, headers["proxy-authorization"]])).toEqual([
        [`hooks.example:${scheme === "https" ? 443 : 80}`, `Basic ${Buffer.from("us:s r").toString("base64")}`],
      ]);
      expect(got).toMatchObject([{ url: "/services/T0", headers: { host: "hooks.example" } }]);
      expect(got[0]!.headers["proxy-authorization"]).toBeUndefined();
    },
  );

  it("that refuses, or is not there, is named as such", async () => {
    const proxy = { url: await proxyTo(1, [], 407) };
    const url = new URL("https://hooks.example/");
    await expect(post({ url, body: "{}", timeoutMs: 30_000, timers, proxy })).rejects.toMatchObject({
      kind: "proxy",
      message: "its proxy answered 407",
    });
    const gone = { url: new URL("http://127.0.0.1:1") };
    await expect(post({ url, body: "{}", timeoutMs: 30_000, timers, proxy: gone })).rejects.toMatchObject({
      kind: "proxy",
    });
  });
});
