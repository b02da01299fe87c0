/**
 * What one client may take of a port that anyone in the cluster can reach. Bounds are for each address and for all together: the
 * API server's own reviews are small and few beside them, and a pod that fills its share leaves the rest to others.
 */
import type { Server, Socket } from "node:net";

export interface Bounds {
  perClient: number;
  total: number;
}

/** Open connections. An API server keeps some dozens. */
export const connectionBounds: Bounds = { perClient: 256, total: 1_024 };

/** Bytes of bodies that are being received or answered; a review of a Deployment is some 20 kB. */
export const bodyBounds: Bounds = { perClient: 16 * 1024 * 1024, total: 64 * 1024 * 1024 };

/** Pure but for its own count. */
export class Budget {
  private readonly bounds: Bounds;
  private readonly taken = new Map<string, number>();
  private sum = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  /** A function that gives it back, which counts once; undefined where it would be too much. */
  take(client: string, amount: number): (() => void) | undefined {
    const has = this.taken.get(client) ?? 0;
    if (has + amount > this.bounds.perClient || this.sum + amount > this.bounds.total) return undefined;
    this.add(client, amount);
    let isHeld = true;
    return () => {
      if (isHeld) this.add(client, -amount);
      isHeld = false;
    };
  }

  private add(client: string, amount: number): void {
    this.sum += amount;
    const now = (this.taken.get(client) ?? 0) + amount;
    if (now > 0) this.taken.set(client, now);
    else this.taken.delete(client);
  }
}

/** Connections above the bounds are closed before a byte is read, TLS handshakes included. */
export function limitConnections<S extends Server>(server: S, bounds: Bounds = connectionBounds): S {
  const budget = new Budget(bounds);
  server.on("connection", (socket: Socket) => {
    const release = budget.take(socket.remoteAddress ?? "", 1);
    if (release) socket.once("close", release);
    else socket.destroy();
  });
  return server;
}
