import * as http from "node:http";
import type { AddressInfo } from "node:net";
import jsonpatch from "jsonpatch";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { pausedCondition, rejectedCondition } from "../shared/core/admission/rejection.ts";
import { annotation, heldValue, label } from "../shared/core/objects/names.ts";
import type { ReviewResponse } from "./admission/review.ts";
import { createRecorder } from "./telemetry/recorder.ts";
import { admissionApp, maxBodyBytes } from "./server.ts";
import { systemClock } from "../shared/kube/clock.ts";

const uid = "deploy-uid";
const recorder = createRecorder({ version: "0.0.0", meshProvider: "linkerd" });
let reasons: string[] = [];
let server: http.Server;
let url: string;

beforeAll(async () => {
  const app = admissionApp({
    timers: systemClock,
    log: pino({ enabled: false }),
    canary: { ownAccounts: ["controller"], excludedNamespaces: ["kube-system"], allowGateways: false },
    recorder,
    notReady: () => reasons,
  });
  server = http.createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => server.close());

beforeEach(() => {
  reasons = [];
});

function deployment(image: string, labels: object = { [label.target]: uid }): object {
  return {
    metadata: { name: "podinfo", namespace: "test", uid, labels },
    spec: { template: { spec: { containers: [{ name: "podinfod", image }] } } },
  };
}

function canary(spec: object = {}, annotations: object = {}): object {
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace: "test", annotations },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
      service: { port: 9898 },
      analysis: { interval: "10s", threshold: 5, stepWeight: 10 },
      ...spec,
    },
  };
}

const resources = {
  deployments: { group: "apps", version: "v1", resource: "deployments" },
  canaries: { group: "flagger.app", version: "v1beta1", resource: "canaries" },
};

function review(resource: keyof typeof resources, object: object | undefined, oldObject?: object): object {
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "review-1",
      resource: resources[resource],
      operation: oldObject ? "UPDATE" : "CREATE",
      userInfo: { username: "alice" },
      object,
      ...(oldObject ? { oldObject } : {}),
    },
  };
}

