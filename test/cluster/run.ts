// Runs a command to its end and returns what it said.
import { execFile } from "node:child_process";

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 128 + signal number is reported as -1. */
  readonly code: number;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Kills the command after this time; none when absent. */
  readonly timeoutMs?: number;
}

/** Runs `file` with `args`; a failure is a code, not an exception, except when the command does not exist. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  return new Promise((done, failed) => {
    const settings = { env: options.env ?? process.env, maxBuffer: 1 << 28, timeout: options.timeoutMs ?? 0 };
    const child = execFile(file, [...args], settings, (error, stdout, stderr) => {
      if (error && (error as NodeJS.ErrnoException).code === "ENOENT") return failed(new Error(`${file} is missing.`));
      const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
      done({ stdout, stderr, code });
    });
    // A command that ends without reading its input is its own affair.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input ?? "");
  });
}

/** Like `run`, but throws with the command's own words when it fails; returns its standard output. */
export async function mustRun(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await run(file, args, options);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} failed (${code}): ${stderr.trim() || stdout.trim()}`);
  return stdout;
}
