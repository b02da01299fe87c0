/** A receiver of alerts: a real HTTP server that notes what it got, and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Schema } from "./schemas.ts";

export interface Letter {
  /** When it was whole, ms. */
  at: number;
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface Receiver {
  /** `http://HOST:PORT`. */
  address: string;
  got: Letter[];
  /** What was wrong with what came, by `schema`. */
  faults: string[];
  /** Resolves when so many have come. */
  arrived(count: number): Promise<Letter[]>;
  close(): Promise<void>;
}

export type Answer = (response: ServerResponse, count: number) => void;

interface Options {
  /** Answers 400 to what it has a fault with. */
  schema?: Schema;
  /** 200 unless given; told how many have come. */
  answer?: Answer;
  /** Of this machine; loopback unless given. */
  host?: string;
}

export async function aReceiver({ schema, answer = ok, host = "127.0.0.1" }: Options = {}): Promise<Receiver> {
  const got: Letter[] = [];
  const faults: string[] = [];
  const waiting: { count: number; go: () => void }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { url: path = "", headers } = request;
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
      const found = schema?.(body, "body") ?? [];
      got.push({ at: Date.now(), path, headers, body });
      faults.push(...found);
      if (found.length > 0) response.writeHead(400).end();
      else answer(response, got.length);
      for (const { count, go } of waiting) if (got.length >= count) go();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    address: `http://${host}:${(server.address() as AddressInfo).port}`,
    got,
    faults,
    arrived: (count) =>
      new Promise((resolve) => {
        if (got.length >= count) resolve(got);
        else waiting.push({ count, go: () => resolve(got) });
      }),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}

export const answering =
  (status: number, body = ""): Answer =>
  (response) =>
    void response.writeHead(status).end(body);

// --- internal ---

function ok(response: ServerResponse): void {
  response.end("ok");
}
