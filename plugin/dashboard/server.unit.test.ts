// Who the dashboard's server answers, and with which headers: each refusal is asked of a real server on this machine.
import http from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aTerminal } from "../../test/plugin/fixtures/terminal.ts";
import { scope } from "../../test/plugin/fixtures/seen.ts";
import { settled } from "../../test/kube/manual-clock.ts";
import { RecordingCluster } from "../../test/recording-cluster.ts";
import type { Session } from "../cluster/session.ts";
import { Feed } from "./feed.ts";
import { rateIn } from "./plan-view.ts";
import { Recorder } from "./recorder.ts";
import { type Listening, serve } from "./server.ts";

const assets = { html: "<p>the page", script: "1", style: "p{}", icon: "<svg/>" };
let ending: AbortController;
let listening: Listening;
let cluster: RecordingCluster;
let address: URL;

const aSession = (): Session => ({
  deps: { ...aTerminal({}), cluster, signal: ending.signal },
  scope,
  forward: () => Promise.reject(new Error("Nothing is forwarded here.")),
});

/** Has one listener, which the test tells what it likes. */
class Spout extends Feed {
  listener: Parameters<Feed["subscribe"]>[0] | undefined;
  private isSubscribed: () => void = () => undefined;
  readonly subscribed = new Promise<void>((resolve) => (this.isSubscribed = resolve));

  constructor() {
    super({ ...aTerminal({}), cluster, signal: ending.signal }, scope, new Recorder());
  }

  override subscribe(listener: Parameters<Feed["subscribe"]>[0]): () => void {
    this.listener = listener;
    this.isSubscribed();
    return () => void (this.listener = undefined);
  }
}

async function start(allowActions: boolean, given?: Feed): Promise<void> {
  ending = new AbortController();
  cluster = new RecordingCluster([]);
  const session = aSession();
  const recorder = new Recorder();
  const feed = given ?? new Feed(session.deps, scope, recorder);
  const setup = { where: "namespace test", allowActions };
  listening = await serve({ session, assets, feed, recorder, setup }, 0);
  address = new URL(listening.address);
}

beforeEach(() => start(false));
afterEach(async () => {
  ending.abort();
  await listening.close();
});

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

type Headers = Record<string, string>;

