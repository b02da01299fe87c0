// What a Prometheus that fails gives: never a verdict, always a sentence that says what to do. A door in front of a real one fails.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { MetricTemplate } from "../../shared/core/queries/query-template.ts";
import { createPrometheus } from "../../shared/prometheus.ts";
import { PrometheusError } from "../../shared/prometheus-error.ts";
import { anEvidence, aRequest } from "./asking.ts";
import { answer, type Behaviour, cutOff, type Door, endless, half, hang, openDoor, pass } from "./door.ts";
import { Feed } from "./feed.ts";
import { type PrometheusServer, startPrometheus } from "./server.ts";
import { effectOf, rowOf } from "./verdicts.ts";
import { systemClock } from "../../shared/kube/clock.ts";

const feed = new Feed();
let server: PrometheusServer;
let door: Door;
let elsewhere: Door;

beforeAll(async () => {
  const pods = { namespace: "test", deployment: "podinfo-canary", hash: "canary1" };
  feed.requests(pods, "success", (n) => 10 * n);
  server = await startPrometheus(await feed.listen());
  door = await openDoor(server.url);
  elsewhere = await openDoor(server.url);
});

afterEach(() => door.behave(pass));

afterAll(async () => {
  await door.close();
  await elsewhere.close();
  await server.stop();
  await feed.close();
});

const empty = '"data":{"resultType":"vector","result":[]}';

const faults: [string, Behaviour, string][] = [
  ["401", answer(401, "Unauthorized\n"), 'answered 401 "Unauthorized"; it wants credentials'],
  ["403", answer(403, ""), "answered 403; it must be told to allow the controller"],
  ["404", answer(404, "404 page not found\n"), 'answered 404 "404 page not found"; see that the address'],
  ["500", answer(500, "boom\nstack"), 'answered 500 "boom"; see its log'],
  ["503", answer(503, ""), "answered 503; see its log"],
  ["a login page", answer(200, "<html>\n<body>"), 'answered "<html>", which is no query result'],
  ["nothing", answer(200, ""), "answered nothing, which is no query result"],
  ["silence", hang, "did not answer within 5s; see whether"],
  ["half an answer", half, "broke off its answer (ECONNRESET)"],
  ["a cut text", cutOff, "which is no query result"],
  ["an endless answer", endless, "answered more than 10 MB"],
  [
    "part of its data",
    answer(200, `{"status":"success","warnings":["store a: unavailable"],${empty}}`),
    "could read only part of its data: store a: unavailable",
  ],
  [
    "a sample that is no number",
    answer(200, '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}'),
    "a sample that is not a number",
  ],
];

describe("a Prometheus that answers", () => {
  test.each(faults)("%s gives no evidence at all and one sentence", async (_, behaviour, sentence) => {
    door.behave(behaviour);
    const before = Date.now();
    const seen = await anEvidence().ask(aRequest(door.url));
    expect(seen).toMatchObject({ ok: false, error: expect.stringContaining(sentence) as string });
    expect(seen.askedAt).toBeGreaterThanOrEqual(before);
  });

  test("so freezes the weight and counts nothing, with exactly these sentences", async () => {
    const rows: string[] = [];
    for (const [name, behaviour] of faults) {
      door.behave(behaviour);
      const seen = await anEvidence().ask(aRequest(door.url));
      const effect = effectOf(seen);
      expect({ name, ...effect }).toMatchObject({ name, kind: "holds", weight: 10, failedChecks: 0 });
      rows.push(rowOf(`Prometheus answers ${name}`, "cannot-ask", { effect, said: [] }));
    }
    await expect(`${rows.join("\n\n")}\n`).toMatchFileSnapshot("faults.txt");
  });

  test("with a style warning of PromQL is believed", async () => {
    door.behave(answer(200, `{"status":"success","warnings":["PromQL warning: odd le"],${empty}}`));
    expect(await anEvidence().ask(aRequest(door.url))).toMatchObject({ ok: true });
  });

  test("with a redirect to another host is not followed there", async () => {
    door.behave(answer(302, "", { location: `${elsewhere.url}/api/v1/query` }));
    const seen = await anEvidence().ask(aRequest(door.url));
    expect(seen).toMatchObject({
      ok: false,
      error: expect.stringContaining(`redirects to ${elsewhere.url}`) as string,
    });
    expect(elsewhere.takeCount()).toBe(0);
  });

  test("again after a failure is asked anew and believed", async () => {
    const evidence = anEvidence();
    door.behave(answer(500, ""));
    expect(await evidence.ask(aRequest(door.url))).toMatchObject({ ok: false });
    door.behave(pass);
    expect(await evidence.ask(aRequest(door.url))).toMatchObject({ ok: true });
  });
});

describe("an address", () => {
  test.each([
    ["http://127.0.0.1:1", "cannot be reached (ECONNREFUSED)"],
    ["http://no-such-host.invalid:9090", "cannot be reached (ENOTFOUND)"],
    ["prometheus:9090", "is no http or https address"],
    ["", "is no http or https address"],
  ])("%j says %s", async (address, sentence) => {
    const seen = await anEvidence().ask(aRequest(address));
    expect(seen).toMatchObject({ ok: false, error: expect.stringContaining(sentence) as string });
  });

  test("never shows its password", async () => {
    const error = await createPrometheus({ timers: systemClock, address: "http://me:secret@127.0.0.1:1" })
      .query("up")
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PrometheusError);
    expect(String(error)).not.toContain("secret");
  });

  test("may have a path, and long queries reach it as well as short ones", async () => {
    const prometheus = createPrometheus({ timers: systemClock, address: `${server.url}/` });
    const long = `vector(1) or ${Array.from({ length: 400 }, (_, n) => `absent_${n}`).join(" or ")}`;
    const [[short], [other]] = await Promise.all([prometheus.query("vector(7)"), prometheus.query(long)]);
    expect([short?.value, other?.value]).toEqual([7, 1]);
  });
});

