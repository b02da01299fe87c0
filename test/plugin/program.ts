/** The plugin as a process of its own, which can be interrupted, given a terminal, and called from scripts. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { unmet, waitFor } from "../cluster/wait.ts";
import type { Ran } from "./plane.ts";

const main = fileURLToPath(new URL("../../plugin/main.ts", import.meta.url));
const command = `${process.execPath} ${main}`;

export interface Program {
  child: ChildProcess;
  out: () => string;
  err: () => string;
  /** Resolves when stdout, or stderr, has the text. */
  shows: (text: string) => Promise<unknown>;
  ended: Promise<Ran>;
  end: (signal: NodeJS.Signals) => Promise<Ran>;
}

export interface Programs {
  /** `terminal`: by the `script` of util-linux, which gives it one. */
  start: (args: string[], options?: { terminal?: boolean }) => Program;
  /** Runs a shell script in which `canary` is the plugin. */
  script: (text: string) => Program;
  /** Ends what a failed test has left. */
  stop: () => void;
}

export function programs(kubeconfig: () => string): Programs {
  const running = new Set<ChildProcess>();
  const run = (program: string, args: string[]): Program => {
    const env = { ...process.env, KUBECONFIG: kubeconfig(), LANG: "C.UTF-8", TERM: "xterm" };
    const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    running.add(child);
    child.once("close", () => running.delete(child));
    return observe(child, program === "script");
  };
  return {
    start: (args, { terminal = false } = {}) =>
      terminal
        ? run("script", ["-qfec", `stty cols 120 rows 50; exec ${command} ${args.join(" ")}`, "/dev/null"])
        : run(process.execPath, [main, ...args]),
    script: (text) => run("sh", ["-c", `canary() { ${command} "$@"; }\n${text}`]),
    stop: () => running.forEach((child) => child.kill("SIGKILL")),
  };
}

// --- internal ---

function observe(child: ChildProcess, isTerminal: boolean): Program {
  const written = { out: "", err: "" };
  child.stdout?.on("data", (chunk: Buffer) => (written.out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (written.err += chunk.toString()));
  const ended = once(child, "close").then(([code]) => ({ code: code as number, out: written.out, err: written.err }));
  const all = (): string => written.out + written.err;
  return {
    child,
    out: () => written.out,
    err: () => written.err,
    shows: (text) => waitFor(() => Promise.resolve(all().includes(text) || unmet(all())), 20_000, text, 20),
    ended,
    end: (signal) => {
      // A terminal's Ctrl-C is a character that it is sent.
      if (isTerminal && signal === "SIGINT") child.stdin?.write("\u0003");
      else child.kill(signal);
      return ended;
    },
  };
}
