// Runs the cluster tests and the unit tests, and closes with one line that counts all tests, unit tests included.
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { setScrapeInterval } from "./cluster/prometheus.ts";
import { clusterEnv } from "./cluster/client.ts";

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] }[];
  }[];
}

/** What the tests of each project have in common, in the order in which they run. */
const lanes: Record<string, string> = {
  unit: "Unit tests",
  cluster: "Tests that keep to a namespace or an API server of their own, several files at a time",
  alone: "Tests that take the controller or the API server away, or judge by a share of requests, one file at a time",
};
const chosen = process.argv.slice(2);

const root = join(import.meta.dirname, "..");
const run = (command: string, args: string[]): number =>
  spawnSync(command, args, { cwd: root, stdio: "inherit", env: clusterEnv }).status ?? 1;

async function vitest(project: string, folder: string, files: string[]): Promise<{ report: Report; code: number }> {
  process.stdout.write(`\n${lanes[project] ?? project}\n`);
  const file = join(folder, `${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  // Files that were chosen may all be of the other project; a project without any test at all is a fault.
  const mayBeNone = files.length > 0 ? ["--passWithNoTests"] : [];
  const code = run("vitest", ["run", "--project", project, ...mayBeNone, ...reporters, ...files]);
  return { report: JSON.parse(await readFile(file, "utf8")) as Report, code };
}

/** The first lines of what went wrong: the whole of it may be out of sight by the time that it is read. */
function shortened(message: string): string {
  const lines = stripVTControlCharacters(message).split("\n").slice(0, 12);
  return lines.map((line) => `\n        ${line.slice(0, 400)}`).join("");
}

function failuresOf({ testResults }: Report): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults
      .filter((result) => result.status === "failed")
      .map((result) => `${name}: ${result.fullName}${shortened(result.failureMessages?.[0] ?? "")}`);
    return failed.length === 0 && status === "failed" ? [`${name}: could not run${shortened(message)}`] : failed;
  });
}

const folder = await mkdtemp(join(tmpdir(), "kubectl-canary-test-"));
try {
  const unit = await vitest("unit", folder, []);
  // The tests decide by events, not by Prometheus' pace: a shorter scrape interval only makes them quicker.
  await setScrapeInterval("2s");
  const installed =
    run("make", ["--no-print-directory", "install", "ARGS=--set metrics.scrapeInterval=2s"]) ||
    run(process.execPath, ["test/app/main.ts", "images"]);
  const runs = [unit];
  if (installed === 0) for (const project of ["cluster", "alone"]) runs.push(await vitest(project, folder, chosen));
  await setScrapeInterval("10s");
  const failures = runs.flatMap(({ report }) => failuresOf(report));
  if (installed !== 0) failures.push("the chart or the demo app could not be installed: see above");
  for (const failure of failures) process.stdout.write(`FAILED  ${failure}\n`);
  if (failures.length > 0)
    process.stdout.write(
      "Look at: kubectl -n kubectl-canary logs -l app.kubernetes.io/name=kubectl-canary --tail=200\n",
    );
  const passed = runs.reduce((sum, { report }) => sum + report.numPassedTests, 0);
  process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
  process.exitCode = failures.length > 0 || runs.some(({ code }) => code !== 0) ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
