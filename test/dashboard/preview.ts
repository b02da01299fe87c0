/**
 * The dashboard over Canaries in many states, on an API server of its own: `node test/dashboard/preview.ts` serves it until Ctrl-C;
 * `node test/dashboard/preview.ts FOLDER` writes the pictures of docs/dashboard.md there.
 */
import { join } from "node:path";
import process from "node:process";
import type { Browser } from "playwright-core";
import { bundlePage } from "../../build/dashboard-page.ts";
import { openSession } from "../../plugin/cluster/session.ts";
import { dashboard } from "../../plugin/dashboard/dashboard.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { defineResources, startPlane } from "../plugin/fixtures/plane.ts";
import { startChromium } from "./chromium.ts";
import { placeFleet, playRun } from "./fleet.ts";

const [folder] = process.argv.slice(2);
const ending = new AbortController();
process.once("SIGINT", () => ending.abort());

const plane = await startPlane();
try {
  await defineResources(plane.cluster);
  await placeFleet(plane.cluster, Date.now());
  let hear: (address: string) => void = () => undefined;
  const heard = new Promise<string>((resolve) => (hear = resolve));
  const io = {
    stdout: { write: (text: string) => hear(text.trim()) },
    stderr: process.stderr,
    env: { KUBECONFIG: plane.kubeconfig },
    now: () => Date.now(),
    timers: systemClock,
  };
  const session = await openSession({}, io, ending.signal);
  const args = { allNamespaces: true, port: 0, allowActions: true, assets: await bundlePage() };
  const serving = dashboard(args, session);
  const address = await Promise.race([heard, serving.then(() => "")]);
  await playRun(plane.cluster, Date.now());
  if (folder === undefined) process.stdout.write(`${address}\n`);
  else await photograph(address, folder).finally(() => ending.abort());
  await serving;
} finally {
  await plane.stop();
}

async function photograph(address: string, into: string): Promise<void> {
  const browser = await startChromium();
  try {
    await shootAll(browser, address, into);
  } finally {
    await browser.close();
  }
}

/** One browser context opens the address; the others are its pages. */
async function shootAll(browser: Browser, address: string, into: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
  const page = await context.newPage();
  await page.goto(address);
  await page.getByRole("heading", { name: "Canaries" }).waitFor();
  await page.screenshot({ path: join(into, "dashboard-overview.png") });
  const [home] = page.url().split("#");
  const views = [
    { file: "dashboard-running", place: "shop/checkout", scheme: "light", width: 1200 },
    { file: "dashboard-failed", place: "shop/search", scheme: "light", width: 1200 },
    { file: "dashboard-dark", place: "shop/checkout", scheme: "dark", width: 1200 },
    { file: "dashboard-phone", place: "shop/checkout", scheme: "light", width: 390 },
  ] as const;
  for (const { file, place, scheme, width } of views) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 1_400 });
    await page.goto(`${home}#/${place}`);
    await page.getByRole("heading", { name: "Events" }).waitFor();
    await page.screenshot({ path: join(into, `${file}.png`), fullPage: width > 400 });
  }
}
