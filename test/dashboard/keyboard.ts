/** A page used by keyboard alone, and what axe says of it. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

/** Presses Tab until the focus is on what is called `name`, and Enter. */
export async function pressByKeyboard(page: Page, name: string): Promise<void> {
  await focusByKeyboard(page, name);
  await page.keyboard.press("Enter");
}

/** Presses Tab until the focus is on what is called `name`. Throws with what it came by. */
export async function focusByKeyboard(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < mostPresses; presses++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate<string>(nameOfFocused);
    if (focused.includes(name)) return;
    seen.push(focused);
  }
  throw new Error(`The keyboard does not come to "${name}", but to: ${seen.join(" | ")}`);
}

interface Violation {
  id: string;
  impact: string | null;
  nodes: { html: string }[];
}

/** What axe-core calls serious or critical: rule, and where. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const file = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(await readFile(file, "utf8"));
  const { violations } = await page.evaluate<{ violations: Violation[] }>("axe.run()");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

// --- internal ---

/** More than a page has to focus on. */
const mostPresses = 120;

/** Runs in the page. */
const nameOfFocused = `(() => {
  const { activeElement: focused } = document;
  if (!focused || focused === document.body) return "";
  return focused.getAttribute("aria-label") ?? focused.textContent ?? "";
})()`;
