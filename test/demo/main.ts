// The tutorial, played to its end on the local cluster: install, Canary, `set image`, ten steps, promotion.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LoadClient } from "../app/load-client.ts";
import { kubectl, mustKubectl } from "../cluster/client.ts";
import { mustRun } from "../cluster/run.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { followRun } from "./follow.ts";

const namespace = "test";
const oldImage = "quay.io/stefanprodan/podinfo:1.7.0";
const newImage = "quay.io/stefanprodan/podinfo:1.7.1";
const canaryYaml = join(import.meta.dirname, "canary.yaml");

const started = performance.now();
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const step = (text: string): void => say(`\n[${((performance.now() - started) / 1000).toFixed(0)}s] ${text}`);
const show = async (args: readonly string[]): Promise<void> => {
  say(`$ kubectl ${args.join(" ")}`);
  const { stdout, stderr } = await kubectl(args);
  say(`${stdout}${stderr}`.trimEnd());
};

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(
    `What runs: kubectl -n ${namespace} get pods,canary,events; the controller's log: kubectl -n kubectl-canary logs -l app.kubernetes.io/name=kubectl-canary\n`,
  );
  process.exitCode = 1;
}

async function main(): Promise<void> {
  step("The demo app in the stand-in mesh, from version 1.7.0");
  await resetApp();
  await show(["-n", namespace, "get", "deploy,svc"]);
  await applyCanary();
  await restartStaleCallers();
  await setImage();
  await followRun({ namespace, name: "podinfo", say, elapsed: () => (performance.now() - started) / 1000 });
  await finish();
}

/** A demo that is run again starts from the beginning: 1.7.0 everywhere, and no Canary. */
async function resetApp(): Promise<void> {
  await mustKubectl(["-n", namespace, "delete", "canary", "podinfo", "--ignore-not-found"]);
  await waitFor(
    async () => {
      const { stdout } = await kubectl([
        "-n",
        namespace,
        "get",
        "svc",
        "podinfo-canary",
        "--ignore-not-found",
        "-o",
        "name",
      ]);
      return stdout.trim() === "" ? true : unmet("the last demo's Services are still there");
    },
    60_000,
    "the last demo's Canary to be cleaned up",
    500,
  );
  await mustRun(process.execPath, [join(import.meta.dirname, "../app/main.ts"), "install", namespace]);
  await mustKubectl(["-n", namespace, "set", "image", "deployment/podinfo", `podinfod=${oldImage}`]);
  await mustKubectl(["-n", namespace, "rollout", "status", "deploy", "podinfo", "--timeout=120s"]);
}

async function applyCanary(): Promise<void> {
  step("The tutorial's Canary, unchanged");
  say((await readFile(canaryYaml, "utf8")).trimEnd());
  await show(["apply", "-f", canaryYaml]);
  await waitFor(
    async () => {
      const { stdout } = await kubectl([
        "-n",
        namespace,
        "get",
        "canary",
        "podinfo",
        "-o",
        "jsonpath={.status.phase}: {.status.reason}",
      ]);
      return stdout.startsWith("Initialized") ? true : unmet(stdout);
    },
    120_000,
    "Initialization done! podinfo.test",
  );
  await show(["-n", namespace, "get", "ev", "--field-selector", "involvedObject.kind=Canary"]);
  await show(["-n", namespace, "get", "svc"]);
}

/** The tutorial's load is older than the TrafficSplit: on today's Linkerd, as here, it would go on ignoring it. */
async function restartStaleCallers(): Promise<void> {
  step("load and frontend called podinfo before its TrafficSplit was there and would ignore it: restarted once");
  for (const caller of ["load", "frontend"]) await show(["-n", namespace, "rollout", "restart", `deploy/${caller}`]);
  for (const caller of ["load", "frontend"])
    await mustKubectl(["-n", namespace, "rollout", "status", `deploy/${caller}`, "--timeout=60s"]);
}

async function setImage(): Promise<void> {
  const load = await LoadClient.of(namespace);
  await load.reset();
  step("An ordinary kubectl set image");
  await show(["-n", namespace, "set", "image", "deployment/podinfo", `podinfod=${newImage}`]);
}

async function finish(): Promise<void> {
  await mustKubectl(["-n", namespace, "rollout", "status", "deploy", "podinfo", "--timeout=60s"]);
  step("Promoted");
  await show(["canary", "status", "podinfo", "-n", namespace]);
  await show(["-n", namespace, "get", "deploy", "-o", "wide"]);
  const counts = await (await LoadClient.of(namespace)).counts();
  const versions = Object.entries(counts.byVersion).map(([version, count]) => `${count} from ${version}`);
  say(
    `\nThe load generator made ${counts.requests} requests during the run: ${versions.join(", ")}, ${counts.failed} failed.`,
  );
  say(`
The cluster stays up. To go on:
  eval "$(make -s cluster-env)"
  kubectl canary status podinfo -n ${namespace}
  kubectl -n ${namespace} port-forward svc/frontend 8080        # then open http://localhost:8080
  kubectl -n ${namespace} set image deployment/podinfo podinfod=quay.io/stefanprodan/podinfo:1.7.2-failing   # is rolled back
  kubectl -n ${namespace} get ev --watch
  make cluster-down`);
}
