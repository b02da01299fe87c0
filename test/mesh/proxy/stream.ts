// Follows one of the control plane's streams: a JSON document per line, now and after each change. When the control
// plane is away, what was heard last goes on.
import { get, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { SIGN_OF_LIFE_MS } from "../control/destination-server.ts";
import { linesOf } from "./lines.ts";

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 500;

/** Calls `heard` with each document of `http://<control>/<topic>/<key>` until `signal` says that it is over. */
export async function follow<T>(url: string, signal: AbortSignal, heard: (document: T) => void): Promise<void> {
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    let documents = 0;
    const read = async (): Promise<void> => {
      for await (const line of linesOf(await open(url, signal))) {
        if (!line) continue;
        documents += 1;
        heard(JSON.parse(line) as T);
      }
    };
    await read().catch((error: unknown) => {
      if (!signal.aborted) process.stderr.write(`The control plane is away: ${String(error)}\n`);
    });
    retryMs = documents > 0 ? FIRST_RETRY_MS : Math.min(retryMs * 2, LAST_RETRY_MS);
    await delay(retryMs);
  }
}

async function open(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((done, failed) => {
    const request = get(url, { agent: false, signal }, done);
    request.on("error", failed);
    request.setTimeout(SIGN_OF_LIFE_MS * 3, () => request.destroy(new Error("no sign of life")));
  });
  if (response.statusCode !== 200) throw new Error(`${url} answers ${response.statusCode}`);
  return response;
}
