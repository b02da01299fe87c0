// Verdicts as a person meets them, on the real cluster with the installed chart: what cannot be asked is told before any user is on
// the canary, every number shown can be had from Prometheus again, and a trickle of requests is waited for.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MetricSpec } from "../../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../../shared/core/objects/canary-status.ts";
import { annotation, label } from "../../../shared/core/objects/names.ts";
import type { MetricTemplate } from "../../../shared/core/queries/query-template.ts";
import { createPrometheus } from "../../../shared/prometheus.ts";
import { installChart } from "../../chart/install.ts";
import { apply } from "../../cluster/client.ts";
import { network, paths } from "../../cluster/layout.ts";
import { prometheusUrl, setScrapeInterval } from "../../cluster/parts/prometheus.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Scenario } from "../../e2e/scenario.ts";
import { pass } from "../../metrics/door.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

const scrape = "metrics.scrapeInterval=2s";
const namespace = "verdicts";

/** A proxy in front of Prometheus that lets in who brings these words, as companies put there. */
async function guarded(wanted: string): Promise<{ server: Server; address: string }> {
  const upstream = await prometheusUrl();
  const server = createServer((request, response) => {
    if (request.headers.authorization === wanted) return pass(request, response, upstream);
    response.writeHead(401).end("who are you?");
  });
  await new Promise<void>((done) => server.listen(0, network.nodeAddress, done));
  return { server, address: `http://${network.nodeAddress}:${(server.address() as AddressInfo).port}` };
}

/** The queries of Flagger's Linkerd tutorial, word for word. */
const flaggers = {
  "success-rate": `sum(
  rate(
    response_total{
      namespace="{{ namespace }}",
      deployment=~"{{ target }}",
      classification!="failure",
      direction="{{ variables.direction }}"
    }[{{ interval }}]
  )
)
/
sum(
  rate(
    response_total{
      namespace="{{ namespace }}",
      deployment=~"{{ target }}",
      direction="{{ variables.direction }}"
    }[{{ interval }}]
  )
)
* 100
`,
  latency: `histogram_quantile(
    0.99,
    sum(
        rate(
            response_latency_ms_bucket{
                namespace="{{ namespace }}",
                deployment=~"{{ target }}",
                direction="{{ variables.direction }}"
                }[{{ interval }}]
            )
        ) by (le)
    )
`,
};

function template(name: string, query: string, provider: Partial<MetricTemplate["spec"]["provider"]>): MetricTemplate {
  const spec = { provider: { type: "prometheus", address: "http://prometheus.linkerd-viz:9090", ...provider }, query };
  return { apiVersion: "flagger.app/v1beta1", kind: "MetricTemplate", metadata: { name, namespace }, spec };
}

function own(name: string, more: Partial<MetricSpec> = {}): MetricSpec {
  const templateVariables = { direction: "inbound" };
  return { name, templateRef: { name }, thresholdRange: { min: 0 }, interval: "10s", templateVariables, ...more };
}

const guards: Server[] = [];
let scenario: Scenario;

beforeAll(async () => {
  await setScrapeInterval("2s");
  const secrets = [
    ...["--set", `metrics.secretNamespaces={${namespace}}`],
    ...["--set", `metrics.allowedAddresses={${network.nodeAddress}}`],
  ];
  scenario = await Scenario.start(namespace, {
    provider: "gatewayapi:v1",
    analysis: { interval: "3s", stepWeight: 50 },
  });
  await installChart({ kubeconfig: paths.kubeconfig, rebuild: false, helmArgs: ["--set", scrape, ...secrets] });
  const [token, basic] = await Promise.all([guarded("Bearer sesame"), guarded(`Basic ${btoa("ann:secret")}`)]);
  guards.push(token.server, basic.server);
  await scenario.kubectl("create", "secret", "generic", "token", "--from-literal=token=sesame");
  await scenario.kubectl(
    "create",
    "secret",
    "generic",
    "basic",
    "--from-literal=username=ann",
    "--from-literal=password=secret",
  );
  const hosts = [token, basic].map(({ address }) => new URL(address).host).join(",");
  await scenario.kubectl("label", "secret", "token", "basic", `${label.credentials}=true`);
  await scenario.kubectl("annotate", "secret", "token", "basic", `${annotation.credentialsHost}=${hosts}`);
  await apply([
    template("success-rate", flaggers["success-rate"], { secretRef: { name: "token" }, address: token.address }),
    template("latency", flaggers.latency, { secretRef: { name: "basic" }, address: basic.address }),
    template("plain", flaggers["success-rate"], {}),
    template("broken", "sum(rate(", {}),
    template("nowhere", "vector(1)", { address: `http://${network.nodeAddress}:9` }),
    template("secretless", "vector(1)", { secretRef: { name: "absent" }, address: token.address }),
    template("clone", 'up{deployment="{{ target }}-primary"}', {}),
  ]);
}, 300_000);

