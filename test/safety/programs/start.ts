/** Runs a program of this folder as a process of its own, until it is told to end or its caller does. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { join } from "node:path";

export interface Program<T> {
  /** What it says first. Rejects where it ends without a word. */
  said: Promise<T>;
  /** Its answer to a word that it waits for. */
  ask: <A>() => Promise<A>;
  end: () => Promise<void>;
}

/** `priority`: of those of `node:os`; its caller's where it is left out. */
export function startProgram<T>(
  name: string,
  args: readonly string[],
  { priority }: { priority?: number } = {},
): Program<T> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, { serialization: "advanced" });
  if (priority !== undefined && child.pid !== undefined) setPriority(child.pid, priority);
  const ask = <A>(): Promise<A> => {
    if (!child.connected) throw new Error(`${name} has ended`);
    child.send("");
    return nextWord<A>(child, name);
  };
  return { said: nextWord<T>(child, name), ask, end: () => end(child) };
}

// --- internal ---

async function nextWord<T>(child: ChildProcess, name: string): Promise<T> {
  // Its exit may be known before its last word has come; the end of the channel comes after every word.
  const gone = once(child, "disconnect").then(() => {
    throw new Error(`${name} ended and said nothing`);
  });
  const [said] = (await Promise.race([once(child, "message"), gone])) as [T];
  gone.catch(() => undefined);
  return said;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
