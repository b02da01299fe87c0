/**
 * Ready pods of both tracks against what the load needs, under a real HorizontalPodAutoscaler and a load that doubles at weight 50: each
 * change of a pod from `set image` to the promotion, S for a pod of stable's and C for one of the canary's, up to | what the load needs.
 * Needs `make cluster install`.
 */
import { Autoscaled, neededFor, rate } from "../e2e/autoscaled.ts";
import { printRows, row } from "./fleet/rows.ts";
import { printTable } from "./measure.ts";

const app = await Autoscaled.start("bench-autoscaler");
try {
  app.ready.forget();
  const grownAt = await app.promote();
  const startedAt = app.ready.seen[0]?.at ?? 0;
  const seen = app.ready.seen.map((one) => ({ ...one, need: neededFor(one.at < grownAt ? rate : 2 * rate) }));
  const isNew = (index: number): boolean => {
    const [now, past] = [seen[index], seen[index - 1]];
    return now?.stable !== past?.stable || now?.canary !== past?.canary || now?.need !== past?.need;
  };
  printTable(
    ["ready pods", "needed", "after"],
    seen
      .filter((_, index) => isNew(index))
      .map(({ at, stable, canary, need }) => {
        const pods = `${"S".repeat(stable)}${"C".repeat(canary)}`.padEnd(need);
        return [
          `${pods.slice(0, need)}|${pods.slice(need)}`,
          String(need),
          `${Math.round((at - startedAt) / 1_000)} s`,
        ];
      }),
  );
  const few = seen.filter(({ stable, canary, need }) => stable + canary < need).length;
  process.exitCode = printRows([
    row("changes after which fewer pods were ready than the load needs", { found: few, unit: "", bound: 0 }),
  ]);
} finally {
  await app.end();
}
