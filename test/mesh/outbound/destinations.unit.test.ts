// The sidecar's side of the stream, against a real server on loopback: binding, restarts of the control plane, patience.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { unmet, waitFor } from "../../cluster/wait.ts";
import type { Destination, Endpoint } from "../policy/destination.ts";
import { destinationServer, type DestinationServer } from "../control/destination-server.ts";
import { Destinations, discovered } from "./destinations.ts";
import type { Entry, ProxyClock } from "./entry.ts";
import { promptClock, proxyClock } from "../settings.ts";

const address = { ip: "10.1.0.1", port: 80 };
const IDLE_MS = 50;

function service(split: boolean, endpoints: number): Destination {
  const found = Array.from({ length: endpoints }, () => ({ ip: "10.0.0.1", port: 1 }) as Endpoint);
  return {
    kind: "service",
    apex: "a",
    leaves: { a: { namespace: "test", name: "a", port: 80, exists: true, endpoints: found } },
    overrides: split ? [{ leaf: "a", weight: 1 }] : [],
    rules: [],
    policy: {},
  };
}

let current: Destination = service(false, 1);
const running: DestinationServer[] = [];
const opened: [Destinations, Entry][] = [];

afterEach(() => {
  for (const [destinations, entry] of opened.splice(0)) destinations.close(entry);
  for (const each of running.splice(0)) stop(each);
});

async function start(port = 0): Promise<DestinationServer & { readonly port: number }> {
  const started = destinationServer({ destinations: () => current }, () => true);
  running.push(started);
  started.server.listen(port, "127.0.0.1");
  await once(started.server, "listening");
  return { ...started, port: (started.server.address() as AddressInfo).port };
}

function stop({ server }: DestinationServer): void {
  server.close();
  server.closeAllConnections();
}

function open(destinations: Destinations): Entry {
  const entry = destinations.open(address);
  opened.push([destinations, entry]);
  return entry;
}

const until = (condition: () => boolean, what: string): Promise<true> =>
  waitFor(() => condition() || unmet("not yet"), 5000, what, 5);

const endpointsOf = (entry: Entry): number => entry.leaves()["a"]?.endpoints.length ?? -1;

it("a binding lasts while a connection is open, and is made anew after a pause", async () => {
  current = service(false, 1);
  const control = await start();
  const destinations = new Destinations(`127.0.0.1:${control.port}`, promptClock, IDLE_MS);
  const first = destinations.open(address);
  await discovered(first);
  current = service(true, 1);
  control.publish();
  await until(() => first.document?.kind === "service" && first.document.overrides.length === 1, "the split");
  expect(first.binding).toBe("policy");
  expect(destinations.open(address)).toBe(first);
  destinations.close(first);
  destinations.close(first);
  await until(() => [...destinations.entries].length === 0, "the entry to be given up");
  const second = open(destinations);
  await discovered(second);
  expect(second.binding).toBe("profile");
});

it("a binding outlives what it was made for: a proxy that followed a profile keeps to it when it is a husk", async () => {
  current = service(true, 1);
  const control = await start();
  const destinations = new Destinations(`127.0.0.1:${control.port}`, promptClock, IDLE_MS);
  const entry = open(destinations);
  await discovered(entry);
  current = service(false, 1);
  control.publish();
  await until(() => entry.document?.kind === "service" && entry.document.overrides.length === 0, "the husk");
  expect(entry.binding).toBe("profile");
  const later = open(new Destinations(`127.0.0.1:${control.port}`, promptClock, IDLE_MS));
  await discovered(later);
  expect(later.binding).toBe("policy");
});

it("with the control plane away the last state stays, and when it is back changes arrive again", async () => {
  current = service(false, 2);
  const control = await start();
  const entry = open(new Destinations(`127.0.0.1:${control.port}`, promptClock, IDLE_MS));
  await discovered(entry);
  stop(control);
  await once(control.server, "close");
  expect(endpointsOf(entry)).toBe(2);
  current = service(false, 3);
  await start(control.port);
  await until(() => endpointsOf(entry) === 3, "the new state");
  expect(entry.binding).toBe("policy");
});

it("requests wait for an endpoint for a short time: one that comes helps them, none fails them", async () => {
  current = service(false, 0);
  const control = await start();
  const entry = open(new Destinations(`127.0.0.1:${control.port}`, promptClock, IDLE_MS));
  await discovered(entry);
  const helped = entry.gotEndpoint("a");
  current = service(false, 1);
  control.publish();
  expect(await helped).toBe(true);
  current = service(false, 0);
  control.publish();
  await until(() => endpointsOf(entry) === 0, "the endpoint to go");
  expect(await entry.gotEndpoint("a")).toBe(false);
  expect(entry.failedFast("a")).toBe(true);
});

it("an endpoint that comes while a proxy does not listen is found late, and requests do not wait for it so long", async () => {
  const clock: ProxyClock = { ...proxyClock(1), initialMs: 20, firstBackoffMs: 1500, failFastMs: 60 };
  current = service(false, 0);
  const control = await start();
  const entry = open(new Destinations(`127.0.0.1:${control.port}`, clock, IDLE_MS));
  await discovered(entry);
  expect(await entry.gotEndpoint("a")).toBe(false);
  expect(entry.failedFast("a")).toBe(true);
  current = service(false, 1);
  control.publish();
  await until(() => JSON.stringify(entry.document).includes("10.0.0.1"), "the document");
  expect(endpointsOf(entry)).toBe(0);
  await until(() => endpointsOf(entry) === 1, "the proxy to listen again");
  expect(entry.failedFast("a")).toBe(false);
});
