/** A user whose changes are reviewed, one after the other, for so many milliseconds. Tells its caller how long each took, ms. */
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { timed } from "../../bench/measure.ts";
import { clusterOf } from "./client.ts";
import { say } from "./say.ts";

const [kubeConfig = "", namespace = "", lastsMs = "0"] = process.argv.slice(2);
const cluster = clusterOf(kubeConfig);
const ending = AbortSignal.timeout(Number(lastsMs));

/** A change is refused while a promotion is under way: that is an answer too. */
const refused = (error: unknown): void => {
  if (!hasCode(error, "Forbidden", "Invalid", "Conflict", "Unexpected")) throw error;
};

const took: number[] = [];
while (!ending.aborted) {
  const body = { spec: { template: { metadata: { annotations: { "example.org/at": String(took.length) } } } } };
  const at = { name: "podinfo", namespace };
  took.push(
    await timed(() => cluster.patch(resource.deployments, at, { type: "merge", body, dryRun: true }).catch(refused)),
  );
}
await say(took);
process.disconnect();
