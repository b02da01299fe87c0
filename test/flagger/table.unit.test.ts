/** docs/flagger.md is what the rows say. `UPDATE=1 npx vitest run --project unit test/flagger/table.unit.test.ts` rewrites it. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fieldTable } from "../../shared/core/spec/field-table.ts";
import { decided, fieldsOf, page, sections, verdicts } from "./table.ts";

const root = join(import.meta.dirname, "../..");
const files = globSync("{shared,webhook,plugin,build,test}/**/*.test.ts", { cwd: root }).sort();
const all = sections();
const rows = all.flatMap((section) => section.rows);
const file = join(root, "docs/flagger.md");

/** Fields that Flagger does not have. */
const ours =
  /^spec\.(policies|analysis\.(pauses|rollbackWindow|keepFailedCanary|requests|minRequests|warmup|noEvidence|cannotAsk|comparison|preview|canaryReplicas|metrics\[\]\.(failureLimit|dryRun))\b)/;

describe("the table of Flagger's fields", () => {
  it("has each field of the schema once", () => {
    const named = rows.flatMap(fieldsOf).sort();
    const wanted = Object.keys(fieldTable).filter((path) => !ours.test(path));
    expect([...named].sort()).toEqual(wanted.sort());
  });

  it("says of each row what is done here, by a test that exists", () => {
    const missing = rows.map((row) => decided(row, files)).filter(({ file: of, title }) => !isTitle(title, of));
    expect(missing.map(({ flagger, file: of, title }) => `${flagger}: no "${title}" in ${of}`)).toEqual([]);
  });

  it("has no row twice, and no verdict but those that it explains", () => {
    const names = rows.map(({ flagger }) => flagger);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(rows.filter(({ here }) => here !== undefined && !verdicts.includes(here))).toEqual([]);
  });

  it("is as it was reviewed", () => {
    const text = page(all, files);
    if (process.env["UPDATE"] !== undefined) writeFileSync(file, text);
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});

function isTitle(title: string, of: string): boolean {
  return title !== "" && readFileSync(join(root, of), "utf8").includes(title);
}
