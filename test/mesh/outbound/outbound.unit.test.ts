// The client side, between real sockets on loopback: what the client gets and what is counted, by what the control plane said.
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Backend, Endpoint, Leaf, ServiceDestination } from "../policy/destination.ts";
import { Destinations } from "./destinations.ts";
import { Entry } from "./entry.ts";
import { parseSamples, total, type Sample } from "../series/exposition.ts";
import { noFilters } from "../policy/header-filters.ts";
import { Registry } from "../series/metrics.ts";
import { OutboundSeries } from "../series/outbound-series.ts";
import { outboundSide } from "./outbound.ts";
import type { Rule } from "../policy/route.ts";
import { TrafficFamilies } from "../series/series.ts";
import { promptClock } from "../settings.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listening(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const pod = async (hash: string, listener: RequestListener): Promise<Endpoint> => ({
  ...{ ip: "127.0.0.1", port: await listening(listener), namespace: "test", pod: `podinfo-${hash}`, zone: "" },
  ...{ deployment: "podinfo", podTemplateHash: hash, serviceAccount: "default", meshed: true },
});

interface Client {
  readonly ask: (init?: RequestInit) => Promise<Response>;
  readonly samples: () => Sample[];
}

/** A client whose proxy was told this. */
async function clientOf(document: ServiceDestination, clock = promptClock): Promise<Client> {
  const registry = new Registry();
  const series = new OutboundSeries(registry, new TrafficFamilies(registry), () => []);
  const side = outboundSide({ series, destinations: new Destinations("127.0.0.1:1"), identity: "web" });
  const entry = new Entry({ ip: "10.1.0.1", port: 80 }, clock);
  entry.update(document);
  const port = await listening((request, response) => side.request(entry, request, response));
  return { ask: (init) => fetch(`http://127.0.0.1:${port}/`, init), samples: () => parseSamples(registry.text()) };
}

const leafOf = (name: string, ...endpoints: Endpoint[]): Leaf => {
  return { namespace: "test", name, port: 80, exists: true, endpoints };
};

function told(leaves: Record<string, Leaf>, more: Partial<ServiceDestination> = {}): ServiceDestination {
  return { kind: "service", apex: "apex", leaves, overrides: [], rules: [], policy: {}, ...more };
}

function ruleTo(leaves: readonly string[], more: Partial<Rule> = {}): Rule {
  const backends = leaves.map((leaf) => ({ leaf, weight: 1, filters: noFilters }));
  return { namespace: "test", route: "podinfo", matches: [], filters: noFilters, backends, ...more };
}

const routeTotal = (samples: Sample[], labels: Record<string, string>): number =>
  total(samples, "outbound_http_route_request_statuses_total", labels);

it("the leaf is the authority where the client follows a route or a split, and the apex only where there is none", async () => {
  const serving = await pod("1", (_request, response) => void response.end("ok"));
  const leaves = { apex: leafOf("podinfo", serving), canary: leafOf("podinfo-canary", serving) };
  const overrides: Backend[] = [{ leaf: "canary", weight: 1 }];
  for (const [more, service] of [
    [{ rules: [ruleTo(["canary"])] }, "podinfo-canary"],
    [{ overrides }, "podinfo-canary"],
    [{}, "podinfo"],
  ] as const) {
    const { ask, samples } = await clientOf(told(leaves, more));
    await ask();
    const labels = { authority: `${service}.test.svc.cluster.local:80`, dst_service: service };
    for (const name of ["request_total", "response_total", "response_latency_ms_count"])
      expect(total(samples(), name, labels)).toBe(1);
  }
});

describe("a request that takes too long", () => {
  const hanging: RequestListener = () => undefined;
  const policy = { requestTimeoutMs: 50 };

  it("is answered with 504 by the Service's annotation, also where it goes by an HTTPRoute", async () => {
    const apex = leafOf("podinfo", await pod("1", hanging));
    for (const rules of [[], [ruleTo(["apex"])]]) {
      const { ask, samples } = await clientOf(told({ apex }, { policy, rules }));
      const answer = await ask();
      expect([answer.status, answer.headers.get("stand-in-mesh-backend")]).toEqual([504, "podinfo"]);
      const failed = { direction: "outbound", dst_pod_template_hash: "1", error: "unclassified" };
      expect(total(samples(), "response_total", failed)).toBe(1);
      expect(routeTotal(samples(), { error: "REQUEST_TIMEOUT", http_status: "" })).toBe(1);
    }
  });

  it("is measured by its rule's own timeout first, and by none for a client that follows a ServiceProfile", async () => {
    const slow: RequestListener = (_request, response) => void setTimeout(() => response.end("late"), 100);
    const apex = leafOf("podinfo", await pod("1", slow));
    const generous = await clientOf(told({ apex }, { policy, rules: [ruleTo(["apex"], { timeoutMs: 5000 })] }));
    expect((await generous.ask()).status).toBe(200);
    const overrides: Backend[] = [{ leaf: "apex", weight: 1 }];
    expect((await (await clientOf(told({ apex }, { policy, overrides }))).ask()).status).toBe(200);
  });
});

