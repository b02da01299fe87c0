// The load generator: sends requests at a steady rate whatever the answers do, so that a slow or failing version shows
// as it would to users, and counts what comes back.
import { Agent, createServer, get, type IncomingHttpHeaders } from "node:http";
import { backendHeader } from "../mesh/settings.ts";
import { Tally, type Outcome } from "./counts.ts";
import { versionHeader } from "./faulty.ts";

export const controlPort = 8081;

const TICK_MS = 10;
const REPORT_MS = 10_000;
// More would only measure this program.
const MAX_IN_FLIGHT = 500;

export interface LoadSettings {
  readonly url: string;
  /** Paths and how many requests of a cycle go to each, such as `/ 9, /api/info 1`. */
  readonly paths: string;
  /** Requests per second. */
  readonly rate: number;
  /** A request without a whole answer after this time has failed. */
  readonly deadlineMs: number;
}

export function runLoad({ url, paths, rate, deadlineMs }: LoadSettings): void {
  const tally = new Tally(rate);
  const mix = new PathMix(paths);
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  const sendOne = async (): Promise<void> => {
    tally.inFlight += 1;
    const outcome = await send(new URL(mix.next(), url), agent, deadlineMs);
    tally.inFlight -= 1;
    tally.add(outcome, new Date());
  };
  sendSteadily(tally, () => void sendOne());
  controlServer(tally, mix).listen(controlPort);
  setInterval(() => process.stdout.write(`${JSON.stringify(tally.counts())}\n`), REPORT_MS);
  process.on("SIGTERM", () => process.exit(0));
}

function sendSteadily(tally: Tally, sendOne: () => void): void {
  let dueMs = performance.now();
  setInterval(() => {
    const now = performance.now();
    // What could not be sent in time is left out, not sent in a burst.
    dueMs = Math.max(dueMs, now - 1000);
    while (tally.rate > 0 && dueMs <= now) {
      dueMs += 1000 / tally.rate;
      if (tally.inFlight < MAX_IN_FLIGHT) sendOne();
    }
    if (tally.rate <= 0) dueMs = now;
  }, TICK_MS);
}

/** Goes through its paths in turn, each as often as it was asked for. */
export class PathMix {
  #cycle: string[] = [];
  #at = 0;

  constructor(paths: string) {
    this.set(paths);
  }

  set(paths: string): void {
    const parts = paths.split(",").map((each) => each.trim().split(/\s+/));
    const cycle = parts.flatMap(([path = "/", times = "1"]) => Array.from({ length: Number(times) || 0 }, () => path));
    this.#cycle = cycle.length > 0 ? cycle : ["/"];
    this.#at = 0;
  }

  next(): string {
    this.#at += 1;
    return this.#cycle[this.#at % this.#cycle.length] ?? "/";
  }
}

function send(url: URL, agent: Agent, deadlineMs: number): Promise<Outcome> {
  const startedMs = performance.now();
  return new Promise((done) => {
    let head: HeadSeen = {};
    const end = (rest: Partial<Outcome>): void => {
      clearTimeout(timer);
      done({ durationMs: performance.now() - startedMs, path: url.pathname, ...head, ...rest });
    };
    const fail = (error: NodeJS.ErrnoException): void =>
      end({ error: error.name === "TimeoutError" ? "deadline" : (error.code ?? error.message) });
    const request = get(url, { agent }, (response) => {
      head = headSeen(response.headers);
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", fail);
      response.on("end", () => {
        const grpcStatus = response.trailers["grpc-status"] ?? response.headers["grpc-status"];
        end({ status: response.statusCode ?? 0, body, ...(typeof grpcStatus === "string" ? { grpcStatus } : {}) });
      });
    });
    const timer = setTimeout(() => request.destroy(new DOMException("deadline", "TimeoutError")), deadlineMs);
    request.on("error", fail);
  });
}

type HeadSeen = Pick<Outcome, "version" | "backend" | "fromProxy">;

function headSeen(headers: IncomingHttpHeaders): HeadSeen {
  const one = (name: string): string | undefined => [headers[name]].flat()[0];
  const [version, backend] = [one(versionHeader), one(backendHeader)];
  return {
    fromProxy: headers["l5d-proxy-error"] !== undefined,
    ...(version === undefined ? {} : { version }),
    ...(backend === undefined ? {} : { backend }),
  };
}

/** GET /counts, POST /reset, POST /rate?rps=100, POST /paths?mix=/ 9, /api/info 1: each answers with the counts as they were before it. */
function controlServer(tally: Tally, mix: PathMix): ReturnType<typeof createServer> {
  return createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://load");
    const command = `${request.method} ${url.pathname}`;
    const counts = tally.counts();
    const rate = Number(url.searchParams.get("rps") ?? NaN);
    if (command === "POST /reset") tally.reset();
    else if (command === "POST /paths") mix.set(url.searchParams.get("mix") ?? "/");
    else if (command === "POST /rate" && rate >= 0) tally.rate = rate;
    else if (command !== "GET /counts" && command !== "GET /ready") {
      response
        .writeHead(400)
        .end("GET /counts, POST /reset, POST /rate?rps=<number> or POST /paths?mix=<path> <times>, ...\n");
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(`${JSON.stringify(counts, null, 2)}\n`);
  });
}