function ask(
  path: string,
  headers: Headers = {},
  body?: unknown,
  method = body === undefined ? "GET" : "POST",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port: address.port, host: "127.0.0.1", path, method, headers }, (response) => {
      let text = "";
      const answer = (): void => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        // A stream has no end.
        if (response.headers["content-type"] === "text/event-stream") {
          answer();
          request.destroy();
        }
      });
      response.once("end", answer);
    });
    request.once("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Where the page is, and the cookie for it. */
async function opened(): Promise<{ page: string; cookie: string }> {
  const { headers, text } = await ask(`/${address.search}`);
  const page = /url=([^"]+)"/.exec(text)?.[1] ?? "";
  return { page, cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
}

describe("the printed address", () => {
  it("gives a cookie that no script reads and no other site sends, for the page's own path", async () => {
    const { headers } = await ask(`/${address.search}`);
    const { page } = { page: /Path=([^;]+)/.exec(headers["set-cookie"]?.[0] ?? "")?.[1] ?? "" };
    expect(page).toMatch(/^\/[0-9a-f]{32}\/$/);
    expect(headers["set-cookie"]).toEqual([expect.stringContaining("HttpOnly; SameSite=Strict")]);
  });

  it("works once", async () => {
    await opened();
    const again = await ask(`/${address.search}`);
    expect([again.status, again.text]).toEqual([403, expect.stringContaining("works once")]);
    expect(again.headers["set-cookie"]).toBeUndefined();
  });

  it.each([
    ["HEAD", {}],
    ["GET", { "sec-purpose": "prefetch;prerender" }],
  ])("is not used up by a look ahead: %s %o", async (method, headers) => {
    const ahead = await ask(`/${address.search}`, headers, undefined, method);
    expect([ahead.status, ahead.headers["set-cookie"]]).toEqual([403, undefined]);
    expect((await opened()).cookie).not.toBe("");
  });

  it.each(["/", "/?token=", "/?token=wrong", "/?token[]=a&token[]=b"])("is whole, not %s", async (path) => {
    const { status, headers } = await ask(path);
    expect([status, headers["set-cookie"]]).toEqual([403, undefined]);
  });

  it("is of this machine alone", () => {
    expect(address.hostname).toBe("127.0.0.1");
  });
});

describe("a request", () => {
  it("without the cookie is refused, whatever it asks for", async () => {
    const { page } = await opened();
    for (const path of ["", "page.js", "api/setup", "api/canaries", "api/canaries/test/podinfo"])
      expect((await ask(page + path)).status, path).toBe(403);
    expect((await ask(page, { cookie: "kubectl-canary=wrong" })).status).toBe(403);
  });

  it("with it gets the page, its files and what it is about", async () => {
    const { page, cookie } = await opened();
    expect((await ask(page, { cookie })).text).toBe(assets.html);
    expect((await ask(`${page}page.js`, { cookie })).headers["content-type"]).toContain("text/javascript");
    expect(JSON.parse((await ask(`${page}api/setup`, { cookie })).text)).toMatchObject({ allowActions: false });
    expect((await ask(`${page}api/canaries`, { cookie })).text).toContain('data: {"all":[]');
  });

  it.each([
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1.evil.example:PORT",
    "127.0.0.1",
    "[::1]:PORT",
    "0.0.0.0:PORT",
  ])("to the name %s, which a page of another origin has rebound, is refused", async (name) => {
    const { page, cookie } = await opened();
    const host = name.replace("PORT", address.port);
    expect((await ask(page, { cookie, host })).status).toBe(403);
  });

  it("does not use the token up under a rebound name", async () => {
    expect((await ask(`/${address.search}`, { host: "evil.example" })).status).toBe(403);
    expect((await opened()).cookie).not.toBe("");
  });

  it.each([
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ])("of another origin is refused: %o", async (headers) => {
    const { page, cookie } = await opened();
    const { status, text } = await ask(`${page}api/setup`, { cookie, ...(headers as Headers) });
    expect([status, text]).toEqual([403, "This server answers to its own page only.\n"]);
  });

  it("gets the strict content policy with every answer, refusals too", async () => {
    const { page, cookie } = await opened();
    const answers = [await ask(page, { cookie }), await ask("/"), await ask("/nothing"), await ask(page)];
    for (const { headers } of answers) {
      expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(headers["content-security-policy"]).not.toMatch(/unsafe|\*|https?:/);
      expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
      expect(headers["x-powered-by"]).toBeUndefined();
    }
  });

  it("for what is no name of a Canary reaches no cluster", async () => {
    const { page, cookie } = await opened();
    for (const name of ["..%2F..%2Fsecrets", "A", "a%20b"])
      expect((await ask(`${page}api/canaries/test/${name}`, { cookie })).status).toBe(404);
  });
});

describe("a page that reads nothing", () => {
  it("loses its stream before what waits for it grows without bound", async () => {
    await listening.close();
    const feed = new Spout();
    await start(true, feed);
    const { page, cookie } = await opened();
    const socket = connect({ port: Number(address.port), host: "127.0.0.1" })
      .pause()
      .on("error", () => undefined);
    socket.write(`GET ${page}api/canaries HTTP/1.1\r\nHost: ${address.host}\r\nCookie: ${cookie}\r\n\r\n`);
    await feed.subscribed;
    const aMebibyte = { changed: [], gone: ["x".repeat(1 << 20)], away: null };
    for (let sent = 0; sent < 64 && feed.listener; sent++) {
      feed.listener(aMebibyte);
      await settled();
    }
    expect(feed.listener).toBeUndefined();
    socket.destroy();
  });
});

describe("a plan", () => {
  it("is refused in the words of the verb, and for what is no name", async () => {
    const { page, cookie } = await opened();
    const nowhere = await ask(`${page}api/plans/test/podinfo?rps=5`, { cookie });
    expect([nowhere.status, nowhere.text]).toEqual([409, expect.stringContaining('Namespace "test" does not exist.')]);
    expect((await ask(`${page}api/plans/test/..%2Fx`, { cookie })).status).toBe(404);
  });

  it.each([
    ["5", 5],
    ["0.5", 0.5],
    ["", undefined],
    ["-1", undefined],
    ["x", undefined],
    ["1e9", undefined],
  ])("at %s requests per second is at %s", (text, rate) => expect(rateIn(text)).toBe(rate));
});

describe("a command", () => {
  const command = { namespace: "test", name: "podinfo", verb: "rollback", run: "3" };
  const own = (): Headers => ({ origin: address.origin, "content-type": "application/json" });

  it("is refused where the dashboard is read-only", async () => {
    const { page, cookie } = await opened();
    const { status, text } = await ask(`${page}api/actions`, { cookie, ...own() }, command);
    expect([status, text]).toEqual([403, expect.stringContaining("--allow-actions")]);
    expect(cluster.calls).toEqual([]);
  });

  it.each([
    ["without an origin", { "content-type": "application/json" }, command, 403],
    ["as a form's text", { "content-type": "text/plain" }, command, 400],
    ["for another verb", {}, { ...command, verb: "undo" }, 400],
    ["for a name that is none", {}, { ...command, name: "../x" }, 400],
    ["without the run that was seen", {}, { ...command, run: undefined }, 400],
    ["with an endless reason", {}, { ...command, reason: "x".repeat(501) }, 400],
    ["that is no object", {}, null, 400],
    ["that is too long", {}, { ...command, reason: "x".repeat(9_000) }, 413],
  ])("%s is refused", async (what, headers, body, status) => {
    await listening.close();
    await start(true);
    const { page, cookie } = await opened();
    const sent = what === "without an origin" ? headers : { ...own(), ...headers };
    expect((await ask(`${page}api/actions`, { cookie, ...(sent as Headers) }, body)).status).toBe(status);
    expect(cluster.calls).toEqual([]);
  });

  it("says what the verb of the same name says where there is no such Canary", async () => {
    await listening.close();
    await start(true);
    const { page, cookie } = await opened();
    const { status, text } = await ask(`${page}api/actions`, { cookie, ...own() }, command);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({ accepted: false, message: 'Namespace "test" does not exist.' });
  });
});

describe("the port", () => {
  it("that is taken is refused with the flag to choose another", async () => {
    const before = listening;
    await expect(start(false).then(() => undefined)).resolves.toBeUndefined();
    const [session, recorder] = [aSession(), new Recorder()];
    const served = { session, assets, feed: new Feed(session.deps, scope, recorder), recorder };
    const setup = { where: "", allowActions: false };
    await expect(serve({ ...served, setup }, Number(address.port))).rejects.toThrow("choose another --port");
    await before.close();
  });
});
