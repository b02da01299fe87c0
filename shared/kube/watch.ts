/**
 * One watch request: newline-separated JSON events off the wire, with a limit on silence. It neither resumes nor
 * remembers; that is the reflector's work.
 */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { pause, type Timers } from "./clock.ts";
import { CanaryError, fromNetwork, fromStatus, type Asked } from "./errors.ts";

export interface WatchEvent<T> {
  /** A BOOKMARK's object holds nothing but `metadata.resourceVersion`. */
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  object: T;
}

export interface Stream {
  answer: Readable;
  asked: Asked;
  timers: Timers;
  /** How long nothing may come, bookmarks included, before `Silence` is thrown. */
  idleTimeoutMs: number;
  signal: AbortSignal;
}

/**
 * Yields events until the server ends the watch or the signal aborts. Throws `CanaryError`: `Gone` for an outdated
 * resourceVersion, `Silence`, `Unreachable` for a broken connection.
 */
export async function* events<T>(stream: Stream): AsyncGenerator<WatchEvent<T>> {
  const { answer, asked, signal } = stream;
  const silence = silenceOf(stream);
  try {
    for await (const line of linesOf(answer, silence)) {
      if (signal.aborted) return;
      yield parse<T>(line, asked);
      // Many large ones in a row would keep everything else of this process waiting.
      if (line.length > largeEvent) await pause(stream.timers, 0, signal);
      // Whoever takes long over an event is not the server being silent.
      silence.begin();
    }
  } catch (error) {
    if (signal.aborted) return;
    throw fromNetwork(asked, error);
  } finally {
    silence.over();
    answer.destroy();
  }
}

/** Characters; what is smaller comes by the dozen and takes less. */
const largeEvent = 32_768;

/** Nothing came for too long. The server's bookmarks are a habit, not a promise: the connection may still be alive. */
export class Silence extends CanaryError {
  constructor(asked: Asked, idleTimeoutMs: number) {
    super("Timeout", `The API server at ${asked.server} sent nothing on ${asked.what} for ${idleTimeoutMs} ms.`);
  }
}

interface SilenceTimer {
  /** Begins anew. */
  begin(): void;
  over(): void;
}

/** One timer at a time, which looks when it fires whether anything has come meanwhile: events may come by the thousand. */
function silenceOf({ answer, asked, timers, idleTimeoutMs }: Stream): SilenceTimer {
  let heardAt = timers.now();
  const check = (): void => {
    const left = heardAt + idleTimeoutMs - timers.now();
    if (left > 0) cancel = timers.after(left, check);
    else answer.destroy(new Silence(asked, idleTimeoutMs));
  };
  let cancel = timers.after(idleTimeoutMs, check);
  return { begin: () => void (heardAt = timers.now()), over: () => cancel() };
}

function parse<T>(line: string, asked: Asked): WatchEvent<T> {
  let event: { type: WatchEvent<T>["type"] | "ERROR"; object: T };
  try {
    event = JSON.parse(line) as typeof event;
  } catch (error) {
    throw new CanaryError("ServerError", `The API server at ${asked.server} sent a broken watch event.`, {
      cause: error,
    });
  }
  if (event.type === "ERROR") throw fromStatus(asked, event.object);
  return { type: event.type, object: event.object };
}

async function* linesOf(answer: Readable, silence: Pick<SilenceTimer, "begin">): AsyncGenerator<string> {
  const lines = new LineSplitter();
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    silence.begin();
    yield* lines.push(chunk);
  }
}

/** Cuts a byte stream into lines. Parts of a long line are joined once, when its end is seen. */
class LineSplitter {
  private readonly decoder = new StringDecoder("utf8");
  private parts: string[] = [];

  push(chunk: Buffer): string[] {
    const [head = "", ...rest] = this.decoder.write(chunk).split("\n");
    this.parts.push(head);
    const lines: string[] = [];
    for (const piece of rest) {
      lines.push(this.parts.join(""));
      this.parts = [piece];
    }
    return lines.filter((line) => line.trim() !== "");
  }
}
