import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../../shared/kube/clock.ts";
import { createPrometheus } from "../../../shared/prometheus.ts";
import { aRequest } from "../../../test/evidence-requests.ts";
import type { EvidenceDeps } from "../types.ts";
import { CustomClients } from "./custom-metrics.ts";

let server: Server | undefined;
afterEach(end);

function end(): void {
  server?.close();
  server?.closeAllConnections();
  server = undefined;
}

/** Leaves unanswered what is to hang. */
async function aPrometheus(): Promise<string> {
  const none = JSON.stringify({ status: "success", data: { resultType: "vector", result: [] } });
  server = createServer((request, response) => {
    if (!request.url?.includes("hang")) response.end(none);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("one namespace's queries that hang hold up no other's, though all ask the same server", async () => {
  const address = await aPrometheus();
  const customs = new CustomClients({
    prometheus: (at: { address: string }) => createPrometheus({ ...at, timers: systemClock, timeoutMs: 30_000 }),
    timers: systemClock,
  } as unknown as EvidenceDeps);
  const of = (name: string, namespace: string) => aRequest({ name, namespace });
  const hanging = ["a", "b", "c", "d"].flatMap((name) =>
    [1, 2, 3, 4].map((n) => customs.ask(of(name, "mallory"), { address }, `hang_${n}`).catch(() => "over")),
  );
  expect(await customs.ask(of("shop", "test"), { address }, "up")).toEqual([]);
  end();
  await Promise.all(hanging);
});

it("of an answer that is to be one number, no more is read than a few series", async () => {
  const asked: (number | undefined)[] = [];
  const customs = new CustomClients({
    prometheus: (_: unknown, maxBytes?: number) => {
      asked.push(maxBytes);
      return { query: () => Promise.resolve([]) };
    },
    timers: systemClock,
  } as unknown as EvidenceDeps);
  await customs.ask(aRequest(), { address: "http://prometheus" }, "up");
  expect(asked).toEqual([200_000]);
});
