// Tells HTTP/1 from everything else by a connection's first bytes, as linkerd-proxy does: what is not HTTP/1 (TLS,
// HTTP/2, any other protocol) passes through untouched, to where the client meant it.
import type { Socket } from "node:net";

const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"].map((name) => `${name} `);

/** "more" while the bytes could still become the start of a request. */
export function looksLikeHttp(bytes: string): "http" | "other" | "more" {
  if (methods.some((method) => bytes.startsWith(method))) return "http";
  return methods.some((method) => method.startsWith(bytes)) ? "more" : "other";
}

// A server that speaks first (MySQL, SMTP) leaves its client silent: after this time it is taken for such a one.
const SILENCE_MS = 1000;
const LONGEST_METHOD = 8;

/** Looks without consuming: afterwards the socket yields its bytes from the first one on. */
export function detect(socket: Socket, done: (protocol: "http" | "other") => void): void {
  let seen = Buffer.alloc(0);
  const finish = (protocol: "http" | "other"): void => {
    clearTimeout(timer);
    socket.off("data", look);
    socket.off("end", giveUp);
    socket.off("close", stop);
    socket.pause();
    if (seen.length > 0) socket.unshift(seen);
    done(protocol);
  };
  const look = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const verdict = looksLikeHttp(seen.toString("latin1", 0, LONGEST_METHOD));
    if (verdict !== "more") finish(verdict);
  };
  const stop = (): void => clearTimeout(timer);
  // Opened and closed without a word, as a TCP probe does.
  const giveUp = (): void => void socket.destroy();
  const timer = setTimeout(() => finish("other"), SILENCE_MS);
  socket.on("data", look);
  socket.on("end", giveUp);
  socket.on("close", stop);
}
