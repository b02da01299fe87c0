// Lets one command at a time start or stop the cluster. The lock is an abstract socket, which the kernel releases when
// its holder ends in whatever way.
import { connect, createServer } from "node:net";

const ADDRESS = "\0kubectl-canary-cluster";

/** Waits for the lock, takes it, and returns the function that releases it. */
export async function takeLock(): Promise<() => void> {
  for (;;) {
    const release = await tryLock();
    if (release) return release;
    await holderGone();
  }
}

function tryLock(): Promise<(() => void) | undefined> {
  return new Promise((done, failed) => {
    // The connections of waiting commands stay open; they end with the holder.
    const server = createServer((waiting) => void waiting.on("error", () => undefined).unref());
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? done(undefined) : failed(error),
    );
    server.listen(ADDRESS, () => {
      server.unref();
      done(() => server.close());
    });
  });
}

function holderGone(): Promise<void> {
  return new Promise((done) => {
    const waiting = connect(ADDRESS);
    waiting.once("error", () => undefined);
    waiting.once("close", () => done());
  });
}
