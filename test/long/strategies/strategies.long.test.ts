/**
 * Each strategy at 100 requests a second, by the route that it may have: a run in which the leader is killed and then all controllers are
 * replaced, and one that is rolled back. No client's request fails in either, and whoever is meant to get the canary gets it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leaseName } from "../../../shared/core/objects/names.ts";
import { httpRoute, trafficSplit } from "../../../shared/core/routes/routes.ts";
import type { AnalysisSpec } from "../../../shared/core/objects/canary.ts";
import { printTable } from "../../bench/measure.ts";
import { mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { auditMark, callsSince, weightsWritten } from "../../cluster/parts/audit.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { withinBinomial } from "../../e2e/judging/statistics.ts";
import { Scenario, type Provider } from "../../e2e/scenario.ts";

interface Row {
  name: string;
  analysis: Partial<AnalysisSpec>;
  /** Weight of the pause in which something happens to the run. */
  pause: number;
  /** Percent of all requests that the canary gets there. */
  share: number;
  paths?: string;
  /** As they follow one another in a run that nobody takes back. */
  weights: number[];
}

const pausing = (...weights: number[]): Pick<AnalysisSpec, "pauses"> => ({
  pauses: weights.map((weight) => ({ weight })),
});

const canary: Row = {
  name: "canary",
  analysis: { stepWeights: [20, 50], ...pausing(50) },
  ...{ pause: 50, share: 50, weights: [20, 50, 0] },
};
const blueGreen: Row = {
  name: "Blue/Green",
  analysis: { iterations: 2, metrics: [], ...pausing(100) },
  ...{ pause: 100, share: 100, weights: [100, 0] },
};
const aB: Row = {
  name: "A/B",
  analysis: { iterations: 2, match: [{ queryParams: { beta: { exact: "yes" } } }], ...pausing(100) },
  ...{ pause: 100, share: 25, paths: "/?beta=yes 1, / 3", weights: [100, 0] },
};
const preview: Row = {
  name: "preview",
  analysis: { stepWeights: [50], preview: { header: { name: "x-canary", value: "mine" } }, ...pausing(50) },
  ...{ pause: 50, share: 50, weights: [50, 0] },
};
const affinity: Row = {
  name: "session affinity",
  analysis: { stepWeights: [20, 50], sessionAffinity: { cookieName: "track" }, ...pausing(50) },
  ...{ pause: 50, share: 50, weights: [20, 50, 0] },
};

const routes: [string, Provider, Row[]][] = [
  ["TrafficSplit", "linkerd", [canary, blueGreen]],
  ["HTTPRoute", "gatewayapi:v1", [canary, blueGreen, aB, preview, affinity]],
];
/** Takes away what the row before asked for. */
const none = {
  ...{ stepWeight: null, maxWeight: null, stepWeights: null, iterations: null, match: null },
  ...{ pauses: null, preview: null, sessionAffinity: null },
  metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" }],
};
const controllers = "kubectl-canary";
const table: string[][] = [];

afterAll(() =>
  printTable(["strategy", "route", "what happens", "requests", "failed", "canary's share", "weights"], table),
);

describe.each(routes)("over a %s", (kind, provider, rows) => {
  const namespace = `long-strategies-${kind.toLowerCase()}`;
  let scenario: Scenario;
  let rounds = 0;

  beforeAll(async () => {
    scenario = await Scenario.start(namespace, { provider, replicas: 2, rate: 100 });
  });
  afterAll(() => scenario.end());

  interface Begun {
    mark: number;
    run: string;
    share: string;
  }

  /** A run of another version, in its pause with the share that is meant. */
  async function begin({ analysis, pause, share, paths = "/" }: Row): Promise<Begun> {
    const patch = { spec: { analysis: { ...none, ...analysis } } };
    await scenario.kubectl("patch", "canary", "podinfo", "--type", "merge", "-p", JSON.stringify(patch));
    const load = await scenario.load();
    await load.setPaths(paths);
    await load.reset();
    const mark = await auditMark();
    await scenario.setContainer({ env: [{ name: "ROUND", value: String(++rounds) }] });
    const { run } = await scenario.untilOfRun(
      `the pause at ${pause}`,
      (status) => status.run?.hold === "declared-pause" && status.run.gate?.name === String(pause),
    );
    const before = await load.counts();
    const after = await load.until(before.requests + 500);
    const of = ({ byWorkload }: typeof after): number => byWorkload["podinfo-canary"] ?? 0;
    const [hits, requests] = [of(after) - of(before), after.requests - before.requests];
    expect(withinBinomial(hits, requests, share / 100), `${hits} of ${requests}, for ${share} %`).toBe(true);
    return { mark, run: run?.id ?? "", share: `${((100 * hits) / requests).toFixed(1)}% of ${share}%` };
  }

  /** Nobody failed. The weights that the controller wrote, from the first on, without repeats. */
  async function concluded(row: Row, what: string, { mark, share }: Begun): Promise<number[]> {
    const { requests, failed, failures } = await (await scenario.load()).counts();
    const router = provider === "linkerd" ? trafficSplit : httpRoute;
    const written = weightsWritten(await callsSince(mark), namespace, router).map(({ weight }) => weight);
    // A preview's rule is written before the first weight.
    const given = written.slice(written.findIndex((weight) => weight > 0));
    const weights = given.filter((weight, index) => weight !== given[index - 1]);
    table.push([row.name, kind, what, String(requests), String(failed), share, weights.join(" ")]);
    expect(failed, JSON.stringify(failures)).toBe(0);
    return weights;
  }

  /** To its end, whose weights are returned. */
  it.each(rows)("$name: its leader is killed, then its controllers are replaced, and it is promoted", async (row) => {
    const begun = await begin(row);
    const before = await leader();
    await mustKubectl(["-n", controllers, "delete", "pod", before, "--grace-period=0", "--force"]);
    const look = async (): Promise<true | ReturnType<typeof unmet>> => {
      const now = await leader();
      return (now !== "" && now !== before) || unmet(now);
    };
    await waitFor(look, 90_000, "another leader");
    await mustKubectl(["-n", controllers, "rollout", "restart", "deploy", controllers]);
    await waitForRollout(controllers, controllers, 120_000);
    const { run, canaryWeight } = await scenario.status();
    expect([run?.id, canaryWeight, await scenario.weight()]).toEqual([begun.run, row.pause, row.pause]);
    const { code, stderr } = await scenario.plugin("resume", "--timeout", "60s");
    expect(code, stderr).toBe(0);
    const { history } = await scenario.phase("Succeeded");
    expect(history?.[0]).toMatchObject({ outcome: "promoted", run: begun.run });
    expect(await concluded(row, "two changes of the leader", begun)).toEqual(row.weights);
  });

  it.each(rows)("$name: rolled back, everybody is stable's, whose pods stay", async (row) => {
    const pods = await scenario.podUids();
    const begun = await begin(row);
    const { code, stderr } = await scenario.plugin("rollback");
    expect(code, stderr).toBe(0);
    await scenario.phase("Failed");
    expect(await scenario.weight()).toBe(0);
    expect(await scenario.podUids()).toEqual(pods);
    await (await scenario.load()).until(1_500);
    expect((await concluded(row, "rolled back", begun)).at(-1)).toBe(0);
  });
});

const leader = (): Promise<string> =>
  mustKubectl(["-n", controllers, "get", "lease", leaseName, "-o", "jsonpath={.spec.holderIdentity}"]);
