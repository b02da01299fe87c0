// A canary's Service that was empty for a while: over an HTTPRoute that names it all along its endpoints are found late, and its
// share fails meanwhile. Linkerd's clock runs ten times faster here.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Counts } from "../../app/counts.ts";
import { total } from "../../mesh/series/exposition.ts";
import { apply, httpRoute, trafficSplit } from "../../mesh/tests/leaves.ts";
import { Place } from "../../mesh/tests/place.ts";
import { clockAnnotation } from "../../mesh/settings.ts";

const namespace = "mesh-discovery";
const RATE = 50;
/** At 50 requests/s: time for the back-off to grow to 3.2 s, of which the proxy then listens for 0.3. */
const REST = 500;
const TRIES = 6;
let place: Place;

beforeAll(async () => {
  place = await Place.open(namespace, { rate: RATE, annotations: { [clockAnnotation]: "10" } });
});

afterAll(() => place.close());

beforeEach(() => place.kube("delete", "httproute,trafficsplit", "--all", "--ignore-not-found"));

async function scaleCanary(replicas: number): Promise<void> {
  await place.kube("scale", "deployment/podinfo-canary", `--replicas=${replicas}`);
  await place.rolledOut("podinfo-canary");
}

/** Endpoints of the canary that the load generator's proxy knows. */
async function known(): Promise<number> {
  const labels = { backend_name: "podinfo-canary", endpoint_state: "ready" };
  return total(await place.scrape("load"), "outbound_http_balancer_endpoints", labels);
}

/** Lets users go on for a while without a canary, starts its pod, and gives it weight; what users then got. */
async function firstWeight(give: () => Promise<void>): Promise<Counts> {
  await scaleCanary(0);
  await (await place.load()).gather(REST);
  await scaleCanary(1);
  const load = await place.load();
  await load.reset();
  await give();
  return load.until(REST);
}

it("named by a route with weight 0 all along, its first share fails with 504 while it is sought, then goes to stable", async () => {
  let counts: Counts | undefined;
  // A pod that comes just when the proxy listens is found at once, and then the stream stays open: only a new proxy tries again.
  for (let at = 0; at < TRIES && !((counts?.byStatus["504"] ?? 0) > 0); at += 1) {
    await scaleCanary(0);
    await apply([httpRoute(namespace, [100, 0])]);
    await place.restart("load");
    counts = await firstWeight(() => apply([httpRoute(namespace, [50, 50])]));
  }
  expect(counts?.byStatus["504"]).toBeGreaterThan(0);
  expect(counts?.failed).toBe(counts?.byStatus["504"]);
  expect(counts?.failedByBackend).toEqual({ "podinfo-canary": counts?.failed });
  const failFast = { error: "FAIL_FAST" };
  const samples = await place.scrape("load");
  expect(total(samples, "outbound_http_route_request_statuses_total", failFast)).toBeGreaterThan(0);
  expect(await known()).toBe(1);
});

it("named by the route only while it has weight, it is found at once and nothing fails", async () => {
  const alone = httpRoute(namespace, [100, 0]) as { spec: { rules: [{ backendRefs: unknown[] }] } };
  alone.spec.rules[0].backendRefs.pop();
  await apply([alone]);
  await place.restart("load");
  const counts = await firstWeight(() => apply([httpRoute(namespace, [50, 50])]));
  expect(counts.failed).toBe(0);
  expect(counts.byVersion["1.7.1"]).toBeGreaterThan(REST / 4);
});

it("in a TrafficSplit with weight 0 it is found at once and nothing fails", async () => {
  await apply([trafficSplit(namespace, [100, 0])]);
  await place.restart("load");
  const counts = await firstWeight(() => apply([trafficSplit(namespace, [50, 50])]));
  expect(counts.failed).toBe(0);
  expect(counts.byVersion["1.7.1"]).toBeGreaterThan(REST / 4);
});
