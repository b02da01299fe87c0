// A door in front of a real Prometheus that counts what passes and can fail in the ways networks and proxies do.
import { createServer, type IncomingMessage, request as forward, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Behaviour = (request: IncomingMessage, response: ServerResponse, upstream: string) => void;

export interface Door {
  url: string;
  behave(behaviour: Behaviour): void;
  /** Queries since it was last read. */
  takeCount(): number;
  close(): Promise<void>;
}

export async function openDoor(upstream: string): Promise<Door> {
  let count = 0;
  let behaviour: Behaviour = pass;
  const server = createServer((request, response) => {
    count += 1;
    behaviour(request, response, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behave: (next) => (behaviour = next),
    takeCount() {
      const taken = count;
      count = 0;
      return taken;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const pass: Behaviour = (request, response, upstream) => {
  const { method, headers, url = "/" } = request;
  const onward = forward(new URL(url, upstream), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
};

export const answer =
  (status: number, body: string, headers: Record<string, string> = {}): Behaviour =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);

export const hang: Behaviour = () => undefined;

/** Begins a good answer and then closes the connection. */
export const half: Behaviour = (_request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
  response.write('{"status":"success","data":{"resultType":"vector","result":[', () => response.destroy());
};

/** Half of the text, properly ended, as a proxy with a broken buffer gives it. */
export const cutOff = answer(200, '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"val');

export const endless: Behaviour = (_request, response) => {
  const chunk = "x".repeat(65_536);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
};
