// The dashboard as it is built, in a real Chromium, over the real cluster: a refused command, a rollback and a promotion, by keyboard
// alone; names that hold HTML; and what axe-core says of it.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clusterEnv } from "../cluster/client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "../e2e/scenario.ts";
import { startChromium } from "./chromium.ts";
import { focusByKeyboard, pressByKeyboard, seriousFaults } from "./keyboard.ts";

const namespace = "dashboard";
const eve = '<img src="x" onerror="document.title=1"><b id="made-of-text">eve</b>';

let scenario: Scenario;
let server: ChildProcess | undefined;
let browser: Browser | undefined;
let page: Page;

beforeAll(async () => {
  scenario = await Scenario.start(namespace, {
    provider: "gatewayapi:v1",
    analysis: { interval: "10m", stepWeight: 50 },
  });
  browser = await startChromium();
  page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  await page.goto(await startDashboard());
  await page.getByRole("heading", { name: "Canaries" }).waitFor();
});

afterAll(async () => {
  await browser?.close();
  server?.kill();
  await scenario.end();
});

/** Starts it, and returns the address that it prints. */
async function startDashboard(): Promise<string> {
  const program = join(import.meta.dirname, "..", "..", "dist", "plugin", "kubectl-canary");
  const child = spawn(program, ["dashboard", "-n", namespace, "--allow-actions"], { env: clusterEnv });
  server = child;
  let said = "";
  const printed = (chunk: Buffer): void => void (said += chunk.toString());
  child.stdout.on("data", printed);
  child.stderr.on("data", printed);
  return waitFor(() => /http:\S+/.exec(said)?.[0] ?? unmet(said), 30_000, "the dashboard's address");
}

const shows = (text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor({ timeout: 90_000 });

/** By keyboard: the button, and the dialog's own; returns what the dialog said. */
async function give(command: string, reason = ""): Promise<string> {
  await pressByKeyboard(page, `${command} …`);
  const said = await page.getByRole("dialog").innerText();
  await page.keyboard.type(reason);
  await pressByKeyboard(page, command);
  await page.getByRole("dialog").waitFor({ state: "detached" });
  return said;
}

describe("the dashboard", () => {
  it("comes to a Canary by keyboard, and shows names that hold HTML as text", async () => {
    await scenario.kubectl(
      ...["set", "image", "deploy/podinfo", "podinfod=quay.io/stefanprodan/podinfo:does-not-exist"],
      ...["--as", eve, "--as-group", "system:masters"],
    );
    await pressByKeyboard(page, "podinfo");
    await shows(`${eve}, `);
    await shows(/ErrImage|ImagePull/);
    expect(await page.locator("#made-of-text").count()).toBe(0);
    expect(await page.title()).toContain("podinfo: Progressing");
  });

  it("says why the controller refuses a command", async () => {
    expect(await give("Promote")).toContain("podinfo:does-not-exist by its own strategy");
    await shows(/^Refused\. .*not ready/);
    expect((await scenario.status()).run?.stage).toBe("scaling");
  });

  it("gives no command that is cancelled, and puts the focus back", async () => {
    await pressByKeyboard(page, "Roll back …");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate<string>("document.activeElement.textContent")).toBe("Roll back …");
    expect((await scenario.status()).lastCommand?.verb).toBe("promote");
  });

  it("rolls back, with a reason", async () => {
    expect(await give("Roll back", "<i>cannot start</i>")).toContain("does not start again by itself");
    await shows("Rolled back");
    const { history = [] } = await scenario.phase("Failed");
    expect(history[0]).toMatchObject({ outcome: "rejected", requestedBy: eve });
    expect(history[0]?.cause).toContain("<i>cannot start</i>");
    await shows(/<i>cannot start<\/i>/);
  });

  it("follows the next run, and promotes it", async () => {
    await scenario.setImage("1.7.1");
    await shows("The canary has 50% of requests");
    await page.getByRole("img", { name: /^Weight of the canary\. Last: canary 50%/ }).waitFor();
    expect(await give("Promote")).toContain("at step 1 of 2: 1 step is left unjudged");
    await shows("Steady; stable serves every request");
    await scenario.phase("Succeeded");
    expect(await page.getByRole("row", { name: /promoted/ }).innerText()).toContain("podinfo:1.7.1");
  });

  it("has nothing that axe-core calls serious, in light, dark and on a phone", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await seriousFaults(page), colorScheme).toEqual([]);
    }
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await seriousFaults(page), "phone").toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    await pressByKeyboard(page, "All Canaries");
    await page.getByRole("searchbox").waitFor();
    await page.getByRole("link", { name: "podinfo" }).waitFor();
    await focusByKeyboard(page, "podinfo");
    expect(await seriousFaults(page), "overview").toEqual([]);
  });
});
