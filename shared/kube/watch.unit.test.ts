import { Readable } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { events, type WatchEvent } from "./watch.ts";
import { systemClock } from "./clock.ts";

const asked = { server: "https://api.example", what: "GET /api/v1/pods" };
const signal = new AbortController().signal;
const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

async function read(chunks: readonly Buffer[]): Promise<WatchEvent<unknown>[]> {
  const seen: WatchEvent<unknown>[] = [];
  const stream = {
    answer: Readable.from(chunks, { objectMode: false }),
    asked,
    timers: systemClock,
    idleTimeoutMs: 10_000,
    signal,
  };
  for await (const event of events(stream)) seen.push(event);
  return seen;
}

describe("a watch's answer", () => {
  it("is read the same however its bytes are cut, in the middle of a character too", async () => {
    const objects = [{ name: "späť 🐤" }, { name: "x".repeat(500) }, {}];
    const bytes = Buffer.from(objects.map((object) => line("MODIFIED", object)).join(""));
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const at = [0, ...places.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect((await read(chunks)).map(({ object }) => object)).toEqual(objects);
      }),
      { numRuns: 50 },
    );
  });

  it("ends in an error with the server's words when it holds one", async () => {
    const gone = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version: 1 (5)" };
    await expect(read([Buffer.from(line("ADDED", {}) + line("ERROR", gone))])).rejects.toMatchObject({
      code: "Gone",
      message: "too old resource version: 1 (5)",
    });
  });

  it("gives no half event where the connection ends in the middle of one", async () => {
    expect(await read([Buffer.from(`${line("ADDED", { a: 1 })}{"type":"MOD`)])).toHaveLength(1);
  });

  it("is refused where it is not JSON", async () => {
    await expect(read([Buffer.from("<html>\n")])).rejects.toMatchObject({ code: "ServerError" });
  });
});
