/** The webhook's certificate, taken from a TLS server instead of the Secret. */
import { createServer, type Server } from "node:tls";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Session } from "../../cluster/session.ts";
import { servedCertificate } from "./handshake.ts";
import { issueAuthority, issueServing, type Issued } from "../../../webhook/certificates/issue.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

const year = { now: Date.now(), lifetimeMs: 31_536_000_000 };
const slice = (ready: boolean) => ({
  metadata: { namespace: "kubectl-canary" },
  addressType: "IPv4",
  ports: [{ port: 10_250 }],
  endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready }, targetRef: { kind: "Pod", name: "controller-1" } }],
});

let served: Issued;
let server: Server;

beforeAll(async () => {
  served = await issueServing(await issueAuthority("ours", year), ["a.b.svc"], year);
  server = createServer(served);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});
afterAll(() => void server.close());

it("is the one that the ready pod serves, whoever signed it", async () => {
  const asked: unknown[] = [];
  let closed = 0;
  const forward: Session["forward"] = (at) => {
    asked.push(at);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return Promise.resolve({ url, problem: () => undefined, close: () => void (closed += 1) });
  };
  const found = await servedCertificate([slice(true)], { forward, timers: systemClock });
  expect(found?.replaceAll(/\s/g, "")).toBe(served.cert.replaceAll(/\s/g, ""));
  expect({ asked, closed }).toEqual({
    asked: [{ namespace: "kubectl-canary", pod: "controller-1", port: 10_250 }],
    closed: 1,
  });
});

it("is not known where no pod is ready, or none answers", async () => {
  const nobody = () => Promise.resolve({ url: "http://127.0.0.1:1", problem: () => undefined, close: () => undefined });
  expect(await servedCertificate([slice(false)], { forward: nobody, timers: systemClock })).toBeUndefined();
  expect(await servedCertificate([slice(true)], { forward: nobody, timers: systemClock })).toBeUndefined();
});
