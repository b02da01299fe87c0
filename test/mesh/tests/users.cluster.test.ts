// What users get of a bad version, and what either side's sidecar counts of it, request by request.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { importFaultyImages } from "../../app/install.ts";
import { podinfoImage } from "../../app/podinfo.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { askFrom, statuses } from "./inside.ts";
import { apply, httpRoute } from "./leaves.ts";
import { ofRoute, ofUsers, Place, sentTo } from "./place.ts";
import { identityOf } from "../settings.ts";

const namespace = "mesh-users";
const RATE = 50;
/** Longer than a busy machine takes to answer; what hangs ends by it. */
const DEADLINE_MS = 8_000;
const url = "http://podinfo:9898/";
let place: Place;

const canaryHash = async (): Promise<string> =>
  (await place.pod("podinfo-canary")).metadata.labels["pod-template-hash"] ?? "";

/** Resolves when the canary's current pod answers users. */
async function routed(weights: [number, number], statusOfCanary = (status: number) => status > 0): Promise<void> {
  await apply([httpRoute(namespace, weights)]);
  await waitFor(
    async () => {
      const answers = await askFrom(namespace, "load", { url, times: 8, giveUpMs: 2_000 });
      const canary = answers.filter(({ headers, body }) => headers["x-app-version"] || body.includes("podinfo-canary"));
      return canary.some(({ status }) => statusOfCanary(status)) || unmet(JSON.stringify(statuses(answers)));
    },
    60_000,
    "an answer of the canary",
  );
}

beforeAll(async () => {
  place = await Place.open(namespace, { rate: 0, deadlineMs: DEADLINE_MS });
  await importFaultyImages([
    ...(["1.8.0-hanging", "1.8.1-dropping", "1.8.2-crashing"] as const),
    ...(["1.8.3-unauthorized", "1.8.6-grpc-unavailable"] as const),
  ]);
});

afterAll(() => place.close());

beforeEach(async () => {
  await place.kube("delete", "httproute", "--all", "--ignore-not-found");
  await place.kube("annotate", "service", "podinfo", "timeout.linkerd.io/request-", "retry.linkerd.io/http-");
});

describe("a version that hangs for half of its requests", () => {
  it("has requests without a response, and only its callers have failures: by the Service's timeout, or their own", async () => {
    await place.setCanaryImage(podinfoImage("1.8.0-hanging"));
    await routed([50, 50], (status) => status === 200);
    const hash = await canaryHash();
    const unanswered = { classification: "failure", error: "unclassified", status_code: undefined };
    const { status_code: _none, ...failed } = unanswered;
    const series = [
      ofUsers("podinfo-canary", "request_total"),
      ofUsers("podinfo-canary", "response_total"),
      ofUsers("podinfo-canary", "response_total", { classification: "success" }),
      sentTo(hash, "request_total"),
      sentTo(hash, "response_total", failed),
      sentTo(hash, "response_total", { status_code: "200", classification: "success" }),
      ofRoute("request_statuses_total", { http_status: "", error: "REQUEST_TIMEOUT" }),
    ];
    for (const by of ["the caller", "the Service"]) {
      if (by === "the Service") await place.kube("annotate", "service", "podinfo", "timeout.linkerd.io/request=4s");
      await waitFor(
        async () => {
          const [answer] = await askFrom(namespace, "load", { url: `${url}delay/5` });
          return (answer?.status === 504) === (by === "the Service") || unmet(String(answer?.status));
        },
        60_000,
        "the timeout to hold",
      );
      const { grown, result } = await place.growth(series, () => place.measured(200, RATE));
      const [requests = 0, responses, successes, sent, unclassified = 0, answered, timeouts] = grown;
      expect(unclassified).toBeGreaterThan(20);
      expect(unclassified).toBe(result.failed);
      const answersByCanary = result.byVersion["1.8.0-hanging"] ?? 0;
      expect([responses, successes, answered]).toEqual([answersByCanary, answersByCanary, answersByCanary]);
      expect(sent).toBe(requests);
      expect(requests - unclassified).toBe(responses);
      expect(timeouts).toBe(by === "the Service" ? unclassified : 0);
      if (by === "the Service") expect(result.failedByBackend).toEqual({ "podinfo-canary": result.byStatus["504"] });
      else expect(result.errors).toEqual({ deadline: unclassified });
    }
  });
});

it("an answer that breaks off is a failure with its status, on both sides", async () => {
  await place.setCanaryImage(podinfoImage("1.8.1-dropping"));
  await routed([50, 50], (status) => status === 200);
  const broken = { status_code: "200", classification: "failure", error: "unclassified" };
  const series = [
    ofUsers("podinfo-canary", "response_total", broken),
    sentTo(await canaryHash(), "response_total", broken),
  ];
  const { grown, result } = await place.growth(series, () => place.measured(200, RATE));
  expect(result.failed).toBeGreaterThan(20);
  expect(grown).toEqual([result.failed, result.failed]);
  expect(result.failedByVersion).toEqual({ "1.8.1-dropping": result.failed });
});