afterAll(async () => {
  for (const server of guards) {
    server.closeAllConnections();
    server.close();
  }
  await scenario.end();
  await installChart({ kubeconfig: paths.kubeconfig, rebuild: false, helmArgs: ["--set", scrape] });
  await setScrapeInterval("10s");
});

/** Gives the Canary these metrics. */
async function measure(metrics: readonly MetricSpec[]): Promise<void> {
  const patch = JSON.stringify([{ op: "replace", path: "/spec/analysis/metrics", value: metrics }]);
  await scenario.kubectl("patch", "canary", "podinfo", "--type=json", "-p", patch);
}

const faults: [string, MetricSpec, RegExp][] = [
  ["a query that does not parse", own("broken"), /cannot evaluate the query: .*parse error.*correct the query/],
  [
    "a variable without a value",
    own("plain", { templateVariables: {} }),
    /variable "direction" has no value.*\(at line 7, column \d+\)/,
  ],
  ["a template that is not there", own("missing"), /MetricTemplate missing.verdicts does not exist/],
  ["an address that nobody answers at", own("nowhere"), /cannot be reached \(\w+\); see that it runs/],
  ["a Secret that is not there", own("secretless"), /Secret absent does not exist in verdicts; create it/],
  ["a query of the clone that Flagger makes", own("clone"), /stable runs in "podinfo" itself; write that name/],
];

describe("before any user is on the canary", () => {
  it("an unknown metric is refused when it is written", async () => {
    const metric = { name: "no-such-metric", thresholdRange: { max: 1 } };
    const patch = JSON.stringify({ spec: { analysis: { metrics: [metric] } } });
    const refused = await scenario.try("patch", "canary", "podinfo", "--type=merge", "-p", patch);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("spec.analysis.metrics[0]");
  });

  it("the run starts, and waits without weight for what cannot be asked", async () => {
    await measure([own("broken")]);
    await scenario.setImage("1.7.1");
    const status = await scenario.until("the hold", ({ run }) => run?.hold === "cannot-ask");
    expect([status.canaryWeight, await scenario.weight()]).toEqual([0, 0]);
  });

  it.each(faults)("%s is named", async (_what, metric, words) => {
    await measure([metric]);
    const status = await scenario.until("the cause", ({ reason }) => words.test(reason ?? ""));
    expect([status.canaryWeight, await scenario.weight(), status.failedChecks]).toEqual([0, 0, 0]);
    const { stdout } = await scenario.plugin("explain");
    expect(stdout.replace(/\s+/g, " ")).toMatch(words);
  });
});

/** Checks with a value, asked again by hand for the moment they name. */
async function derive(status: CanaryStatus): Promise<void> {
  const byHand = createPrometheus({ timers: systemClock, address: await prometheusUrl() });
  const shown = (status.checks ?? []).filter(({ value }) => value !== null);
  expect(shown.length).toBe(status.checks?.length);
  for (const { metric, query, at, value } of shown) {
    const [sample] = await byHand.query(query, Date.parse(at));
    expect([metric, sample?.value]).toEqual([metric, expect.closeTo(value ?? 0, 6)]);
  }
}

async function shownByPlugin(): Promise<CanaryStatus> {
  const { stdout } = await scenario.plugin("status", "-o", "json");
  return JSON.parse(stdout) as CanaryStatus;
}

describe("once everything can be asked", () => {
  it("templates of Flagger's tutorial work as they are, with a token and a password, and each number can be had again", async () => {
    await measure([
      { name: "request-success-rate", thresholdRange: { min: 90 }, interval: "10s" },
      { name: "request-duration", thresholdRange: { max: 5_000 }, interval: "10s" },
      own("success-rate"),
      own("latency"),
      {
        name: "inline",
        query: 'sum(up{job="linkerd-proxy",namespace="{{ namespace }}"})',
        thresholdRange: { min: 1 },
        interval: "10s",
      },
    ]);
    await scenario.until(
      "a check of all five",
      ({ checks = [] }) => checks.length === 5 && checks.every(({ outcome }) => outcome === "pass"),
    );
    const { checks } = await shownByPlugin();
    expect(checks?.map(({ metric }) => metric)).toEqual([
      "request-success-rate",
      "request-duration",
      "success-rate",
      "latency",
      "inline",
    ]);
    await derive({ checks: checks ?? [] });
    await scenario.phase("Succeeded");
  });

  it("so can the requests that a Canary without metrics waits for", async () => {
    await measure([]);
    await scenario.setImage("1.7.4");
    await scenario.until("a check", ({ checks = [] }) => checks.length === 1 && checks[0]?.outcome === "pass");
    await derive(await scenario.status());
    await scenario.phase("Succeeded");
  });
});