test("a MetricTemplate's own Prometheus may fail: only that metric cannot be asked, and it is named", async () => {
  door.behave(answer(403, "forbidden"));
  const template: MetricTemplate = {
    apiVersion: "flagger.app/v1beta1",
    kind: "MetricTemplate",
    metadata: { name: "errors" },
    spec: { provider: { type: "prometheus", address: door.url }, query: "vector(1)" },
  };
  const metrics = [
    { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "2s" },
    { name: "errors", templateRef: { name: "errors" }, thresholdRange: { max: 1 }, interval: "2s" },
  ];
  const evidence = anEvidence({ metricTemplate: () => Promise.resolve(template) });
  const seen = await evidence.ask(aRequest(server.url, { metrics }));
  if (!seen.ok) throw new Error(seen.error);
  expect(seen.checks[1]).toMatchObject({ outcome: "cannot-ask", code: "unauthorized" });
  expect(seen.checks[1]!.message).toContain("Halt podinfo.test advancement cannot ask for errors: Prometheus at");
  expect(seen.checks[1]!.message).toContain('answered 403 "forbidden"');
});

test("callers that cannot be looked at leave the rest of the evidence as it is", async () => {
  const podsOlderThanRoute = (): Promise<never> => Promise.reject(new Error("no permission"));
  const seen = await anEvidence({ podsOlderThanRoute }).ask(aRequest(server.url, { namespace: "nobody" }));
  expect(seen).toMatchObject({ ok: true, staleCallers: [] });
});

const aTemplate = (provider: object): MetricTemplate => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "MetricTemplate",
  metadata: { name: "own" },
  spec: { provider: { type: "prometheus", address: door.url, ...provider }, query: "vector(1)" },
});

const ownMetric = [{ name: "own", templateRef: { name: "own" }, thresholdRange: { max: 1 }, interval: "2s" }];

describe("a MetricTemplate", () => {
  test.each<[string, object, string]>([
    ["another provider", { type: "datadog" }, 'provider "datadog", which cannot be asked here'],
    ["a Secret that is not there", { secretRef: { name: "token" } }, "no Secret is there"],
    [
      "an address that the chart does not allow",
      { address: "http://169.254.169.254" },
      "may not ask 169.254.169.254:80",
    ],
    ["an address that is none", { address: "prometheus" }, "is no http or https address"],
  ])("with %s cannot be asked, and says why", async (_, provider, words) => {
    const evidence = anEvidence({ metricTemplate: () => Promise.resolve(aTemplate(provider)) });
    const seen = await evidence.ask(aRequest(server.url, { metrics: ownMetric }));
    if (!seen.ok) throw new Error(seen.error);
    expect(seen.checks[0]).toMatchObject({ outcome: "cannot-ask", message: expect.stringContaining(words) as string });
  });

  test("sends its credentials and headers to its own address, and to no other", async () => {
    const sent: string[] = [];
    door.behave((request, response, upstream) => {
      sent.push(`${request.headers.authorization} ${String(request.headers["x-scope-orgid"])}`);
      pass(request, response, upstream);
    });
    const evidence = anEvidence({
      metricTemplate: () =>
        Promise.resolve(aTemplate({ secretRef: { name: "token" }, headers: { "X-Scope-OrgID": ["shop"] } })),
      credentials: ({ namespace, name }) => Promise.resolve(`Bearer ${namespace}-${name}`),
    });
    const seen = await evidence.ask(aRequest(elsewhere.url, { metrics: ownMetric }));
    expect(sent).toEqual(["Bearer test-token shop"]);
    expect(seen).toMatchObject({ ok: true, checks: [{ outcome: "pass", value: 1 }] });
  });
});

describe("many canaries", () => {
  const forty = Array.from({ length: 40 }, (_, n) => `web-${n}`);
  const ask = (evidence: ReturnType<typeof anEvidence>, name: string, notBefore: number) =>
    evidence.ask(aRequest(door.url, { name, target: name, canary: `${name}-canary`, notBefore }));

  test("that ask together cost four queries, and as few when they ask again within a second", async () => {
    const since = Date.now();
    // However long the first forty take, the others come within the second.
    const evidence = anEvidence({ now: () => since });
    door.takeCount();
    await Promise.all(forty.map((name) => ask(evidence, name, since)));
    expect(door.takeCount()).toBe(4);
    await Promise.all(forty.map((name) => ask(evidence, name, since)));
    // Requests, latencies and ages are still good; callers are asked for only with a reason.
    expect(door.takeCount()).toBeLessThanOrEqual(1);
  });

  test("never get what was asked before their weight moved", async () => {
    const evidence = anEvidence();
    const first = await ask(evidence, "web-1", Date.now());
    const moved = first.askedAt + 1;
    const second = await ask(evidence, "web-1", moved);
    expect(second.askedAt).toBeGreaterThanOrEqual(moved);
    expect((await ask(evidence, "web-1", first.askedAt)).askedAt).toBe(second.askedAt);
  });
});
