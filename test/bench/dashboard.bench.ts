/**
 * The dashboard over 500 Canaries, in a real Chromium: how soon a change is on the page, what the browser's main thread does for each
 * frame while they are scrolled, what the server costs while nothing happens, and how large the page is.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { CDPSession, Page } from "playwright-core";
import { bundlePage } from "../../build/dashboard-page.ts";
import { quantile } from "../../shared/core/plan/statistics.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { repository } from "../cluster/layout.ts";
import { startChromium } from "../dashboard/chromium.ts";
import { ensureNamespace, placeController, putCanary, setStatus } from "../plugin/fixtures/place.ts";
import { defineResources, startPlane } from "../plugin/fixtures/plane.ts";
import { states } from "../plugin/fixtures/states.ts";
import { median, printTable } from "./measure.ts";

const canaries = 500;
const changes = 20;
const frames = 200;
const idleMs = 20_000;
const most = { changeMs: 1_000, frameMs: 16, idlePercent: 10, kilobytes: 150 };
const namespace = "shop";
const ticksPerSecond = 100;

const nameOf = (index: number): string => `service-${String(index).padStart(3, "0")}`;

async function fill(cluster: Cluster): Promise<void> {
  await placeController(cluster);
  await ensureNamespace(cluster, namespace);
  for (let index = 0; index < canaries; index++) {
    const state = states[index % 20 === 0 ? "progressing" : "steady"];
    if (!state) throw new Error("The fixtures have no such state.");
    const { metadata, spec, status } = state.canary;
    const { resourceVersion: _, ...rest } = metadata;
    await putCanary(cluster, {
      ...state.canary,
      metadata: { ...rest, namespace, name: nameOf(index) },
      spec: { ...spec, targetRef: { ...spec.targetRef, name: nameOf(index) } },
      ...(status ? { status } : {}),
    });
  }
}

/** From before the write until the page has it, ms. */
async function followed(page: Page, cluster: Cluster): Promise<number[]> {
  const took: number[] = [];
  for (let change = 0; change < changes; change++) {
    const canary = await cluster.get<Canary>(resource.canaries, { name: nameOf(0), namespace });
    const reason = `Change ${change} of the bench.`;
    const startedAt = performance.now();
    await setStatus(cluster, canary, { reason });
    await page.getByText(reason).waitFor();
    took.push(performance.now() - startedAt);
  }
  return took;
}

async function taskSeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
}

/** What the main thread was busy for, ms a frame, while the whole list is scrolled. */
async function scrolled(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  // CPU time: on a busy machine the clock goes on while the browser waits for its turn.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const before = await taskSeconds(session);
  await page.evaluate(`(async () => {
    const step = (document.documentElement.scrollHeight - innerHeight) / ${frames};
    for (let frame = 0; frame < ${frames}; frame++) {
      scrollBy(0, step);
      await new Promise((drawn) => requestAnimationFrame(drawn));
    }
  })()`);
  return ((await taskSeconds(session)) - before) * (1_000 / frames);
}

/** CPU seconds so far of a process. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function idlePercent(pid: number): Promise<number> {
  const before = await cpuSeconds(pid);
  await setTimeout(idleMs);
  return ((await cpuSeconds(pid)) - before) * (100_000 / idleMs);
}

const plane = await startPlane();
const browser = await startChromium();
const program = join(repository, "dist", "plugin", "kubectl-canary");
await defineResources(plane.cluster);
await fill(plane.cluster);
const started = spawn(program, ["dashboard", "-A"], {
  env: { ...process.env, KUBECONFIG: plane.kubeconfig },
  stdio: ["ignore", "pipe", "ignore"],
});
try {
  const address = await new Promise<string>((heard) =>
    started.stdout.once("data", (chunk: Buffer) => heard(chunk.toString().trim())),
  );
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  await page.goto(address);
  await page.getByText(nameOf(canaries - 1)).waitFor({ state: "attached" });
  const took = await followed(page, plane.cluster);
  const frameMs = await scrolled(page);
  const idle = await idlePercent(started.pid ?? 0);
  const { html, script, style, icon } = await bundlePage();
  const kilobytes = (html + script + style + icon).length / 1_000;
  const slowest = quantile(took, 0.95);
  printTable(
    ["500 Canaries", "measured", "bound"],
    [
      ["a change is on the page after, median", `${median(took).toFixed(0)} ms`, ""],
      ["95th percentile", `${slowest.toFixed(0)} ms`, `${most.changeMs} ms`],
      ["main thread for a frame while scrolling", `${frameMs.toFixed(1)} ms`, `${most.frameMs} ms`],
      ["server while nothing happens, of a core", `${idle.toFixed(1)} %`, `${most.idlePercent} %`],
      ["the page's files", `${kilobytes.toFixed(0)} kB`, `${most.kilobytes} kB`],
    ],
  );
  const isMet =
    slowest < most.changeMs && frameMs < most.frameMs && idle < most.idlePercent && kilobytes < most.kilobytes;
  process.exitCode = isMet ? 0 : 1;
} finally {
  started.kill();
  await browser.close();
  await plane.stop();
}
