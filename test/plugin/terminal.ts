/** Streams that remember what was written to them, in place of a terminal or a pipe. */
import type { Env, Io, Output } from "../../plugin/context.ts";
import { now } from "./seen.ts";

export interface Terminal extends Io {
  out: () => string;
  err: () => string;
}

/** Off a terminal unless `columns` are given. */
export function aTerminal(options: { env?: Env; columns?: number; rows?: number; now?: () => number } = {}): Terminal {
  const written = { out: "", err: "" };
  const stream = (key: keyof typeof written): Output => ({
    write: (text) => (written[key] += text),
    ...(options.columns === undefined ? {} : { isTTY: true, columns: options.columns, rows: options.rows ?? 60 }),
  });
  return {
    stdout: stream("out"),
    stderr: stream("err"),
    env: options.env ?? {},
    now: options.now ?? (() => now),
    out: () => written.out,
    err: () => written.err,
  };
}
