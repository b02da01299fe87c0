import { describe, expect, test } from "vitest";
import {
  callersQuery,
  latencyMsOf,
  latencyQuery,
  ledgerQuery,
  quote,
  regex,
  requestsQuery,
  successPercentOf,
  windowSeconds,
} from "./queries.ts";

const workloads = { namespaces: ["b", "a", "b"], deployments: ["x", "x-canary"] };
const track = { namespace: "test", deployment: "podinfo-canary", podTemplateHash: "5c8f" };

describe("the text of a query", () => {
  test("asks for many canaries at once, each name once and in order, so that equal questions are equal texts", () => {
    expect(requestsQuery(workloads, 60)).toContain('namespace=~"a|b",deployment=~"x|x-canary"');
    const reversed = { namespaces: ["a", "b"], deployments: ["x-canary", "x"] };
    expect(requestsQuery(reversed, 60)).toBe(requestsQuery(workloads, 60));
  });

  test("never counts probes or scrapes", () => {
    const texts = [requestsQuery(workloads, 60), latencyQuery(workloads, 60), successPercentOf(track, 60)];
    for (const text of texts) {
      const all = text.match(/response_(total|latency_ms_bucket)\{/g)?.length;
      const users = text.match(/direction="inbound",target_port!="4191",route_name!="probe"/g)?.length;
      expect(users).toBe(all);
    }
  });

  test("names one version's pods exactly when it is for a person", () => {
    const labels = 'namespace="test",deployment="podinfo-canary",pod_template_hash="5c8f"';
    expect(successPercentOf(track, 60)).toContain(labels);
    expect(latencyMsOf(track, 30)).toContain(`${labels}}[30s]`);
  });

  test("asks for the age of a sample and not for its time, so that the clocks need not agree", () => {
    expect(ledgerQuery(workloads, [])).toContain(
      "time() - max by (namespace, deployment, pod_template_hash, pod) " +
        '(timestamp(response_total{direction="inbound",namespace=~"a|b",deployment=~"x|x-canary"}))',
    );
  });

  test("reads all counters of the ledger at once, and says in each row which they are", () => {
    const text = ledgerQuery(workloads, [{ namespace: "test", service: "podinfo", port: 9898 }]);
    expect(text.match(/"question", "(\w+)"/g)).toEqual([
      '"question", "counted"',
      '"question", "age"',
      '"question", "sent"',
    ]);
    expect(text).toContain("sum by (namespace, deployment, pod_template_hash, pod, classification)");
    expect(text).toContain('authority=~"(podinfo|podinfo-primary|podinfo-canary)[.]test[.]svc[^:]*:9898"');
  });

  test("finds callers by the authority of the apex or of a leaf of it, in whatever cluster domain", () => {
    const text = callersQuery([{ namespace: "test", service: "podinfo", port: 9898 }], 60);
    expect(text).toContain('authority=~"(podinfo|podinfo-primary|podinfo-canary)[.]test[.]svc[^:]*:9898"');
  });

  test("lets no value break out of its string or be read as a pattern", () => {
    expect(quote('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
    expect(regex("web.v1+x|y")).toBe("web\\.v1\\+x\\|y");
    expect(requestsQuery({ namespaces: ["n"], deployments: ["web.v1"] }, 60)).toContain('deployment=~"web\\\\.v1"');
  });
});

test("a window is a whole number of seconds or minutes, and one minute when nothing is said", () => {
  expect([undefined, "", "30s", "2m", "1h"].map(windowSeconds)).toEqual([60, 60, 30, 120, 3600]);
  expect(["0s", "10x", "-5s", "1.5m", "1m30s", " 1m"].map(windowSeconds)).toEqual(Array(6).fill(undefined));
});
