/**
 * What Flagger's end-to-end tests on Linkerd and its Linkerd tutorial apply, and what they do then, to its end: intervals, thresholds,
 * addresses and names as they are there, images apart. A server that speaks its load tester's protocol is the only caller.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AnalysisSpec, MetricSpec, WebhookSpec } from "../../../shared/core/objects/canary.ts";
import { setValue } from "../../chart/install.ts";
import { appObjects } from "../../app/manifests.ts";
import { apply, deleteNamespace, kubectl, mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { flaggerTester, testerName } from "../../e2e/flagger-tester.ts";
import { Scenario } from "../../e2e/scenario.ts";

const namespace = "test";
const scenario = Scenario.of(namespace);
const longMs = 900_000;

const template = (name: string, inNamespace: string, query: string): object => ({
  ...{ apiVersion: "flagger.app/v1beta1", kind: "MetricTemplate", metadata: { name, namespace: inNamespace } },
  spec: { provider: { type: "prometheus", address: "http://prometheus.linkerd-viz:9090" }, query },
});

const series = (name: string, more = ""): string =>
  `rate(${name}{namespace="{{ namespace }}", deployment=~"{{ target }}", ${more}direction="{{ variables.direction }}"}[{{ interval }}])`;

const templates = (inNamespace: string): object[] => [
  template(
    "success-rate",
    inNamespace,
    `sum(${series("response_total", 'classification!="failure", ')}) / sum(${series("response_total")}) * 100`,
  ),
  template("latency", inNamespace, `histogram_quantile(0.99, sum(${series("response_latency_ms_bucket")}) by (le))`),
];

const metric = (name: string, inNamespace: string, more: Partial<MetricSpec>): MetricSpec => ({
  ...{ name, templateRef: { name, namespace: inNamespace }, templateVariables: { direction: "inbound" } },
  ...more,
});

const task = (name: string, cmd: string, more: Partial<WebhookSpec> = {}): WebhookSpec => ({
  ...{ name, url: `http://${testerName}.${namespace}/`, metadata: { cmd } },
  ...more,
});

const bash = (name: string, cmd: string, timeout: string): WebhookSpec =>
  task(name, cmd, { type: "pre-rollout", timeout, metadata: { type: "bash", cmd } });

const acceptance = (host: string): WebhookSpec =>
  bash("http-acceptance-test", `curl -sd 'test' http://${host}/token | grep token`, "30s");

const load = (target: string): WebhookSpec => {
  const cmd = `hey -z 10m -q 10 -c 2 ${target}`;
  return task("load-test", cmd, { timeout: "5s", metadata: { type: "cmd", cmd } });
};

function canary(name: string, service: { port: number }, analysis: AnalysisSpec, more: object = {}): object {
  const gatewayRefs = [{ name: "podinfo", namespace, group: "core", kind: "Service", port: service.port }];
  return {
    ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name, namespace } },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      progressDeadlineSeconds: 60,
      service: { ...service, gatewayRefs },
      analysis,
      ...more,
    },
  };
}

/** Flagger's podinfo listens for gRPC and metrics too, and has no Service before it has a Canary. */
async function installPodinfo(): Promise<void> {
  await deleteNamespace(namespace);
  const objects = await appObjects(namespace, { without: ["load", "frontend"] });
  await apply(objects.filter(({ kind }) => kind !== "Service"));
  const container = {
    name: "podinfod",
    env: [
      { name: "PODINFO_GRPC_PORT", value: "9999" },
      { name: "PODINFO_PORT_METRICS", value: "9797" },
    ],
    ports: [
      { name: "http", containerPort: 9898 },
      { name: "http-metrics", containerPort: 9797 },
      { name: "grpc", containerPort: 9999 },
    ],
  };
  const patch = JSON.stringify({ spec: { template: { spec: { containers: [container] } } } });
  await scenario.kubectl("patch", "deployment/podinfo", "-p", patch);
  await apply(flaggerTester(namespace));
  await waitForRollout(namespace, testerName);
  await waitForRollout(namespace, "podinfo");
}

async function promoted(image: "1.7.0" | "1.7.1"): Promise<void> {
  await scenario.setImage(image);
  await scenario.phase("Succeeded", longMs);
  const running = await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={..image}");
  expect(running).toContain(`podinfo:${image}`);
}

const allowTemplatesOf = (list: string): Promise<void> => setValue("metrics.templateNamespaces", list);

beforeAll(() => allowTemplatesOf("{linkerd}"));
afterAll(async () => {
  await deleteNamespace(namespace);
  await mustKubectl(["-n", "linkerd", "delete", "metrictemplates", "success-rate", "latency", "--ignore-not-found"]);
  await allowTemplatesOf("null");
});