async function post(path: string, body: unknown, type = "application/json"): Promise<{ status: number; text: string }> {
  const answer = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": type },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

async function ask(path: string, body: unknown): Promise<ReviewResponse["response"]> {
  const { status, text } = await post(path, body);
  expect(status).toBe(200);
  return (JSON.parse(text) as ReviewResponse).response;
}

function patched(before: object, response: ReviewResponse["response"]): object {
  const patch = JSON.parse(Buffer.from(response.patch ?? "", "base64").toString()) as object[];
  return jsonpatch.apply_patch(before, patch);
}

describe("POST /mutate/deployments", () => {
  it("answers with the review's uid and a patch that holds the rollout", async () => {
    const sent = deployment("podinfo:1.7.1");
    const response = await ask("/mutate/deployments", review("deployments", sent, deployment("podinfo:1.7.0")));
    expect(response).toMatchObject({ uid: "review-1", allowed: true, patchType: "JSONPatch" });
    expect(response.warnings).toHaveLength(3);
    expect(patched(sent, response)).toMatchObject({
      metadata: { labels: { [label.held]: heldValue.running }, annotations: { [annotation.requestedBy]: "alice" } },
      spec: { paused: true, template: { spec: { containers: [{ image: "podinfo:1.7.1" }] } } },
    });
  });

  it("sends no patch where nothing is to be changed", async () => {
    const response = await ask("/mutate/deployments", review("deployments", deployment("a:1"), deployment("a:1")));
    expect(response).toEqual({ uid: "review-1", allowed: true });
  });

  it("takes marks off what is created, and leaves subresources alone", async () => {
    const created = review("deployments", deployment("a:1"));
    const scaled = review("deployments", deployment("a:2"), deployment("a:1")) as { request: object };
    const scale = { ...scaled, request: { ...scaled.request, subResource: "scale" } };
    expect(await ask("/mutate/deployments", created)).toMatchObject({ allowed: true, patchType: "JSONPatch" });
    expect(await ask("/mutate/deployments", scale)).toEqual({ uid: "review-1", allowed: true });
  });

  it("takes a rejection off a status that has observed another template", async () => {
    const sent = deployment("podinfo:1.7.2");
    const condition = { type: "Progressing", ...rejectedCondition("it was bad.", "v1-of-1.7.1") };
    const status = { observedGeneration: 3, conditions: [condition] };
    const body = review("deployments", { ...sent, status }, { ...sent, status }) as { request: object };
    const response = await ask("/mutate/deployments", { ...body, request: { ...body.request, subResource: "status" } });
    expect(patched({ ...sent, status }, response)).toEqual({
      ...sent,
      status: { observedGeneration: 3, conditions: [{ type: "Progressing", ...pausedCondition }] },
    });
  });

  it("refuses a change during promotion with a sentence", async () => {
    const labels = { [label.target]: uid, [label.promoting]: "run-3" };
    const body = review("deployments", deployment("a:2", labels), deployment("a:1", labels));
    const response = await ask("/mutate/deployments", body);
    expect(response).toMatchObject({ uid: "review-1", allowed: false, status: { code: 409 } });
    expect(response.status?.message).toMatch(/again in a few seconds/);
  });
});

describe("the endpoints for canaries", () => {
  const faulty = canary({ analysis: { interval: "10x", threshold: 5, stepWeight: 101, iterations: 3 } });

  it.each(["/mutate/canaries", "/validate/canaries"])(
    "%s names all faults of a spec at once, by field",
    async (path) => {
      const response = await ask(path, review("canaries", faulty));
      expect(response).toMatchObject({ uid: "review-1", allowed: false, status: { code: 422 } });
      expect(response.status?.message).toMatch(/spec\.analysis\.interval: "10x" is not a duration/);
      expect(response.status?.message).toMatch(/spec\.analysis\.stepWeight: 101/);
      expect(response.status?.message).toMatch(/stepWeight and iterations exclude each other/);
    },
  );

  it.each(["/mutate/canaries", "/validate/canaries"])("%s lets labels of an old faulty Canary change", async (path) => {
    expect(await ask(path, review("canaries", faulty, faulty))).toEqual({ uid: "review-1", allowed: true });
  });

  it("leave what is no spec at all to the API server's schema", async () => {
    for (const spec of [{ analysis: "fast" }, { analysis: { metrics: {} } }, { targetRef: 7 }])
      expect(await ask("/mutate/canaries", review("canaries", canary(spec)))).toHaveProperty("allowed", true);
  });

  it("refuse what can never be, all of it at once, and let one that was there before be written", async () => {
    const analysis = { interval: "10s", threshold: 5, iterations: 3, mirror: true };
    const asked = canary({ analysis, provider: "istio" });
    for (const path of ["/mutate/canaries", "/validate/canaries"]) {
      const { allowed, status } = await ask(path, review("canaries", asked));
      expect([allowed, status?.code]).toEqual([false, 422]);
      expect(status?.message).toMatch(/: spec\.provider istio \(only .*; spec\.analysis\.mirror \(Linkerd ignores/);
      const better = review("canaries", canary({ analysis }), asked);
      expect(await ask(path, better)).toHaveProperty("allowed", true);
    }
    const worse = review("canaries", asked, canary({ analysis }));
    expect((await ask("/validate/canaries", worse)).status?.message).toContain("spec.provider istio");
    const { warnings } = await ask("/validate/canaries", review("canaries", canary({ analysis }), asked));
    expect(warnings?.join("\n")).toContain("spec.analysis.mirror");
  });

  it("read what an older Canary lacks", async () => {
    const old = { ...canary(), spec: { targetRef: { name: "podinfo" } } };
    const analysis = { interval: "10s", threshold: 5, iterations: 3, mirror: true };
    const { allowed, status } = await ask("/validate/canaries", review("canaries", canary({ analysis }), old));
    expect([allowed, status?.code]).toEqual([false, 422]);
  });

  it("warn of what may not be meant", async () => {
    const warningsOf = async (spec: object): Promise<string> =>
      (await ask("/validate/canaries", review("canaries", canary(spec)))).warnings?.join("\n") ?? "";
    const steps = { interval: "10s", threshold: 5, stepWeight: 10 };
    const metric = { name: "request-duration", thresholdRange: { max: 500 } };
    expect(await warningsOf({ analysis: { ...steps, metrics: [metric] } })).toBe("");
    expect(await warningsOf({ analysis: steps })).toContain("spec.analysis.metrics is empty");
    const own = { name: "latency", thresholdRange: { max: 1 } };
    const routed = { ...own, query: `sum(up{a="{{ ingress }}",deployment="{{ target }}"})` };
    const named = { analysis: { ...steps, metrics: [routed] }, ingressRef: { name: "shop" } };
    expect(await warningsOf(named)).toBe("");
    const service = { port: 9898, gatewayRefs: [{ name: "gateway" }] };
    expect(await warningsOf({ analysis: { ...steps, metrics: [metric] }, service })).toContain(
      "spec.service.gatewayRefs does not name Service podinfo",
    );
    expect(
      await warningsOf({ analysis: { ...steps, metrics: [metric] }, service, provider: "gatewayapi:v1" }),
    ).toContain("spec.service.gatewayRefs names Gateway test/gateway of group gateway.networking.k8s.io");
  });

  it("warn of a namespace where no change is held", async () => {
    const inside = { ...canary(), metadata: { name: "podinfo", namespace: "kube-system" } };
    const { allowed, warnings } = await ask("/validate/canaries", review("canaries", inside));
    expect(allowed).toBe(true);
    expect(warnings?.join("\n")).toContain("the webhook holds none in namespace kube-system");
  });

  it("refuse a query that judges stable in the canary's place, and say what to write", async () => {
    const metric = { name: "404s", thresholdRange: { max: 5 }, query: 'sum(response_total{deployment="podinfo"})' };
    const analysis = { interval: "10s", threshold: 5, stepWeight: 10, metrics: [metric] };
    const refused = await ask("/validate/canaries", review("canaries", canary({ analysis })));
    expect(refused.allowed).toBe(false);
    expect(refused.status?.message).toContain('selects stable (deployment="podinfo")');
    expect(refused.status?.message).toContain('write deployment="{{ target }}"');
    // What was accepted once must stay editable.
    const unchanged = review("canaries", canary({ analysis }, { team: "shop" }), canary({ analysis }));
    expect((await ask("/validate/canaries", unchanged)).allowed).toBe(true);
  });

  it("stamp a command with the name of who sent it", async () => {
    const sent = canary({}, { [annotation.command]: JSON.stringify({ id: "1", verb: "promote", by: "root" }) });
    const response = await ask("/mutate/canaries", review("canaries", sent, canary()));
    expect(JSON.stringify(patched(sent, response))).toContain('\\"by\\":\\"alice\\"');
  });

  it("answer with the uid and a sentence when a decision fails", async () => {
    const body = review("canaries", canary(), { ...canary(), metadata: null });
    const response = await ask("/mutate/canaries", body);
    expect(response).toMatchObject({ uid: "review-1", allowed: false, status: { code: 500 } });
    expect(response.status?.message).toContain("could not decide");
  });
});

describe("a request that is no usable review", () => {
  it.each([
    ["is not JSON", "{", 400, /unusable/],
    ["is a bare value", "7", 400, /unusable/],
    ["is another kind", { apiVersion: "v1", kind: "Pod" }, 400, /not an AdmissionReview/],
    [
      "is an older version",
      { apiVersion: "admission.k8s.io/v1beta1", kind: "AdmissionReview" },
      400,
      /admission.k8s.io\/v1/,
    ],
    ["has no uid", { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: {} }, 400, /no request\.uid/],
  ])("gets a 4xx when it %s", async (_, body, status, message) => {
    const answer = await post("/mutate/deployments", body);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(message);
  });

  it("still gets its uid when it has one", async () => {
    const answers = await Promise.all([
      post("/mutate/deployments", review("canaries", canary())),
      post("/mutate/deployments", review("deployments", undefined, deployment("a:1"))),
    ]);
    for (const { status, text } of answers) {
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({ response: { uid: "review-1", allowed: false, status: { code: 400 } } });
    }
  });

  it("gets 415 for another content type, 413 for a body over the limit, 404 elsewhere", async () => {
    expect((await post("/mutate/deployments", "{}", "text/yaml")).status).toBe(415);
    const large = await post("/mutate/deployments", JSON.stringify({ text: "x".repeat(maxBodyBytes) }));
    expect(large.status).toBe(413);
    expect((await post("/elsewhere", {})).status).toBe(404);
  });
});

describe("many reviews at once", () => {
  it("are all answered: an API server sends every one from the same address", async () => {
    const metadata = { annotations: { "example.org/large": "x".repeat(1024 * 1024) } };
    const large = review("canaries", { ...canary(), metadata });
    const small = review("canaries", canary());
    const reviews = [...Array.from({ length: 300 }, () => small), ...Array.from({ length: 40 }, () => large)];
    const statuses = await Promise.all(reviews.map(async (one) => (await post("/mutate/canaries", one)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe("a review whose body comes late", () => {
  it("is timed from its head on", async () => {
    let now = 0;
    const seen: number[] = [];
    const app = admissionApp({
      timers: { ...systemClock, now: () => now },
      log: pino({ enabled: false }),
      canary: { ownAccounts: [] },
      recorder: { admission: (_answer, seconds) => void seen.push(seconds) },
      notReady: () => [],
    });
    const slow = http.createServer((asked, response) => {
      app(asked, response);
      now = 5_000;
      sent.end(body);
    });
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    const body = JSON.stringify(review("canaries", canary()));
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const { port } = slow.address() as AddressInfo;
    const sent = http.request({ port, host: "127.0.0.1", path: "/mutate/canaries", method: "POST", headers });
    sent.flushHeaders();
    await new Promise((resolve) => sent.once("response", resolve));
    slow.close();
    slow.closeAllConnections();
    expect(seen).toEqual([5]);
  });
});

describe("probes", () => {
  it("say ok, and why this replica should not be asked", async () => {
    reasons = ["the CA bundle is not in place"];
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const unready = await fetch(`${url}/readyz`);
    expect([unready.status, await unready.text()]).toEqual([503, "not ready: the CA bundle is not in place\n"]);
    reasons = [];
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it("do not count as admission, which is counted by its answer", async () => {
    const { body } = await recorder.text();
    expect(body).toMatch(/admission_duration_seconds_count\{answer="patched"\} [1-9]/);
    expect(body).not.toContain("healthz");
  });
});
