import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { connect } from "./cluster.ts";
import { resource } from "./resources.ts";

/** Answers with this many objects of a megabyte after as many small ones, page by page as it is asked. */
async function anApiServer(
  count: number,
): Promise<{ cluster: ReturnType<typeof connect>; limits: number[]; stop: () => void }> {
  const limits: number[] = [];
  const large = "x".repeat(1_000_000);
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://localhost").searchParams;
    const [limit, from] = [Number(query.get("limit")), Number(query.get("continue"))];
    limits.push(limit);
    const end = Math.min(from + limit, 2 * count);
    const items = Array.from({ length: end - from }, (_, n) => ({
      metadata: { name: `config-${from + n}` },
      data: { text: from + n < count ? "" : large },
    }));
    const metadata = { resourceVersion: "1", ...(end < 2 * count ? { continue: String(end) } : {}) };
    response.end(JSON.stringify({ metadata, items }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const kubeConfig = new KubeConfig();
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  kubeConfig.loadFromClusterAndUser({ name: "c", server: address, skipTLSVerify: true }, { name: "u" });
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { cluster: connect(kubeConfig, { timers: systemClock, timeoutMs: 60_000 }), limits, stop };
}

it("asks for fewer objects where they are large, and reads each once", async () => {
  const { cluster, limits, stop } = await anApiServer(40);
  const names: string[] = [];
  let most = 0;
  for await (const { items } of cluster.pages<{ metadata: { name: string } }>(resource.configMaps)) {
    names.push(...items.map(({ metadata }) => metadata.name));
    most = Math.max(most, JSON.stringify(items).length);
  }
  stop();
  expect(names).toEqual(Array.from({ length: 80 }, (_, n) => `config-${n}`));
  expect(most).toBeLessThan(8 * 1_024 * 1_024);
  expect(limits[0]).toBe(500);
  expect(limits.length).toBeLessThan(30);
});
