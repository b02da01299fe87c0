/** `kubectl-canary status` beside `kubectl get canary` on the same API server, in turns, so that both see the same machine. */
import { quantile } from "../../shared/core/plan/statistics.ts";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { ensureBinary } from "../cluster/build.ts";
import { repository } from "../cluster/layout.ts";
import { binaries } from "../cluster/versions.ts";
import { place } from "../plugin/fixtures/place.ts";
import { defineResources, startPlane } from "../plugin/fixtures/plane.ts";
import { aCheck, aRun, latencyCheck, microTime, seenWith, tracks } from "../plugin/fixtures/seen.ts";
import { median, printTable, timed } from "./measure.ts";

const pairs = 20;
const bound = 2.5;

interface Contestant {
  name: string;
  file: string;
  args: string[];
}

/** The median over the first one's is what the bound is for; a first, unmeasured turn warms the disk's cache. */
async function compare(contestants: readonly Contestant[], env: NodeJS.ProcessEnv): Promise<number> {
  const run = ({ file, args }: Contestant) => timed(() => void execFileSync(file, args, { env, stdio: "ignore" }));
  const taken = contestants.map((): number[] => []);
  for (let turn = 0; turn <= pairs; turn += 1)
    for (const [index, contestant] of contestants.entries()) {
      const ms = await run(contestant);
      if (turn > 0) taken[index]?.push(ms);
    }
  const base = median(taken[0] ?? []);
  const row = (contestant: Contestant, all: readonly number[]): string[] => [
    contestant.name,
    ...[median(all), quantile(all, 0.95), Math.min(...all)].map((ms) => `${ms.toFixed(0)} ms`),
    `${(median(all) / base).toFixed(2)}x`,
  ];
  const head = ["command", "median", "p95", "least", "of kubectl's"];
  printTable(
    head,
    contestants.map((contestant, index) => row(contestant, taken[index] ?? [])),
  );
  return median(taken[1] ?? []) / base;
}

const kubectl = await ensureBinary(binaries.kubectl);
const plane = await startPlane();
try {
  await defineResources(plane.cluster);
  const seen = seenWith({ run: aRun, tracks, checks: [aCheck(), latencyCheck] });
  if (seen.lease?.spec) seen.lease.spec.renewTime = microTime(Date.now() + 3_600_000);
  await place(plane.cluster, seen, { namespace: "test", controllerNamespace: "kubectl-canary" });
  const env = { PATH: process.env["PATH"], HOME: dirname(plane.kubeconfig), KUBECONFIG: plane.kubeconfig };
  const ratio = await compare(
    [
      { name: "kubectl get canary", file: kubectl, args: ["get", "canary", "podinfo", "-n", "test"] },
      {
        name: "kubectl-canary status",
        file: join(repository, "dist", "plugin", "kubectl-canary"),
        args: ["status", "podinfo", "-n", "test"],
      },
    ],
    env,
  );
  process.stdout.write(`${pairs} pairs; at most ${bound}x is wanted: ${ratio <= bound ? "met" : "missed"}\n`);
  process.exitCode = ratio <= bound ? 0 : 1;
} finally {
  await plane.stop();
}
