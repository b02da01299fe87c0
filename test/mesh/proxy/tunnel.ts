// Joins two connections byte by byte: for everything that is not an HTTP/1 request.
import { connect, type Socket } from "node:net";
import type { Address } from "./original-destination.ts";

/** Connects `client` to `target`; `first` is written before anything of the client's. */
export function tunnel(client: Socket, target: Address, first?: Buffer): void {
  const server = connect({ host: target.ip, port: target.port, allowHalfOpen: true, noDelay: true });
  if (first) server.write(first);
  client.pipe(server);
  server.pipe(client);
  server.on("error", () => client.destroy());
  client.on("error", () => server.destroy());
  client.on("close", () => server.destroy());
  server.on("close", () => client.destroy());
}
