// The load generator: sends requests at a steady rate whatever the answers do, so that a slow or failing version shows
// as it would to users, and counts what comes back.
import { Agent, createServer, get } from "node:http";
import { Tally, type Outcome } from "./counts.ts";

export const controlPort = 8081;

const TICK_MS = 10;
const REPORT_MS = 10_000;
// More would only measure this program.
const MAX_IN_FLIGHT = 500;

export interface LoadSettings {
  readonly url: string;
  /** Requests per second. */
  readonly rate: number;
  /** A request without a whole answer after this time has failed. */
  readonly deadlineMs: number;
}

export function runLoad({ url, rate, deadlineMs }: LoadSettings): void {
  const tally = new Tally(rate);
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  const sendOne = async (): Promise<void> => {
    tally.inFlight += 1;
    const outcome = await send(url, agent, deadlineMs);
    tally.inFlight -= 1;
    tally.add(outcome, new Date());
  };
  sendSteadily(tally, () => void sendOne());
  controlServer(tally).listen(controlPort);
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

function send(url: string, agent: Agent, deadlineMs: number): Promise<Outcome> {
  const startedMs = performance.now();
  const durationMs = (): number => performance.now() - startedMs;
  return new Promise((done) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      done({
        durationMs: durationMs(),
        error: error.name === "TimeoutError" ? "deadline" : (error.code ?? error.message),
      });
    const request = get(url, { agent }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", fail);
      response.on("end", () => {
        clearTimeout(timer);
        const fromProxy = response.headers["l5d-proxy-error"] !== undefined;
        done({ durationMs: durationMs(), status: response.statusCode ?? 0, body, fromProxy });
      });
    });
    const timer = setTimeout(() => request.destroy(new DOMException("deadline", "TimeoutError")), deadlineMs);
    request.on("error", (error) => {
      clearTimeout(timer);
      fail(error);
    });
  });
}

/** GET /counts, POST /reset, POST /rate?rps=100: each answers with the counts as they were before it. */
function controlServer(tally: Tally): ReturnType<typeof createServer> {
  return createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://load");
    const command = `${request.method} ${url.pathname}`;
    const counts = tally.counts();
    const rate = Number(url.searchParams.get("rps") ?? NaN);
    if (command === "POST /reset") tally.reset();
    else if (command === "POST /rate" && rate >= 0) tally.rate = rate;
    else if (command !== "GET /counts" && command !== "GET /ready") {
      response.writeHead(400).end("GET /counts, POST /reset or POST /rate?rps=<number>\n");
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(`${JSON.stringify(counts, null, 2)}\n`);
  });
}