describe("a request that a Service wants tried again", () => {
  const policy = { retry: { statuses: [[500, 599]] as [number, number][], limit: 2 } };

  /** Fails so many times first. */
  function failing(times: number): { readonly listener: RequestListener; readonly bodies: string[] } {
    const bodies: string[] = [];
    const listener: RequestListener = (request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        bodies.push(body);
        response.writeHead(bodies.length > times ? 200 : 503).end("app");
      });
    };
    return { listener, bodies };
  }

  it("counts once on its route as what the client got, and once for each attempt on the backend and the pod", async () => {
    const { listener, bodies } = failing(2);
    const { ask, samples } = await clientOf(told({ apex: leafOf("podinfo", await pod("1", listener)) }, { policy }));
    expect((await ask({ method: "POST", body: "hello" })).status).toBe(200);
    expect(bodies).toEqual(["hello", "hello", "hello"]);
    const all = samples();
    expect([routeTotal(all, { http_status: "200" }), routeTotal(all, {})]).toEqual([1, 1]);
    expect(total(all, "outbound_http_route_backend_response_statuses_total", { http_status: "503" })).toBe(2);
    expect(total(all, "response_total", { status_code: "503", dst_pod_template_hash: "1" })).toBe(2);
    expect(total(all, "outbound_http_route_retry_requests_total", {})).toBe(2);
  });

  it("ends with the last answer when the limit is reached, and is not tried again by a ServiceProfile's client", async () => {
    const { listener, bodies } = failing(9);
    const apex = leafOf("podinfo", await pod("1", listener));
    const { ask, samples } = await clientOf(told({ apex }, { policy }));
    const answer = await ask();
    expect([answer.status, await answer.text(), bodies.length]).toEqual([503, "app", 3]);
    expect(routeTotal(samples(), { http_status: "503" })).toBe(1);
    const overrides: Backend[] = [{ leaf: "apex", weight: 1 }];
    await (await clientOf(told({ apex }, { policy, overrides }))).ask();
    expect(bodies.length).toBe(4);
  });
});

it("a backend of which no endpoint is known fails those who wait with 504, and then its share goes to the other", async () => {
  const primary = leafOf("podinfo-primary", await pod("1", (_request, response) => void response.end("primary")));
  const leaves = { apex: leafOf("podinfo"), primary, canary: leafOf("podinfo-canary") };
  const only = await clientOf(told(leaves, { rules: [ruleTo(["canary"])] }), { ...promptClock, failFastMs: 50 });
  const first = await only.ask();
  expect([first.status, first.headers.get("l5d-proxy-error")]).toEqual([504, "service in fail-fast"]);
  expect(routeTotal(only.samples(), { error: "FAIL_FAST", http_status: "" })).toBe(1);
  const { ask } = await clientOf(told(leaves, { rules: [ruleTo(["canary", "primary"])] }), {
    ...promptClock,
    failFastMs: 50,
  });
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask()));
  const failed = answers.filter(({ status }) => status === 504).length;
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(40);
  const later = await Promise.all(Array.from({ length: 20 }, () => ask()));
  expect(later.map(({ status }) => status)).toEqual(later.map(() => 200));
});

it("the header filters of a rule and of the backend that answered hold for request and answer", async () => {
  let seen: string | string[] | undefined;
  const answering: RequestListener = (request, response) => {
    seen = request.headers["x-track"];
    response.end("ok");
  };
  const apex = leafOf("podinfo", await pod("1", answering));
  const set = (name: string, value: string) => ({ set: [{ name, value }] });
  const rule = ruleTo(["apex"], { filters: { request: [set("x-track", "canary")], response: [set("x-rule", "1")] } });
  const [backend] = rule.backends;
  const backends = [{ ...backend!, filters: { request: [], response: [set("set-cookie", "track=canary")] } }];
  const { ask } = await clientOf(told({ apex }, { rules: [{ ...rule, backends }] }));
  const answer = await ask({ headers: { "x-track": "mine" } });
  expect(seen).toBe("canary");
  expect([answer.headers.get("x-rule"), answer.headers.get("set-cookie")]).toEqual(["1", "track=canary"]);
});