describe("its end-to-end tests", () => {
  const service = { port: 80, targetPort: "http", portDiscovery: true };
  // Theirs is `threshold: 99`, by Flagger's code as by ours the highest value that passes: 100 % would not.
  const inbound = (maxMs: number, interval: string): MetricSpec[] => [
    metric("success-rate", "linkerd", { thresholdRange: { min: 99 }, interval: "1m" }),
    metric("latency", "linkerd", { threshold: maxMs, interval }),
  ];

  beforeAll(async () => {
    await installPodinfo();
    await apply(templates("linkerd"));
  });

  it("promote a good version after an acceptance test by HTTP and one by gRPC, beside a Canary without a target", async () => {
    const webhooks = [
      acceptance("podinfo-canary"),
      bash("grpc-acceptance-test", "grpc_health_probe -connect-timeout=1s -addr=podinfo-canary:9999", "5s"),
      load("http://podinfo.test/"),
    ];
    const analysis = { interval: "15s", threshold: 15, maxWeight: 50, stepWeight: 10 };
    await apply([
      canary("podinfo", service, { ...analysis, metrics: inbound(300, "1m"), webhooks }),
      canary("podinfo-service", { port: 9898, ...{ portDiscovery: true } }, { ...analysis, maxWeight: 30 }),
    ]);
    await scenario.phase("Initialized");
    await promoted("1.7.1");
    const events = await scenario.told("Promotion completed!");
    for (const name of ["http-acceptance-test", "grpc-acceptance-test"])
      expect(events).toContain(`Pre-rollout check ${name} passed`);
    for (const weight of [10, 20, 30, 40, 50]) expect(events).toContain(`Advance podinfo.test canary weight ${weight}`);
    const lost = await scenario.kubectl("get", "canary", "podinfo-service", "-o", "jsonpath={.status.reason}");
    expect(lost).toContain("podinfo-service");
  });

  it("take back a version that its load test gets errors from", async () => {
    const analysis = { interval: "15s", threshold: 3, maxWeight: 50, stepWeight: 10, metrics: inbound(500, "30s") };
    const webhooks = [acceptance("podinfo-canary"), load("http://podinfo.test/status/500")];
    await apply([canary("podinfo", { port: 80, ...{ targetPort: 9898 } }, { ...analysis, webhooks })]);
    await scenario.setImage("1.7.0");
    const { history } = await scenario.phase("Failed", longMs);
    expect(history?.[0]?.cause).toMatch(/success-rate/);
  });

  it("promote by steps of their own", async () => {
    const analysis = { interval: "15s", threshold: 15, maxWeight: 50, stepWeights: [10, 20, 30, 40, 50, 60] };
    // A tester that is still at its errors is no part of that test.
    await scenario.kubectl("rollout", "restart", `deploy/${testerName}`);
    await waitForRollout(namespace, testerName);
    const webhooks = [load("http://podinfo.test/")];
    await apply([canary("podinfo", service, { ...analysis, metrics: inbound(500, "30s"), webhooks })]);
    await scenario.setContainer({ env: [{ name: "ROUND", value: "steps" }] });
    await scenario.phase("Succeeded", longMs);
    expect(await scenario.events()).toContain("Advance podinfo.test canary weight 60");
  });
});

describe("its tutorial", () => {
  const webhooks = [
    bash("acceptance-test", "curl -sd 'test' http://podinfo-canary.test:9898/token | grep token", "30s"),
    task("load-test", "hey -z 2m -q 10 -c 2 http://podinfo-canary.test:9898/", { type: "rollout" }),
  ];
  const metrics = [
    metric("success-rate", namespace, { thresholdRange: { min: 99 }, interval: "1m" }),
    metric("latency", namespace, { thresholdRange: { max: 500 }, interval: "30s" }),
  ];
  const autoscalerRef = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" };
  const analysis = { interval: "30s", threshold: 5, maxWeight: 50, stepWeight: 5, metrics, webhooks };
  const tutorial = (more: Partial<AnalysisSpec> = {}): object =>
    canary("podinfo", { port: 9898, ...{ targetPort: 9898 } }, { ...analysis, ...more }, { autoscalerRef });

  beforeAll(async () => {
    await installPodinfo();
    const { name, ...kinds } = autoscalerRef;
    const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name };
    const cpu = { name: "cpu", target: { type: "Utilization", averageUtilization: 99 } };
    const spec = { scaleTargetRef, minReplicas: 2, maxReplicas: 4, metrics: [{ type: "Resource", resource: cpu }] };
    await apply([{ ...kinds, metadata: { name, namespace }, spec }, ...templates(namespace), tutorial()]);
    await scenario.phase("Initialized");
  });

  it("promotes a good version", async () => {
    await promoted("1.7.1");
    expect(await scenario.events()).toContain("Pre-rollout check acceptance-test passed");
  });

  it("takes back one whose users get errors", async () => {
    await scenario.setImage("1.7.0");
    await scenario.until("some weight", ({ canaryWeight = 0 }) => canaryWeight > 0, longMs);
    const ip = await scenario.kubectl("get", "svc", testerName, "-o", "jsonpath={.spec.clusterIP}");
    const metadata = { cmd: "hey -z 10m -q 10 -c 2 http://podinfo-canary.test:9898/status/500" };
    const asked = { method: "POST", body: JSON.stringify({ name: "podinfo", namespace, metadata }) };
    expect((await fetch(`http://${ip}/`, asked)).status).toBe(202);
    const { history } = await scenario.phase("Failed", longMs);
    expect(history?.[0]?.outcome).toBe("rejected");
  });

  it("has a query of 404s that measures stable: it is refused, with what to write", async () => {
    const of = (more: string): string =>
      `sum(rate(response_total{namespace="test", deployment="podinfo", ${more}}[1m]))`;
    const query = `100 - ${of('status_code!="404", direction="inbound"')} / ${of('direction="inbound"')} * 100`;
    const wrong = tutorial({ metrics: [...metrics, { name: "404s percentage", threshold: 3, query }] });
    const { code, stderr } = await kubectl(["apply", "-f", "-"], { input: JSON.stringify(wrong) });
    expect(code).not.toBe(0);
    expect(stderr).toContain('write deployment="{{ target }}"');
  });
});
