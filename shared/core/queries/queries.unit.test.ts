import { describe, expect, test } from "vitest";
import { quote, regex } from "./promql-text.ts";
import { callersQuery, latencyQuery, countersQuery, question, requestsQuery, windowSeconds } from "./queries.ts";

const podinfo = { namespace: "test", service: "podinfo", port: 9898 };
const workloads = { namespaces: ["b", "a", "b"], deployments: ["x", "x-canary"] };
const asked = { workloads, apexes: [podinfo] };
const aMinute = { window: 60, recent: 20 };
const texts = [requestsQuery(asked, aMinute), latencyQuery(asked, { window: 60 }), countersQuery(asked, [500])];

describe("the text of a query", () => {
  test("asks for many canaries at once, each name once and in order, so that equal questions are equal texts", () => {
    expect(texts[0]).toContain('namespace=~"a|b",deployment=~"x|x-canary"');
    const reversed = { ...asked, workloads: { namespaces: ["a", "b"], deployments: ["x-canary", "x"] } };
    expect(requestsQuery(reversed, aMinute)).toBe(texts[0]);
    expect(countersQuery(asked, [500, 100, 500])).toBe(countersQuery(asked, [100, 500]));
  });

  test.each([0, 1, 2])("never counts probes or scrapes (%#)", (index) => {
    const text = texts[index]!.replace(/timestamp\([^)]*\)/g, "");
    const selectors = text.match(/(response_total|request_total|response_latency_ms_bucket|deny_total)\{[^}]*\}/g)!;
    expect(selectors.length).toBeGreaterThan(2);
    for (const selector of selectors) {
      expect(selector).toContain('target_port!="4191"');
      if (selector.includes('direction="inbound"')) expect(selector).toContain('route_name!="probe"');
    }
  });

  test("asks callers' proxies for the pods by the labels that they have of them", () => {
    for (const text of texts) {
      expect(text).toContain(
        'direction="outbound",target_port!="4191",dst_namespace=~"a|b",dst_deployment=~"x|x-canary"',
      );
    }
  });

  test("asks for the age of a sample and not for its time, so that the clocks need not agree", () => {
    expect(texts[2]).toContain(
      "time() - max by (namespace, deployment, pod_template_hash, pod) " +
        '(timestamp(response_total{direction="inbound",namespace=~"a|b",deployment=~"x|x-canary"}))',
    );
  });

  test("reads all counters at once, and says in each row which they are", () => {
    const said = texts[2]!.match(/"question", "([\w-]+)"/g)!.map((one) => one.split('"')[3]);
    const { recent: _recent, ...ofCounters } = question;
    expect(new Set(said)).toEqual(new Set(Object.values(ofCounters)));
    expect(countersQuery(asked)).not.toContain("bucket");
  });

  test("takes a refusal by gRPC's PERMISSION_DENIED for a client error, as it takes 403", () => {
    const [, statuses = ""] = /"grpc_status", "([^"]+)"/.exec(texts[0]!)!;
    expect(["7", "16", "13"].map((status) => statuses.split("|").includes(status))).toEqual([true, true, false]);
  });

  test("asks for the buckets of the limits alone", () => {
    expect(texts[2]).toContain('le=~"500([.]0)?"');
    expect(countersQuery(asked, [500, 100])).toContain('le=~"100([.]0)?|500([.]0)?"');
  });

  test("finds callers by the apex and its leaves, in whatever cluster domain, and only those that are still there", () => {
    const text = callersQuery([podinfo], 60);
    expect(text).toContain('authority=~"(podinfo|podinfo-primary|podinfo-canary)[.]test[.]svc[^:]*:9898"');
    expect(text).toContain(") and response_total{");
  });

  test("lets no value break out of its string or be read as a pattern", () => {
    expect(quote('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
    expect(regex("web.v1+x|y")).toBe("web\\.v1\\+x\\|y");
    const odd = { workloads: { namespaces: ["n"], deployments: ["web.v1"] }, apexes: [{ ...podinfo, service: 'a"b' }] };
    expect(requestsQuery(odd, aMinute)).toContain('deployment=~"web\\\\.v1"');
    expect(requestsQuery(odd, aMinute)).toContain('parent_name=~"a\\"b"');
  });
});

test("a window is a duration, and one minute when nothing is said", () => {
  expect([undefined, "", "30s", "2m", "1h", "1m30s"].map(windowSeconds)).toEqual([60, 60, 30, 120, 3600, 90]);
  expect(["0s", "10x", "-5s", "1.5m", " 1m"].map(windowSeconds)).toEqual(Array(5).fill(undefined));
});
