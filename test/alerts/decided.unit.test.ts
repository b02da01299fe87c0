/**
 * Which alerts the runs of `test/scenarios/` send, as a golden text for people to read and to review when it changes.
 * `UPDATE=1 npx vitest run --project unit test/alerts/decided.unit.test.ts` rewrites it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Alert } from "../../shared/core/state.ts";
import { play, type Script } from "../simulation/play.ts";
import { scripts } from "../simulation/scripts.ts";

const file = new URL("./decided.txt", import.meta.url);
const everything = { alerts: [{ name: "on-call", severity: "info", provider: { name: "on-call" } }] } as const;

/** Each when it is decided; nobody takes them, so those that are left out for want of room do not matter here. */
function alertsIn(script: Script): Alert[] {
  const { turns } = play({ ...script, policy: { ...script.policy, alerts: [...everything.alerts] } });
  const found = turns.flatMap((one) => {
    if (one.kind !== "turn") return [];
    const known = new Set(one.turn.before.alerts.map(({ at }) => at));
    return one.turn.decision.state.alerts.filter(({ at }) => !known.has(at));
  });
  return [...new Map(found.map((alert) => [alert.at, alert])).values()];
}

/** One for each kind of alert; what holds for all runs is below. */
const reviewed = [
  ...[
    "promote",
    "rollback-errors",
    "revert-mid-run",
    "replace-before-traffic",
    "supersede-mid-run",
    "pods-never-ready",
  ],
  ...["endpoints-vanish-while-promoting", "prometheus-down", "prometheus-down-long", "never-reached", "skip-analysis"],
  ...["rollback-while-analysing", "rollback-while-promoting", "weight-lowered-and-failing", "paused-and-resumed"],
  ...["paused-by-its-user", "retry", "break-glass-mid-run", "unvetted-then-changed"],
];

function textOf(script: Script): string {
  const lines = alertsIn(script).map(({ severity, code, message }) => `  ${severity.padEnd(5)} ${code}: ${message}`);
  return [script.title, ...lines].join("\n");
}

describe("the alerts", () => {
  const all = Object.values(scripts);

  it("of these runs are as they were reviewed", () => {
    const text = `${reviewed.map((name) => textOf(scripts[name]!)).join("\n\n")}\n`;
    if (process.env["UPDATE"] !== undefined) writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, "utf8"));
  });

  it.each(all.map((script) => [script.title, script] as const))(
    "of a run tell its end, each end once (%s)",
    (_, script) => {
      const codes = alertsIn(script).map(({ code }) => code);
      const { history } = play(script).state;
      for (const outcome of ["promoted", "rejected", "reverted", "aborted"] as const) {
        const ends = history.filter((entry) => entry.outcome === outcome).length;
        expect(codes.filter((code) => code === outcome)).toHaveLength(ends);
      }
    },
  );
});
