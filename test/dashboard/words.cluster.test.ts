// What `status` says of a Canary, its page says: in a real Chromium, over an API server of its own, in states that have something to tell.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundlePage } from "../../build/dashboard-page.ts";
import { openSession } from "../../plugin/cluster/session.ts";
import { dashboard } from "../../plugin/dashboard/dashboard.ts";
import { factTexts, nextText, notesOf } from "../../plugin/render/facts.ts";
import { boundNotes, measuredText, toldOf } from "../../plugin/render/measured.ts";
import { countingText } from "../../plugin/view/counting.ts";
import type { CanaryView, Seen } from "../../plugin/view/types.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { place, placeController } from "../plugin/fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "../plugin/fixtures/plane.ts";
import { now as fixtureNow } from "../plugin/fixtures/seen.ts";
import { states } from "../plugin/fixtures/states.ts";
import { aTerminal } from "../plugin/fixtures/terminal.ts";
import { startChromium } from "./chromium.ts";
import { moved } from "./fleet.ts";

const kept = "keeping a rejected canary for a look";
const rows: [string, RegExp][] = [
  [kept, /the canary's pods stay without traffic, for a look, and go T; rollback or another change ends that/],
  ["failing a check that is counted by itself", /\(2 of 2 allowed\)[^]*\(dry run, 1 failed\)/],
  ["waiting at a confirm-rollout gate", /webhook qa<b id="made-of-text">/],
  ["testing those who match", /% of the requests that match, iteration 2 of 5/],
  ["paused for a while", /until \S+ \(T\)/],
  ["running an unvetted change", /unvetted/],
  ["users got less than pods answered", /never answered/],
  ["held because someone lowered the weight", /gives the canary 5%, the controller set 20%/],
];
const namespaceOf = (state: string): string => `n${rows.findIndex(([name]) => name === state)}`;

const ending = new AbortController();
let plane: Plane;
let ended: Promise<number>;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  await placeController(plane.cluster);
  for (const [state] of rows) {
    const seen = JSON.stringify(moved({ ...states[state]!, lease: undefined }, Date.now() - fixtureNow));
    const hostile = seen.replaceAll('"qa"', JSON.stringify('qa<b id="made-of-text">'));
    const where = { namespace: namespaceOf(state), controllerNamespace: namespaceOf(state) };
    await place(plane.cluster, JSON.parse(hostile) as Seen, where);
  }
  const io = aTerminal({ env: { KUBECONFIG: plane.kubeconfig }, now: () => Date.now() });
  const session = await openSession({}, io, ending.signal);
  ended = dashboard({ allNamespaces: true, port: 0, allowActions: true, assets: await bundlePage() }, session);
  const printed = (): URL | ReturnType<typeof unmet> => URL.parse(io.out().trim()) ?? unmet(io.out() + io.err());
  const address = await waitFor(printed, 20_000, "the dashboard's address");
  browser = await startChromium();
  page = await browser.newPage({ viewport: { width: 1200, height: 1400 } });
  await page.goto(address.href);
  await page.getByRole("heading", { name: "Canaries" }).waitFor();
});

afterAll(async () => {
  await browser.close();
  ending.abort();
  await ended;
  await plane.stop();
});

async function open(state: string): Promise<string> {
  const [home] = page.url().split("#");
  await page.goto(`${home}#/${namespaceOf(state)}/podinfo`);
  await page.getByRole("heading", { name: `podinfo ${namespaceOf(state)}` }).waitFor();
  await page.getByRole("heading", { name: "Events" }).waitFor();
  return plain(await page.locator("body").innerText());
}

/** Without upper case, and each time that is told from now on as T: the page and the test look at different moments. */
const plain = (text: string): string =>
  text.toLowerCase().replace(/\bin \d\w+|\b\d\w+ ago\b|\bnow\b|(?<=\bfor )\d\w+/g, "T");

/** What `status` prints beside its tables. */
function told(view: CanaryView): string[] {
  const now = Date.now();
  return [
    ...[nextText(view, now), ...(Object.values(factTexts(view, now)) as string[]), ...notesOf(view, now)],
    ...[measuredText(view, now), ...view.tracks.flatMap(toldOf), ...boundNotes(view)],
    ...view.checks.map((check) => countingText(check).trim()),
  ].filter((text) => text !== "");
}

describe("the page of a Canary", () => {
  it.each(rows)("says what status says while it is %s", async (state, words) => {
    const shown = await open(state);
    const argv = ["status", "podinfo", "-n", namespaceOf(state), "-o", "json"];
    const { out } = await plane.run(argv, { now: () => Date.now() });
    expect(shown).toMatch(words);
    for (const text of told(JSON.parse(out) as CanaryView)) expect(shown).toContain(plain(text));
    expect(await page.locator("#made-of-text").count()).toBe(0);
  });

  it("says what it means to let the pods of a rejected canary go", async () => {
    await open(kept);
    await page.getByRole("button", { name: "Roll back …" }).click();
    expect(await page.getByRole("dialog").innerText()).toContain(
      "The rejected canary's pods, which stay for a look, go now.",
    );
  });
});