describe("at 0.2 requests a second", () => {
  it("nothing is decided on fewer than minRequests, and the status says how many are missing and when they will be there", async () => {
    const metric = { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "10s" };
    const value = { interval: "3s", threshold: 1, stepWeight: 50, maxWeight: 50, minRequests: 8, metrics: [metric] };
    const patch = JSON.stringify([{ op: "replace", path: "/spec/analysis", value }]);
    await scenario.kubectl("patch", "canary", "podinfo", "--type=json", "-p", patch);
    await (await scenario.load()).setRate(0.2);
    await scenario.setImage("1.7.2-failing");
    const seen = new Set<string>();
    const ended = await scenario.until(
      "the end",
      ({ phase, canaryWeight, reason, checks = [], failedChecks }) => {
        const words =
          /only (\d+) requests? of the 8 needed came in \d+s; (\d+) more (is|are) needed: at 0\.\d+ requests\/s in about \S+/;
        if (words.test(reason ?? "")) seen.add(reason ?? "");
        const verdict = checks.find(({ outcome }) => outcome === "pass" || outcome === "fail");
        if (verdict) expect(verdict.requests).toBeGreaterThanOrEqual(8);
        if (failedChecks) expect(checks[0]?.requests).toBeGreaterThanOrEqual(8);
        expect(phase === "Promoting" || (canaryWeight ?? 0) > 50).toBe(false);
        return phase === "Failed";
      },
      900_000,
    );
    expect(ended.history?.[0]).toMatchObject({ outcome: "rejected" });
    process.stdout.write(`at 0.2 requests a second:\n  ${[...seen].join("\n  ")}\n  ${ended.history?.[0]?.cause}\n`);
    expect(seen.size).toBeGreaterThan(0);
  });
});

describe("a ServiceProfile over an HTTPRoute", () => {
  const profile = `podinfo.${namespace}.svc.cluster.local`;
  const sendTo = async (service: string): Promise<void> => {
    await scenario.kubectl("set", "env", "deploy/load", `TARGET=http://${service}:9898`);
    await scenario.kubectl("rollout", "status", "deploy/load", "--timeout=90s");
    await (await scenario.load()).setRate(50);
  };

  it("is found to be why users do not follow the route, and the run goes on without it", async () => {
    await apply([
      { apiVersion: "linkerd.io/v1alpha2", kind: "ServiceProfile", metadata: { name: profile, namespace }, spec: {} },
    ]);
    // An empty one does no harm to callers that come after it: that they do not follow the route is brought about by hand.
    await sendTo("podinfo-primary");
    const value = {
      interval: "3s",
      threshold: 2,
      stepWeight: 50,
      metrics: [{ name: "request-success-rate", thresholdRange: { min: 90 }, interval: "10s" }],
    };
    await scenario.kubectl(
      "patch",
      "canary",
      "podinfo",
      "--type=json",
      "-p",
      JSON.stringify([{ op: "replace", path: "/spec/analysis", value }]),
    );
    await scenario.setImage("1.7.1");
    const words = `ServiceProfile ${profile} is there, and proxies obey it instead of HTTPRoute podinfo: delete it`;
    const held = await scenario.until("the cause", ({ reason }) => reason?.includes(words) ?? false);
    expect(held.canaryWeight).toBe(50);
    await scenario.kubectl("delete", "serviceprofile", profile);
    await sendTo("podinfo");
    await scenario.phase("Succeeded", 240_000);
  });
});

/** Values of a series of the controller, as Prometheus has them. */
async function scraped(promql: string): Promise<number[]> {
  const samples = await createPrometheus({ timers: systemClock, address: await prometheusUrl() }).query(promql);
  return samples.map(({ value }) => value);
}

describe("the controller's metrics", () => {
  const of = `name="podinfo",namespace="${namespace}"`;
  const controllers = [
    "flagger_info",
    `flagger_canary_total{namespace="${namespace}"}`,
    `flagger_canary_status{${of}}`,
    `flagger_canary_weight{workload="podinfo",namespace="${namespace}"}`,
    `flagger_canary_metric_analysis{${of},metric="request-success-rate"}`,
    `flagger_canary_duration_seconds_count{${of}}`,
    `flagger_canary_successes_total{${of}}`,
    `flagger_canary_failures_total{${of}}`,
    'kubectl_canary_verdicts_total{outcome="fail"}',
    `kubectl_canary_metric_limit{${of},metric="request-success-rate",bound="min"}`,
    `kubectl_canary_metric_requests{${of},metric="request-success-rate"}`,
    `kubectl_canary_requests_needed{${of}}`,
    `kubectl_canary_comparison_evidence_needed{${of}}`,
    'kubectl_canary_admission_duration_seconds_count{answer="patched"}',
    "kubectl_canary_queue_depth",
    "kubectl_canary_certificate_days_left",
    "process_resident_memory_bytes",
  ];

  it.each(controllers)("%s is scraped", async (series) => {
    const [name = "", labels = ""] = series.split(/[{}]/);
    const labelled = `${name}{job="kubectl-canary"${labels && `,${labels}`}}`;
    const what = `${labelled} to be scraped`;
    await waitFor(async () => (await scraped(labelled)).length > 0 || unmet("no series"), 30_000, what);
  });
});
