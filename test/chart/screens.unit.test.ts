// The chart's dashboards and alert rules, as far as no cluster is needed to judge them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRecorder } from "../../webhook/telemetry/recorder.ts";
import { parseQuery } from "../../shared/promql.ts";
import { repository } from "../cluster/layout.ts";
import { alertRules, dashboards, faultsOf, filledIn, ownMetricsIn, queriesOf } from "./screens.ts";

const boards = await dashboards();
const rules = await alertRules();
const variables = { namespace: "test", name: "podinfo" };

/** Every metric of the controller that a scrape could have. */
async function exported(): Promise<Set<string>> {
  const { body } = await createRecorder({ version: "0.1.0", meshProvider: "auto" }).text();
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    types.flatMap(([, name = "", type]) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

function expectToBeOurs(expr: string, known: ReadonlySet<string>): void {
  const parsed = parseQuery(filledIn(expr, variables));
  expect(parsed.ok ? "PromQL" : parsed.why, expr).toBe("PromQL");
  expect(
    ownMetricsIn(expr).filter((name) => !known.has(name)),
    expr,
  ).toEqual([]);
}

describe.each(boards)("the dashboard %s", (_file, board) => {
  it("has all that an import needs", () => {
    expect(faultsOf(board)).toEqual([]);
  });

  it("asks in PromQL for metrics that the controller exports", async () => {
    const known = await exported();
    const queries = queriesOf(board);
    expect(queries.length).toBeGreaterThan(10);
    for (const { expr } of queries) expectToBeOurs(expr, known);
  });
});

describe("a dashboard", () => {
  it("is told apart from one that Grafana would show in part", () => {
    const [, sound] = boards[0]!;
    const broken = structuredClone(sound) as {
      panels: { id: number; type: string; gridPos: { x: number; y: number }; targets?: { expr: string }[] }[];
    };
    const [first, second] = broken.panels;
    second!.id = first!.id;
    second!.gridPos = { ...first!.gridPos };
    first!.type = "graph";
    second!.targets![0]!.expr = 'up{cluster="$cluster"}';
    expect(faultsOf(broken)).toEqual([
      `two panels have the id ${first!.id}`,
      expect.stringContaining("graph is no panel of Grafana's own"),
      expect.stringContaining(" lies over "),
      expect.stringContaining("$cluster is no variable"),
    ]);
  });

  it("is found by its links", () => {
    const uids = boards.map(([, board]) => (board as { uid: string }).uid);
    const linked = [...JSON.stringify(boards).matchAll(/\/d\/([a-z-]+)/g)].map(([, uid = ""]) => uid);
    expect(new Set(linked)).toEqual(new Set(uids));
  });
});

it("docs/monitoring.md has every metric of the controller, and every alert", async () => {
  const page = await readFile(join(repository, "docs", "monitoring.md"), "utf8");
  const names = [...(await exported())].filter((name) => /^(flagger|kubectl_canary)_/.test(name));
  const missing = names.map((name) => name.replace(/_(bucket|sum|count)$/, "")).filter((name) => !page.includes(name));
  expect([...missing, ...rules.map(({ alert }) => alert).filter((alert) => !page.includes(`\`${alert}\``))]).toEqual(
    [],
  );
});

describe("the alert rules", () => {
  it("are the six that somebody has to see to, each with a severity and what to do", () => {
    expect(rules.map(({ alert, labels }) => `${alert} ${labels.severity}`)).toEqual([
      "CanaryWaitsForPerson warning",
      "CanaryBlocked warning",
      "CanaryWriteRefused critical",
      "CanaryPrometheusCannotBeAsked warning",
      "CanaryControllerHasNoLeader critical",
      "CanaryCertificateExpires critical",
    ]);
    for (const rule of rules) {
      expect(rule.for).toMatch(/^\d+[mh]$/);
      expect(rule.annotations.description).toMatch(/kubectl canary|log/);
    }
  });

  it("ask in PromQL for metrics that the controller exports, and name labels that their series have", async () => {
    const known = await exported();
    for (const { expr, annotations } of rules) {
      expectToBeOurs(expr, known);
      const kept = /by \(([^)]*)\)/.exec(expr)?.[1]?.split(", ") ?? [];
      const named = [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);
      expect(named.filter((label) => !kept.includes(label))).toEqual([]);
    }
  });
});
