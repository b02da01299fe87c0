/** The tests of a run, as far as they have come: what each has counted on both tracks, and how much its evidence lacks. Pure. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { ComparisonStatus } from "../../../shared/core/objects/canary-status.ts";
import { goDuration } from "../../../shared/core/format/go.ts";
import { judgingOf } from "../../../shared/core/spec/analysis-settings.ts";
import { testsOf, type TestKind } from "../../../shared/core/spec/run-tests.ts";
import { neededEvidence } from "../../../shared/core/comparison/comparison-words.ts";
import { paint, type RenderOptions } from "../../terminal/style.ts";
import { type Column, formatTable } from "../../terminal/table.ts";

export interface TestView {
  test: Exclude<TestKind, "warmup">;
  canary: { requests: number; found: number };
  primary: { requests: number; found: number };
  /** Percent of requests by which the canary may have more than the primary. */
  marginPercent: number;
  /** That it has: 1 says nothing, `neededEvidence` suffices. */
  evidence: number;
  neededEvidence: number;
  action: "rollback" | "hold";
  /** What is slow: taking longer than this, or never answered; null for other tests. */
  slowMs: number | null;
}

export function viewComparison({ spec, status }: Canary): TestView[] {
  const comparison = status?.run?.comparison;
  if (!comparison) return [];
  return testsOf(judgingOf(spec.analysis ?? {})).flatMap(({ kind, alpha, marginPercent, action }) => {
    const counted = kind === "warmup" ? undefined : countedBy(kind, comparison);
    if (kind === "warmup" || !counted) return [];
    const slowMs = kind === "slow" ? (comparison.slow?.boundMs ?? null) : null;
    return [{ test: kind, ...counted, marginPercent, neededEvidence: neededEvidence(alpha), action, slowMs }];
  });
}

export function renderComparison(tests: readonly TestView[], { style }: Pick<RenderOptions, "style">): string[] {
  if (tests.length === 0) return [];
  const columns: Column[] = [
    { head: "COMPARED" },
    ...["CANARY", "PRIMARY", "MARGIN", "EVIDENCE", "NEEDED"].map((name): Column => ({ head: name, align: "right" })),
    { head: "THEN" },
  ];
  const rows = tests.map((test) => [
    nameOf(test),
    share(test.canary),
    share(test.primary),
    `${test.marginPercent}%`,
    short(test.evidence),
    short(test.neededEvidence),
    test.action === "hold" ? "waits for a person" : "goes back",
  ]);
  const [head = "", ...body] = formatTable(columns, rows);
  return [paint(style, "strong", head), ...body, paint(style, "dim", "users' requests since the canary has traffic")];
}

// --- internal ---

type Counted = Pick<TestView, "canary" | "primary" | "evidence">;

function countedBy(kind: TestView["test"], comparison: ComparisonStatus): Counted | undefined {
  const of = kind === "failures" ? comparison : comparison[kind];
  if (!of) return undefined;
  const counts = (track: object): { requests: number; found: number } => {
    const known = track as Partial<Record<string, number>>;
    return { requests: known["requests"] ?? 0, found: known[kind] ?? 0 };
  };
  return { canary: counts(of.canary), primary: counts(of.primary), evidence: of.evidence };
}

function nameOf({ test, slowMs }: TestView): string {
  if (test === "slow") return slowMs === null ? "slow" : `slower than ${goDuration(slowMs)}`;
  return { failures: "failed", clientErrors: "client errors (4xx)", denied: "refused by policy" }[test];
}

function share({ requests, found }: { requests: number; found: number }): string {
  return `${found} of ${requests}`;
}

function short(evidence: number): string {
  return evidence >= 1e6 ? "> 1000000" : String(Number(evidence.toPrecision(3)));
}
