/**
 * What one client may take of a port that anyone in the cluster can reach. The API server cannot be told from a pod: all its reviews
 * come from one address, with a connection each while they are under way, in a burst some hundreds of up to 3 MiB. So no address is
 * refused for what it asks alone. Bodies that do not fit wait unread, and the address that holds least goes first. Connections
 * cannot wait: when all are taken, the address that has most of them gives one up. A flood slows itself down, and leaves others a share.
 */
import type { Server, Socket } from "node:net";
import type { RequestHandler, Response } from "express";
import type { Timers } from "../shared/kube/clock.ts";

/** Open connections. An API server has some hundreds under way at most, and flooding pods leave it an equal share. */
export const connectionBound = 1_024;

export interface Bounds {
  perClient: number;
  total: number;
}

export interface BodyLimits extends Bounds {
  /** A body that does not tell its length counts as this. */
  largest: number;
  /** How long a request may wait for room. An API server has given up before. */
  waitMs: number;
  /** How long a body may take to arrive once there is room: what came slowly would keep room from others. */
  receiveMs: number;
}

/** Bytes of bodies that are being received or answered; a review of a Deployment is some 20 kB. */
export const bodyBounds: Bounds & Pick<BodyLimits, "waitMs" | "receiveMs"> = {
  perClient: 32 * 1024 * 1024,
  total: 64 * 1024 * 1024,
  waitMs: 10_000,
  receiveMs: 5_000,
};

interface Claim {
  client: string;
  amount: number;
  go: () => void;
}

/** Room that is given to clients as there is some. */
export class Budget {
  private readonly bounds: Bounds;
  private readonly taken = new Map<string, number>();
  /** In the order of arrival. */
  private readonly line = new Set<Claim>();
  private readonly granted = new Set<Claim>();
  private sum = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  /** Calls `go` when there is room, perhaps at once. Returns what gives the room back or leaves the line, which counts once. */
  take(client: string, amount: number, go: () => void): () => void {
    const claim: Claim = { client, amount: Math.min(amount, this.bounds.perClient, this.bounds.total), go };
    this.line.add(claim);
    this.serve();
    return () => {
      this.line.delete(claim);
      if (this.granted.delete(claim)) this.add(client, -claim.amount);
      this.serve();
    };
  }

  private serve(): void {
    for (let claim = this.next(); claim && this.sum + claim.amount <= this.bounds.total; claim = this.next()) {
      this.line.delete(claim);
      this.granted.add(claim);
      this.add(claim.client, claim.amount);
      claim.go();
    }
  }

  /** Whose client holds least, and has room in its share. It is waited for: smaller ones that went ahead could starve it. */
  private next(): Claim | undefined {
    let first: Claim | undefined;
    for (const claim of this.line) {
      const has = this.of(claim.client);
      if (has + claim.amount > this.bounds.perClient) continue;
      if (!first || has < this.of(first.client)) first = claim;
    }
    return first;
  }

  private of(client: string): number {
    return this.taken.get(client) ?? 0;
  }

  private add(client: string, amount: number): void {
    this.sum += amount;
    const now = this.of(client) + amount;
    if (now > 0) this.taken.set(client, now);
    else this.taken.delete(client);
  }
}

/** Goes before the body parser: no byte of a body is taken from its connection before there is room for the whole of it. */
export function limitBodies(limits: BodyLimits, timers: Timers): RequestHandler {
  const budget = new Budget(limits);
  const asking = new WeakSet<Socket>();
  return (request, response, next) => {
    const { socket } = request;
    // No API server sends a request before the last is answered, and whatever waits must cost a connection.
    if (asking.has(socket)) return void socket.destroy();
    asking.add(socket);
    let cancel = timers.after(limits.waitMs, () => tooMuch(response));
    const length = Number(request.headers["content-length"] ?? limits.largest);
    const leave = budget.take(socket.remoteAddress ?? "", Math.min(length, limits.largest) || 0, () => {
      cancel();
      cancel = timers.after(limits.receiveMs, () => void socket.destroy());
      request.once("end", () => cancel());
      next();
    });
    response.once("close", () => {
      cancel();
      asking.delete(socket);
      leave();
    });
  };
}

/** Above `total` the client that has most connections gives up its oldest; where that is the newcomer, it is closed before a byte is read. */
export function limitConnections<S extends Server>(server: S, total = connectionBound): S {
  const open = new Map<string, Set<Socket>>();
  let count = 0;
  const drop = (client: string, socket: Socket): void => {
    const own = open.get(client);
    if (own?.delete(socket)) count -= 1;
    if (own?.size === 0) open.delete(client);
  };
  server.on("connection", (socket: Socket) => {
    const client = socket.remoteAddress ?? "";
    const own = open.get(client) ?? new Set();
    if (count >= total) {
      const [loser, sockets] = [...open].reduce((most, one) => (one[1].size > most[1].size ? one : most));
      const [oldest] = sockets;
      if (!oldest || own.size + 1 >= sockets.size) return void socket.destroy();
      drop(loser, oldest);
      oldest.destroy();
    }
    open.set(client, own.add(socket));
    count += 1;
    socket.once("close", () => drop(client, socket));
  });
  return server;
}

// --- internal ---

function tooMuch(response: Response): void {
  const message = "too much is asked at once: try again";
  response.status(503).set({ "Retry-After": "1", Connection: "close" }).json({ message });
}
