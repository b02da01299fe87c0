// A request that turns its connection into something else (WebSocket): written on as it came, then joined byte by byte.
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Address } from "./original-destination.ts";
import { tunnel } from "./tunnel.ts";

/** `headers`: names and values in turn, Connection and Upgrade among them. `rest`: what came after the head. */
export function passUpgrade(
  request: IncomingMessage,
  client: Socket,
  to: { readonly target: Address; readonly headers: readonly string[]; readonly rest: Buffer },
): void {
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let i = 0; i + 1 < to.headers.length; i += 2) lines.push(`${to.headers[i]}: ${to.headers[i + 1]}`);
  tunnel(client, to.target, Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), to.rest]));
}