it("a retry is two attempts for the backend and one request for the route and its user", async () => {
  await place.setCanaryImage(podinfoImage("1.8.3-unauthorized"));
  await place.kube("annotate", "service", "podinfo", "retry.linkerd.io/http=401", "retry.linkerd.io/limit=3");
  await routed([50, 50]);
  const backend = { backend_name: "podinfo-canary", http_status: "401" };
  const series = [
    ofRoute("backend_response_statuses_total", backend),
    ofRoute("request_statuses_total"),
    ofRoute("request_statuses_total", { http_status: "401" }),
    sentTo(await canaryHash(), "response_total", { status_code: "401", classification: "success" }),
  ];
  // One in 16 is refused four times in a row.
  const { grown, result } = await place.growth(series, () => place.measured(400, RATE));
  const [attempts = 0, requests, refused, sent] = grown;
  expect(requests).toBe(result.requests);
  expect(refused).toBe(result.byStatus["401"] ?? 0);
  expect(sent).toBe(attempts);
  expect(attempts).toBeGreaterThan(result.requests / 2);
  expect(refused).toBeLessThan(result.requests / 8);
});

it("gRPC's status counts for both sides, where HTTP's says 200", async () => {
  await place.setCanaryImage(podinfoImage("1.8.6-grpc-unavailable"));
  await routed([50, 50]);
  const unavailable = { status_code: "200", grpc_status: "14", classification: "failure" };
  const series = [
    ofUsers("podinfo-canary", "response_total", unavailable),
    sentTo(await canaryHash(), "response_total", unavailable),
  ];
  const { grown, result } = await place.growth(series, () => place.measured(100, RATE));
  expect(grown[0]).toBeGreaterThan(10);
  expect(grown).toEqual([result.failed, result.failed]);
});

it("a version that is killed every few seconds leaves its users without an answer, and its sidecar says 502 for it", async () => {
  await place.setCanaryImage(podinfoImage("1.8.2-crashing"));
  const hash = await canaryHash();
  await routed([50, 50], (status) => status === 200);
  const failed = { status_code: "502", classification: "failure" };
  const series = [
    ofUsers("podinfo-canary", "response_total", failed),
    sentTo(hash, "response_total", failed),
    sentTo(hash, "request_total"),
  ];
  const { grown, result } = await place.growth(series, () => place.measured(400, RATE));
  const [onPod, atCaller, sent = 0] = grown;
  expect(onPod).toBeGreaterThan(0);
  expect([onPod, atCaller]).toEqual([result.byStatus["502"], result.byStatus["502"]]);
  // Its own half, five standard deviations more, or less for as long as it is away: never what it would have had in a row.
  expect(sent).toBeLessThan(result.requests / 2 + 2.5 * Math.sqrt(result.requests));
});

describe("a policy", () => {
  const policyAnnotation = "config.linkerd.io/default-inbound-policy";
  const deny = { spec: { template: { metadata: { annotations: { [policyAnnotation]: "deny" } } } } };
  const guard = (kind: string, apiVersion: string, name: string, spec: object): object => ({
    ...{ apiVersion: `policy.linkerd.io/${apiVersion}`, kind, metadata: { name, namespace }, spec },
  });
  const server = (name: string, app: string): object =>
    guard("Server", "v1beta3", name, { podSelector: { matchLabels: { app } }, port: "http" });

  it("that refuses the canary's callers gives them 403 and leaves nothing in the pod's responses; its probes pass", async () => {
    await place.setCanaryImage(podinfoImage("1.7.1"));
    await place.kube("patch", "deployment", "podinfo-canary", "-p", JSON.stringify(deny));
    await place.rolledOut("podinfo-canary");
    await apply([httpRoute(namespace, [50, 50])]);
    await waitFor(
      async () => {
        const seen = statuses(await askFrom(namespace, "load", { url, times: 8 }));
        return (seen["403"] ?? 0) > 0 || unmet(JSON.stringify(seen));
      },
      60_000,
      "a refusal",
    );
    const series = [
      ofUsers("podinfo-canary", "inbound_http_authz_deny_total", { srv_kind: "default", srv_name: "deny" }),
      sentTo(await canaryHash(), "response_total", { status_code: "403", classification: "success" }),
      ofUsers("podinfo-canary", "request_total"),
      ofUsers("podinfo-canary", "response_total"),
    ];
    const { grown, result } = await place.growth(series, () => place.measured(100, RATE));
    const refused = result.byStatus["403"] ?? 0;
    expect(refused).toBeGreaterThan(20);
    expect(grown).toEqual([refused, refused, 0, 0]);
  });

  it("lets in whom an AuthorizationPolicy names: a meshed caller, and not this machine", async () => {
    const targetRef = { group: "policy.linkerd.io", kind: "Server", name: "canary" };
    const callers = { group: "policy.linkerd.io", kind: "MeshTLSAuthentication", name: "callers" };
    await apply([
      server("canary", "podinfo-canary"),
      guard("MeshTLSAuthentication", "v1alpha1", "callers", { identities: [identityOf("default", namespace)] }),
      guard("AuthorizationPolicy", "v1alpha1", "callers", { targetRef, requiredAuthenticationRefs: [callers] }),
    ]);
    await routed([0, 100], (status) => status === 200);
    const series = [
      ofUsers("podinfo-canary", "response_total", { srv_name: "canary", authz_name: "callers", status_code: "200" }),
    ];
    const { grown, result } = await place.growth(series, () => place.measured(20, RATE));
    expect(result.failed).toBe(0);
    expect(grown).toEqual([result.requests]);
    const { status } = await place.pod("podinfo-canary");
    expect((await fetch(`http://${status.podIP}:9898/`)).status).toBe(403);
    await place.kube("delete", "server,authorizationpolicy,meshtlsauthentication", "--all");
    const undo = [{ op: "remove", path: "/spec/template/metadata/annotations" }];
    await place.kube("patch", "deployment", "podinfo-canary", "--type=json", "-p", JSON.stringify(undo));
    await place.rolledOut("podinfo-canary");
  });
});
