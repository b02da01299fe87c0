/** Reviews that no API server sends, at the real server: each is answered with its uid or refused with 4xx, and none ends it. */
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { pino } from "pino";
import { expect } from "vitest";
import { heldValue, label } from "../../../shared/core/objects/names.ts";
import { endpoints } from "../../../webhook/admission/endpoints.ts";
import type { ReviewResponse } from "../../../webhook/admission/review.ts";
import { createRecorder } from "../../../webhook/telemetry/recorder.ts";
import { admissionApp, maxBodyBytes } from "../../../webhook/server.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

export interface Fuzzed {
  sent: number;
  answered: number;
  refused: number;
}

/** Sends reviews for `forMs`; throws at the first answer that is not allowed. */
export async function fuzz(forMs: number, seed: number): Promise<Fuzzed> {
  const { url, close } = await listen();
  const counts: Fuzzed = { sent: 0, answered: 0, refused: 0 };
  const send = async (sample: Sample): Promise<void> => {
    counts.sent += 1;
    if (await isAnswered(url, sample)) counts.answered += 1;
    else counts.refused += 1;
  };
  try {
    const end = performance.now() + forMs;
    for (let round = 0; performance.now() < end; round++)
      await Promise.all(fc.sample(request, { numRuns: 50, seed: seed + round }).map(send));
    expect(await isAnswered(url, { path: "/mutate/deployments", body: JSON.stringify(plain), type: json })).toBe(true);
  } finally {
    close();
  }
  return counts;
}

// --- internal ---

interface Sample {
  path: string;
  body: string;
  type: string;
}

const json = "application/json";

const plain = review({ object: deployment({}), oldObject: deployment({}) });

function review(over: object): { request: object } {
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "review-1",
      resource: { group: "apps", version: "v1", resource: "deployments" },
      operation: "UPDATE",
      userInfo: { username: "alice" },
      ...over,
    },
  } as { request: object };
}

function deployment(over: object): object {
  const labels = { [label.target]: "uid-1", [label.held]: heldValue.running };
  const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "a", image: "a:1" }] } };
  return { metadata: { name: "a", namespace: "b", uid: "uid-1", labels }, spec: { paused: true, template }, ...over };
}

const small = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  1e308,
  "",
  "a",
  [],
  {},
  [null],
  { "": {} },
  "\u0000",
  "1e99999",
);
const odd = fc.oneof(
  { weight: 30, arbitrary: small },
  { weight: 30, arbitrary: fc.json().map((text) => JSON.parse(text) as unknown) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 20_000 }).map(nested) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 200_000 }).map((length) => "x".repeat(length)) },
);

/** As deep as asked, built without recursion. */
function nested(depth: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** A review with something odd in one place of it. */
const spoilt = fc
  .tuple(
    fc.constantFrom(
      ...["request", "request.uid", "request.object", "request.oldObject", "request.userInfo", "request.resource"],
      ...["request.object.metadata", "request.object.metadata.labels", "request.object.metadata.annotations"],
      ...["request.object.spec", "request.object.spec.template", "request.object.spec.template.spec"],
      ...["request.object.spec.template.spec.containers", "request.oldObject.spec.template", "request.operation"],
      ...["request.oldObject.metadata", "request.oldObject.metadata.labels", "request.subResource", "kind"],
    ),
    odd,
  )
  .map(([path, value]) => {
    const whole = structuredClone(plain) as Record<string, unknown>;
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    const parent = keys.reduce((at, key) => at[key] as Record<string, unknown>, whole);
    parent[last] = value;
    return whole;
  });

const body = fc.oneof(
  { weight: 40, arbitrary: spoilt.map((value) => textOf(value)) },
  { weight: 2, arbitrary: odd.map((value) => textOf(value)) },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.nat({ max: 400 }).map((length) => JSON.stringify(plain).slice(0, length)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 1_000_000 }).map((depth) => "[".repeat(depth)) },
  // Around the limit, on both sides of it.
  { weight: 1, arbitrary: fc.integer({ min: -9, max: 9 }).map((over) => `"${"x".repeat(maxBodyBytes + over)}"`) },
);

const request = fc.record({
  path: fc.oneof(
    { weight: 9, arbitrary: fc.constant("/mutate/deployments") },
    { weight: 1, arbitrary: fc.constantFrom(...endpoints.map((endpoint) => endpoint.path), "/", "/mutate") },
  ),
  body,
  type: fc.oneof(
    { weight: 20, arbitrary: fc.constant(json) },
    { weight: 1, arbitrary: fc.constantFrom("text/plain", "application/yaml", "application/json; charset=utf-7") },
  ),
});

/** What is too deep for JSON here is cut: it is the server that is tested. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "[".repeat(100_000);
  }
}

async function listen(): Promise<{ url: string; close: () => void }> {
  const canary = { ownAccounts: [] };
  const recorder = createRecorder({ version: "0.0.0", meshProvider: "auto" });
  const app = admissionApp({
    timers: systemClock,
    log: pino({ enabled: false }),
    canary,
    recorder,
    notReady: () => [],
  });
  const server = http.createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** Whether it was answered rather than refused; anything else fails. */
async function isAnswered(url: string, { path, body: text, type }: Sample): Promise<boolean> {
  const response = await fetch(url + path, { method: "POST", body: text, headers: { "content-type": type } });
  const said = await response.text();
  const shown = `${path} ${type} ${text.slice(0, 300)} -> ${response.status} ${said.slice(0, 300)}`;
  if (response.status === 200) {
    const { response: answer } = JSON.parse(said) as ReviewResponse;
    expect(answer.uid, shown).toBe((JSON.parse(text) as { request: { uid: string } }).request.uid);
    return true;
  }
  expect(response.status, shown).toBeGreaterThanOrEqual(400);
  expect(response.status, shown).toBeLessThan(500);
  const isAsked = type === json && endpoints.some((endpoint) => endpoint.path === path);
  if (isAsked && Buffer.byteLength(text) > maxBodyBytes) expect(response.status, shown).toBe(413);
  return false;
}
