// The protocol of Flagger's load tester, as far as its Linkerd manifests use it: tasks and gates. `hey` and `curl` are what it runs, and
// it runs them itself: their command lines say what to ask, how often and for how long.
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";

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

/** `curl -sd 'test' URL | grep token`: the answer is 2xx, and has the word in it. */
async function passes(command: string): Promise<boolean> {
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
