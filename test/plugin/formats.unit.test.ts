/** The other faces of a canary's view: lists, wide, JSON, colours, narrow terminals, and locales without symbols. */
import { describe, expect, it } from "vitest";
import { renderList } from "../../plugin/commands/list.ts";
import { printObject } from "../../plugin/render/output.ts";
import { renderCanary } from "../../plugin/render/canary.ts";
import type { Style } from "../../plugin/terminal/style.ts";
import { viewCanary } from "../../plugin/view/canary-view.ts";
import type { CanaryView, Seen } from "../../plugin/view/types.ts";
import { now, scope } from "./fixtures/seen.ts";
import { formatTable } from "../../plugin/terminal/table.ts";
import { states } from "./fixtures/states.ts";
import { aTerminal } from "./fixtures/terminal.ts";

const plain: Style = { colour: false, unicode: true, width: Infinity };
const progressing = states["progressing"] as Seen;

const view = (seen: Seen): CanaryView => viewCanary(seen, scope, now);
const all = Object.values(states).map(view);

const beyondAscii = (text: string): string[] => [...text].filter((letter) => letter.charCodeAt(0) > 127);

describe("one canary", () => {
  it("is shown wide with images, queries, and all of its history", async () => {
    const seen = { ...progressing, canary: structuredClone(progressing.canary) };
    seen.canary.status = { ...seen.canary.status, history: states["failed"]?.canary.status?.history ?? [] };
    const text = renderCanary(view(seen), { style: plain, now, wide: true });
    await expect(text).toMatchFileSnapshot("golden/status-wide.txt");
  });

  it("is shown in colour", async () => {
    const text = renderCanary(view(progressing), { style: { ...plain, colour: true }, now });
    await expect(text.replaceAll("\u001b", "^")).toMatchFileSnapshot("golden/status-colour.txt");
  });

  it.each(Object.keys(states))("keeps its sentences within 60 columns when it is %s", (name) => {
    const text = renderCanary(view(states[name] as Seen), { style: { ...plain, width: 60 }, now });
    const pasted = /^ *kubectl |^primary |^canary |^TRACK |^CHECK |^request-\S+ {2,}/;
    const long = text.split("\n").filter((line) => line.length > 60 && !pasted.test(line));
    expect(long).toEqual([]);
  });

  it("is shown in plain ASCII where the locale has no symbols", () => {
    for (const seen of Object.values(states))
      expect(beyondAscii(renderCanary(view(seen), { style: { ...plain, unicode: false }, now }))).toEqual([]);
  });

  it("is shown without escape sequences off a terminal", () => {
    for (const seen of Object.values(states))
      expect(renderCanary(view(seen), { style: plain, now })).not.toContain("\u001b");
  });

  it("is given as JSON with units in the names and null where there is no number", async () => {
    const io = aTerminal();
    await printObject(view(states["held for want of evidence"] as Seen), "json", io.stdout);
    await expect(io.out()).toMatchFileSnapshot("golden/status-json.txt");
  });

  it("is given as YAML that says the same", async () => {
    const io = aTerminal();
    await printObject(view(progressing), "yaml", io.stdout);
    await expect(io.out()).toMatchFileSnapshot("golden/status-yaml.txt");
  });
});

describe("a table on a narrow terminal", () => {
  const columns = [{ head: "RUN" }, { head: "WHY" }];

  it("has its last column broken, or below the others where they leave no room", () => {
    const rows = [["1", "the first check that failed was of the success rate"]];
    expect(formatTable(columns, rows)).toEqual([
      "RUN   WHY",
      "1     the first check that failed was of the success rate",
    ]);
    expect(formatTable(columns, rows, 40)).toEqual([
      "RUN   WHY",
      "1     the first check that failed was of",
      "      the success rate",
    ]);
    expect(formatTable(columns, rows, 28)).toEqual([
      "RUN",
      "1",
      "  the first check that",
      "  failed was of the success",
      "  rate",
    ]);
    expect(formatTable(columns, [["1", "short"]], 28)).toEqual(["RUN   WHY", "1     short"]);
  });
});

describe("a list", () => {
  const options = { style: plain, now, namespaces: false };

  it("shows phase, step, weight, images and why", async () => {
    await expect(renderList(all, options)).toMatchFileSnapshot("golden/list.txt");
  });

  it("is cut at the terminal's edge, and drops the reasons where there is no room for them", () => {
    const narrow = renderList(all, { ...options, style: { ...plain, width: 100 } });
    expect(Math.max(...narrow.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(narrow).toContain("…");
    expect(renderList(all, { ...options, style: { ...plain, width: 70 } })).not.toContain("WHY");
  });
});
