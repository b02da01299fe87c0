// A version is rejected, another is asked for, and a pipeline waits for that one at once: again and again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { V1Deployment } from "@kubernetes/client-node";
import { clusterEnv } from "../cluster/client.ts";
import { paths } from "../cluster/layout.ts";
import { run, type Output } from "../cluster/run.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import type { Gated } from "./gated.ts";

/** What `kubectl rollout status` says of a Deployment whose rollout has failed. */
const failed = "exceeded its progress deadline";

/** As a pipeline does it: the change, and the wait right after its answer. A moment is enough to read the last version's end. */
async function askAndWait(namespace: string, round: number): Promise<string> {
  const kubectl = `kubectl -n ${namespace}`;
  const script = `${kubectl} set env deploy/podinfo ROUND=${round} && ${kubectl} rollout status deploy/podinfo --timeout=500ms`;
  const { stdout, stderr } = await run("sh", ["-c", script], { env: clusterEnv });
  return stdout + stderr;
}

async function reject({ scenario }: Gated, round: number): Promise<void> {
  await scenario.until(`run ${round}`, ({ run, runs }) => run !== undefined && runs === round);
  await scenario.plugin("rollback", "--reason", `round ${round}`);
  await scenario.until(`the rejection of round ${round}`, ({ phase, run }) => phase === "Failed" && !run);
  await waitFor(
    async () => {
      const { status } = await getJson<V1Deployment>(["deploy", "podinfo", "-n", scenario.namespace]);
      const said = status?.conditions?.find(({ type }) => type === "Progressing")?.message ?? "";
      return said.includes(`round ${round}`) ? true : unmet(said);
    },
    60_000,
    "the rejection on the Deployment",
    20,
  );
}

/** What was said by the waits that ended with the rejection of the version before; there must be none. */
export async function falseEnds(gated: Gated, rounds: number): Promise<string[]> {
  const ends: string[] = [];
  await askAndWait(gated.namespace, 1);
  for (let round = 1; round <= rounds; round++) {
    await reject(gated, round);
    const said = await askAndWait(gated.namespace, round + 1);
    if (said.includes(failed)) ends.push(`round ${round}: ${said}`);
  }
  return ends;
}

/** `kubectl rollout status`, once it has said that it waits: what becomes of it. */
export async function waitForRolloutOf({ namespace }: Gated): Promise<{ ended: Promise<Output> }> {
  const args = ["-n", namespace, "rollout", "status", "deploy/podinfo", "--timeout=120s"];
  const child = spawn(join(paths.bin, "kubectl"), args, { env: clusterEnv, stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close") as Promise<[number | null]>;
  const ended = Promise.all([text(child.stdout), text(child.stderr), closed]).then(
    ([stdout, stderr, [code]]): Output => ({ stdout, stderr, code: code ?? -1 }),
  );
  await Promise.race([once(child.stdout, "data"), closed]);
  return { ended };
}
