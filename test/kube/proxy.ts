/** A TCP proxy on loopback that misbehaves on demand: it cuts, refuses or swallows what goes through it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";

export class Proxy {
  private readonly server: Server;
  private readonly target: { port: number; host: string };
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private mode: "forward" | "refuse" | "swallow" = "forward";
  /** Connections taken so far. */
  accepted = 0;

  private constructor(target: { port: number; host: string }) {
    this.target = target;
    this.server = createServer((client) => this.take(client));
  }

  /** `address` is where both ends listen; pods cannot reach loopback. */
  static async start(targetPort: number, address = "127.0.0.1"): Promise<Proxy> {
    const proxy = new Proxy({ port: targetPort, host: address });
    proxy.server.listen(0, address);
    await once(proxy.server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Breaks every connection, as a restarted load balancer does. New ones are served. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  /** Cuts, and takes no new connection until `forward`. */
  refuse(): void {
    this.mode = "refuse";
    this.cut();
  }

  /** Keeps connections open and delivers nothing, as a dead peer behind a firewall does. */
  swallow(): void {
    this.mode = "swallow";
  }

  forward(): void {
    this.mode = "forward";
  }

  async stop(): Promise<void> {
    this.server.close();
    this.cut();
    await once(this.server, "close");
  }

  private take(client: Socket): void {
    this.accepted += 1;
    if (this.mode === "refuse") {
      client.destroy();
      return;
    }
    const target = connect(this.target.port, this.target.host);
    const pair = [client, target] as const;
    this.pairs.add(pair);
    this.join(client, target, pair);
    this.join(target, client, pair);
  }

  private join(from: Socket, to: Socket, pair: readonly [Socket, Socket]): void {
    from.on("data", (bytes) => {
      if (this.mode !== "swallow") to.write(bytes);
    });
    // What broke one side is told to the other by closing it.
    from.on("error", () => to.destroy());
    from.on("close", () => {
      to.destroy();
      this.pairs.delete(pair);
    });
  }
}
