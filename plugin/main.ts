/** Composition root of the plugin: real streams and clock; the only place that ends the process. */
import process from "node:process";
import { systemClock } from "../shared/kube/clock.ts";
import { runCli } from "./cli/cli.ts";
import { exitCode, type Io } from "./context.ts";
import { openSession } from "./cluster/session.ts";

const { stdout, stderr, env } = process;
const io: Io = { stdout, stderr, env, now: () => systemClock.wall(), timers: systemClock };
const interrupt = new AbortController();

/** A command that waits says how it ended before the process does; one that does not is given no time. */
function endOn(signal: NodeJS.Signals, code: number): void {
  process.once(signal, () => {
    interrupt.abort();
    systemClock.after(100, () => process.exit(code));
  });
}

endOn("SIGINT", exitCode.interrupted);
endOn("SIGTERM", 143);
endOn("SIGHUP", 129);
// The reader of a pipe went away, as `head` does: nothing is left to be said.
stdout.on("error", () => process.exit(exitCode.ok));

// No `await`: the bundle is a CommonJS module, which has none at its top.
void runCli(process.argv.slice(2), io, (flags) => openSession(flags, io, interrupt.signal)).then((code) =>
  process.exit(code),
);
