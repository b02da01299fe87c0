// What the team's own screens ask, asked of the real Prometheus while a run waits for a person and another Canary is blocked.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPrometheus, type Prometheus } from "../../shared/prometheus.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { alertRules, dashboards, filledIn, ownMetricsIn, queriesOf } from "../chart/screens.ts";
import { prometheusUrl } from "../cluster/parts/prometheus.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { canaryFor, Scenario } from "./scenario.ts";

const namespace = "e2e-screens";
/** The one that runs, and the one that is blocked. */
const names = ["podinfo", "frontend"];
const metrics = [
  { name: "request-success-rate", thresholdRange: { min: 90 }, interval: "30s" },
  { name: "request-duration", thresholdRange: { max: 10_000 }, interval: "30s" },
];

let scenario: Scenario;
let prometheus: Prometheus;

/** Its MetricTemplate is not there, so it starts nothing. */
function aBlockedCanary(): object {
  const template = { name: "absent", templateRef: { name: "absent" }, thresholdRange: { max: 1 } };
  const { metadata, spec, ...canary } = canaryFor(namespace, {
    provider: "gatewayapi:v1",
    analysis: { metrics: [template] },
  });
  const targetRef = { ...spec.targetRef, name: "frontend" };
  const gatewayRefs = [{ group: "core", kind: "Service", name: "frontend", namespace, port: 8080 }];
  return {
    ...canary,
    metadata: { ...metadata, name: "frontend" },
    spec: { ...spec, targetRef, service: { port: 8080, gatewayRefs } },
  };
}

beforeAll(async () => {
  prometheus = createPrometheus({ timers: systemClock, address: await prometheusUrl() });
  const analysis = { interval: "2s", stepWeight: 50, pauses: [{ weight: 50 }], metrics };
  scenario = await Scenario.start(namespace, {
    provider: "gatewayapi:v1",
    analysis,
    objects: () => [aBlockedCanary()],
  });
  await scenario.setImage("1.7.1");
  await scenario.until(
    "a pause with values of both metrics",
    ({ run, checks = [] }) =>
      run?.hold === "declared-pause" && checks.filter(({ value }) => value !== null).length === metrics.length,
  );
  for (const series of ["kubectl_canary_waiting", "kubectl_canary_blocked"]) {
    const query = `${series}{namespace="${namespace}"}`;
    await waitFor(async () => (await count(query)) > 0 || unmet("no series"), 60_000, `a scrape of ${query}`, 500);
  }
});
afterAll(() => scenario.end());

/** How many series a query has by now. */
async function count(query: string): Promise<number> {
  return (await prometheus.query(query)).length;
}

describe.each(await dashboards())("the dashboard %s", (_file, board) => {
  it("finds series for each of its queries", async () => {
    for (const { where, expr } of queriesOf(board)) {
      const queries = names.map((name) => filledIn(expr, { namespace, name }));
      const look = async () => (await Promise.all(queries.map(count))).some((found) => found > 0) || unmet("no series");
      await waitFor(look, 60_000, `${where}: ${queries.join(", ")}`, 500);
    }
  });
});

/** Which Canaries of ours the rule names, and those of no namespace: other tests' canaries may be in trouble meanwhile. */
async function firingOf({ alert, expr }: { alert: string; expr: string }): Promise<unknown[]> {
  const found = await prometheus.query(expr);
  const ours = found.filter(({ labels }) => labels["namespace"] === undefined || labels["namespace"] === namespace);
  return ours.map(({ labels }) => [alert, labels["name"], labels["cause"] ?? labels["code"]]);
}

describe("the alert rules", () => {
  it("fire for what waits and what is blocked, and not for what is well", async () => {
    const wanted = JSON.stringify([
      ["CanaryWaitsForPerson", "podinfo", "declared-pause"],
      ["CanaryBlocked", "frontend", "template-missing"],
    ]);
    // A scrape of the controller that fails makes its series absent until the next one.
    const look = async (): Promise<true | ReturnType<typeof unmet>> => {
      const firing = JSON.stringify((await Promise.all((await alertRules()).map(firingOf))).flat());
      return firing === wanted || unmet(firing);
    };
    await waitFor(look, 30_000, wanted, 500);
  });

  it("ask for series that are there", async () => {
    const asked = new Set((await alertRules()).flatMap(({ expr }) => ownMetricsIn(expr)));
    expect(asked.size).toBe(4);
    for (const name of asked)
      await waitFor(async () => (await count(name)) > 0 || unmet("no series"), 30_000, name, 500);
  });
});
