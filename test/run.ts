// `unit` runs the tests that need no cluster and keeps their report; `cluster [FILE...]` runs the others, and closes with one line
// that counts those of the last `unit` too. Two commands, so that `make test` knows what fails before it starts a cluster.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { setPriority } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { setScrapeInterval } from "./cluster/parts/prometheus.ts";
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
  cluster: "Tests that keep to a namespace of their own, two files at a time",
  alone: "Tests that take the controller or the API server away, or judge by a share of requests, one file at a time",
  apart: "Tests with an API server of their own, which ran beside all these",
};

const root = join(import.meta.dirname, "..");
const reportOf = (project: string): string => join(root, "dist", "test", `${project}.json`);
const lowPriority = 10;

async function run(command: string, args: string[]): Promise<number> {
  const child = spawn(command, args, { cwd: root, stdio: "inherit", env: clusterEnv });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

interface Ran {
  report: Report;
  code: number;
}

const read = async (project: string): Promise<Report> =>
  JSON.parse(await readFile(reportOf(project), "utf8")) as Report;

async function argumentsFor(project: string, files: readonly string[]): Promise<string[]> {
  await mkdir(join(root, "dist", "test"), { recursive: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportOf(project)}`];
  // Files that were chosen may all be of the other project; a project without any test at all is a fault.
  const mayBeNone = files.length > 0 ? ["--passWithNoTests"] : [];
  return ["run", "--project", project, ...mayBeNone, ...reporters, ...files];
}

const say = (project: string): boolean => process.stdout.write(`\n${lanes[project] ?? project}\n`);

async function vitest(project: string, files: string[] = []): Promise<Ran> {
  say(project);
  const code = await run("vitest", await argumentsFor(project, files));
  return { report: await read(project), code };
}

/** Gives way to all else, whose users wait for answers; what it prints is kept until it is asked for. */
async function beside(project: string, files: string[]): Promise<() => Promise<Ran>> {
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const child = spawn("vitest", await argumentsFor(project, files), { cwd: root, stdio: [...stdio], env: clusterEnv });
  if (child.pid !== undefined) setPriority(child.pid, lowPriority);
  const printed = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = once(child, "close") as Promise<[number | null]>;
  return async () => {
    const [code] = await ended;
    say(project);
    process.stdout.write((await printed).join(""));
    return { report: await read(project), code: code ?? 1 };
  };
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

/** Prints the failures and the line that counts all tests, and returns the exit code. */
function conclude(runs: Ran[], otherFailures: string[] = []): number {
  const failures = [...runs.flatMap(({ report }) => failuresOf(report)), ...otherFailures];
  for (const failure of failures) process.stdout.write(`FAILED  ${failure}\n`);
  const passed = runs.reduce((sum, { report }) => sum + report.numPassedTests, 0);
  process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
  return failures.length > 0 || runs.some(({ code }) => code !== 0) ? 1 : 0;
}

async function onCluster(files: string[]): Promise<number> {
  const unit = { report: await read("unit"), code: 0 };
  // The tests decide by events, not by Prometheus' pace: a shorter scrape interval only makes them quicker.
  await setScrapeInterval("2s");
  const installed =
    (await run("make", ["--no-print-directory", "install", "ARGS=--set metrics.scrapeInterval=2s"])) ||
    (await run(process.execPath, ["test/app/main.ts", "images"]));
  const runs: Ran[] = [unit];
  if (installed === 0) {
    const apart = await beside("apart", files);
    for (const project of ["cluster", "alone"]) runs.push(await vitest(project, files));
    runs.push(await apart());
  }
  await setScrapeInterval("10s");
  const code = conclude(runs, installed === 0 ? [] : ["the chart or the demo app could not be installed: see above"]);
  if (code !== 0)
    process.stderr.write(
      "Look at: kubectl -n kubectl-canary logs -l app.kubernetes.io/name=kubectl-canary --tail=200\n",
    );
  return code;
}

const [part, ...files] = process.argv.slice(2);
if (part === "unit") process.exitCode = conclude([await vitest("unit")]);
else if (part === "cluster") process.exitCode = await onCluster(files);
else {
  process.stderr.write("Usage: node test/run.ts unit | cluster [FILE...]\n");
  process.exitCode = 2;
}
