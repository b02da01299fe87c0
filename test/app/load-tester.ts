// The protocol of Flagger's load tester, as far as its Linkerd manifests use it: tasks and gates. It does itself what `hey`, `curl` and
// `grpc_health_probe` would: their command lines say what to ask, how often and for how long.
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:http2";

export const loadTesterPort = 8080;

interface Payload {
  name: string;
  namespace: string;
  metadata?: Record<string, string>;
}

type Handler = (payload: Payload) => number | Promise<number>;

export function runLoadTester(port = loadTesterPort): void {
  const tester = new LoadTester();
  const server = createServer((asked, response) => void answer(tester, asked, response));
  server.listen(port);
  process.on("SIGTERM", () => process.exit(0));
}

/** Answers with the codes of Flagger's: 202 for what runs on, 200 and 500 for what was waited for, 403 for a gate that is closed. */
export class LoadTester {
  readonly #open = new Set<string>();
  readonly #running = new Set<string>();

  readonly #paths: Record<string, Handler> = {
    "/": (payload) => this.#task(payload),
    "/gate/approve": () => 200,
    "/gate/halt": () => 403,
    "/gate/check": (payload) => (this.#open.has(gateOf(payload)) ? 200 : 403),
    "/gate/open": (payload) => (this.#open.add(gateOf(payload)), 202),
    "/gate/close": (payload) => (this.#open.delete(gateOf(payload)), 202),
    "/rollback/check": (payload) => (this.#open.has(`rollback ${gateOf(payload)}`) ? 200 : 403),
    "/rollback/open": (payload) => (this.#open.add(`rollback ${gateOf(payload)}`), 202),
    "/rollback/close": (payload) => (this.#open.delete(`rollback ${gateOf(payload)}`), 202),
  };

  async handle(path: string, payload: Payload): Promise<number> {
    return (await this.#paths[path]?.(payload)) ?? 404;
  }

  #task({ name, namespace, metadata }: Payload): number | Promise<number> {
    const command = metadata?.["cmd"];
    if (command === undefined) return 400;
    if (metadata?.["type"] === "bash") return passes(command).then((passed) => (passed ? 200 : 500));
    const key = `${name}.${namespace} ${command}`;
    if (this.#running.has(key)) return 202;
    this.#running.add(key);
    void load(command).finally(() => this.#running.delete(key));
    return 202;
  }
}

const gateOf = ({ name, namespace }: Payload): string => `${name}.${namespace}`;

async function answer(tester: LoadTester, asked: IncomingMessage, response: ServerResponse): Promise<void> {
  let text = "";
  for await (const part of asked) text += String(part);
  if (asked.method === "GET") return void response.end("ok\n");
  try {
    const code = await tester.handle(asked.url ?? "/", JSON.parse(text) as Payload);
    response.writeHead(code).end();
  } catch {
    response.writeHead(400).end();
  }
}

/** `hey -z 2m -q 10 -c 2 URL`: each of c workers sends q requests a second for that time. */
async function load(command: string): Promise<void> {
  const number = (flag: string, otherwise: number): number =>
    Number(new RegExp(`-${flag} (\\d+)`).exec(command)?.[1] ?? otherwise);
  const [, amount = "10", unit = "s"] = /-z (\d+)(s|m)/.exec(command) ?? [];
  const until = performance.now() + Number(amount) * (unit === "m" ? 60_000 : 1_000);
  const url = urlIn(command);
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      await Promise.all([send(url, "GET", ""), new Promise((resolve) => setTimeout(resolve, 1_000 / number("q", 10)))]);
    }
  };
  await Promise.all(Array.from({ length: number("c", 1) }, worker));
}

/**
 * `curl -sd 'test' URL | grep token`: the answer is 2xx, and has the word in it. `grpc_health_probe -addr=HOST:PORT`: what is there says
 * that it serves.
 */
async function passes(command: string): Promise<boolean> {
  const address = /^grpc_health_probe .*-addr=(\S+)/.exec(command)?.[1];
  if (address !== undefined) return isServing(address);
  const data = / -s?d '([^']*)'/.exec(command)?.[1];
  const { code, text } = await send(urlIn(command), data === undefined ? "GET" : "POST", data ?? "");
  return code >= 200 && code < 300 && text.includes(/grep (\S+)/.exec(command)?.[1] ?? "");
}

const urlIn = (command: string): URL => new URL(/https?:\/\/\S+/.exec(command)?.[0] ?? "");

function send(url: URL, method: string, body: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const sent = request(url, { method, timeout: 5_000 }, (answered) => {
      let text = "";
      answered.on("data", (part: Buffer) => (text += part.toString()));
      answered.on("end", () => resolve({ code: answered.statusCode ?? 0, text }));
      answered.on("error", () => resolve({ code: 0, text: "" }));
    });
    sent.on("timeout", () => sent.destroy());
    sent.on("error", () => resolve({ code: 0, text: "" }));
    sent.end(body);
  });
}

/** An empty HealthCheckRequest is for the server as a whole; SERVING is `08 01`, behind the five bytes before each message. */
function isServing(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connect(`http://${address}`);
    session.on("error", () => resolve(false));
    session.setTimeout(5_000, () => session.destroy());
    const headers = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };
    const call = session.request({ ":path": "/grpc.health.v1.Health/Check", ...headers });
    let answer = Buffer.alloc(0);
    call.on("data", (part: Buffer) => (answer = Buffer.concat([answer, part])));
    call.on("error", () => resolve(false));
    call.on("close", () => {
      session.close();
      resolve(answer.subarray(5).equals(Buffer.from([8, 1])));
    });
    call.end(Buffer.alloc(5));
  });
}
