import * as http from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { Budget, limitConnections } from "./limits.ts";

describe("a budget", () => {
  it("is each client's own, and everyone's together", () => {
    const budget = new Budget({ perClient: 10, total: 25 });
    expect(budget.take("a", 11)).toBeUndefined();
    const first = budget.take("a", 10);
    expect(budget.take("a", 1)).toBeUndefined();
    expect(budget.take("b", 10)).toBeDefined();
    expect(budget.take("c", 6)).toBeUndefined();
    first?.();
    expect(budget.take("c", 6)).toBeDefined();
  });

  it("takes back once what is given back twice", () => {
    const budget = new Budget({ perClient: 10, total: 10 });
    const release = budget.take("a", 6);
    const other = budget.take("a", 4);
    release?.();
    release?.();
    expect(budget.take("a", 7)).toBeUndefined();
    expect(budget.take("a", 6)).toBeDefined();
    other?.();
  });
});

describe("connections above the bounds", () => {
  it("are closed, and make room when others end", async () => {
    const server = limitConnections(http.createServer(), { perClient: 2, total: 2 });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const open = async (): Promise<Socket> => {
      const accepted = once(server, "connection");
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => socket.destroy());
      await accepted;
      return socket;
    };
    const [first, second] = [await open(), await open()];
    const third = await open();
    await once(third, "close");
    expect([first.destroyed, second.destroyed]).toEqual([false, false]);
    const left = new Promise<void>((resolve) => {
      const look = (): void => {
        server.getConnections((_, count) => (count === 1 ? resolve() : void setImmediate(look)));
      };
      first.destroy();
      look();
    });
    await left;
    const fourth = await open();
    fourth.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    server.on("request", (_request, response: http.ServerResponse) => response.end("ok"));
    await once(fourth, "data");
    for (const socket of [second, fourth]) socket.destroy();
    server.close();
  });
});
