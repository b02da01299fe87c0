import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { Connection } from "./connection.ts";

it("bounds the requests under way at once, and lets none of them hold up a Lease or a watch", async () => {
  const held: ServerResponse[] = [];
  let most = 0;
  let isFull: () => void = () => undefined;
  const full = new Promise<void>((resolve) => (isFull = resolve));
  const server = createServer((request, response) => {
    if (request.url !== "/slow") return void response.end("{}");
    held.push(response);
    most = Math.max(most, held.length);
    if (held.length === 64) isFull();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const kubeConfig = new KubeConfig();
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  kubeConfig.loadFromClusterAndUser({ name: "c", server: address, skipTLSVerify: true }, { name: "u" });
  const connection = new Connection(kubeConfig, { timers: systemClock, timeoutMs: 60_000 });
  const slow = Array.from({ length: 200 }, () => connection.json({ method: "GET", path: "/slow" }));
  await full;
  const lease = "/apis/coordination.k8s.io/v1/namespaces/n/leases/l";
  expect(await connection.json({ method: "GET", path: lease })).toEqual({});
  const watch = await connection.stream({ method: "GET", path: "/api/v1/pods?watch=1" });
  expect(watch.statusCode).toBe(200);
  watch.destroy();
  expect(most).toBe(64);
  const release = setInterval(() => held.splice(0).forEach((response) => response.end("{}")), 1);
  expect(await Promise.all(slow)).toHaveLength(200);
  clearInterval(release);
  expect(most).toBe(64);
  server.closeAllConnections();
  server.close();
});
