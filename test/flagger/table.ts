/**
 * docs/flagger.md, made of the rows in this folder: what Flagger has, what is done here, and the test that decides it. What the field
 * table says of a field goes before the row's own words, so that the page cannot say otherwise than admission does.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { fieldTable, type Treatment } from "../../shared/core/spec/field-table.ts";

export const verdicts = ["same", "better", "otherwise", "not carried out", "refused", "not here"] as const;
export type RowVerdict = (typeof verdicts)[number];

export interface Row {
  /** Flagger's field or behaviour. */
  flagger: string;
  /** The fields that it is about, as the field table has them, or all below a path that ends in a dot. */
  fields?: string[];
  here?: RowVerdict;
  /** What is done here. */
  what?: string;
  /** `file: title` of the test; of the file's path `.unit.test.ts` or the like is left off. */
  test?: string;
}

export interface Section {
  title: string;
  /** Whose fields and behaviours; Flagger's unless given. */
  of?: string;
  rows: Row[];
}

/** A row as it is printed, with nothing left out. */
export interface Decided {
  flagger: string;
  here: RowVerdict;
  what: string;
  file: string;
  title: string;
}

/** In the order of the files' names. */
export function sections(): Section[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .flatMap((file) => load(readFileSync(join(import.meta.dirname, file), "utf8")) as Section[]);
}

/** Paths of the field table that the row is about. */
export function fieldsOf({ fields = [] }: Row): string[] {
  return fields.flatMap((wanted) => {
    const found = Object.keys(fieldTable).filter((path) =>
      wanted.endsWith(".") ? path.startsWith(wanted) : path === wanted,
    );
    if (found.length === 0) throw new Error(`the field table has no ${wanted}`);
    return found;
  });
}

/** `files`: paths of all tests. Throws where the row says too little. */
export function decided(row: Row, files: readonly string[]): Decided {
  const treatments = fieldsOf(row).map((path) => fieldTable[path]!);
  const own = ownWords(row, treatments);
  const [name = "", ...title] = (own.test ?? row.test ?? "").split(": ");
  return { flagger: row.flagger, here: own.here, what: own.what, file: fileOf(name, files), title: title.join(": ") };
}

export function page(all: readonly Section[], files: readonly string[]): string {
  const body = all.map(({ title, of = "Flagger", rows }) => {
    const lines = rows.map((row) => lineOf(decided(row, files)));
    return [`## ${title}`, "", `| ${of} | here | what is done | decided by |`, "|---|---|---|---|", ...lines].join(
      "\n",
    );
  });
  return `${[intro, ...body].join("\n\n")}\n`;
}

// --- internal ---

const intro = `# Flagger's fields and behaviours

What becomes of a manifest that was written for Flagger 1.44 with Linkerd. The page is made of \`test/flagger/*.yaml\` and of the table of
fields by which admission warns; a test holds that each row's test exists. \`UPDATE=1 make check\` writes it anew.

| here | means |
|---|---|
| same | as in Flagger |
| better | what Flagger promises, and without one of its traps |
| otherwise | on purpose not as in Flagger |
| not carried out | accepted, and named with the way round at admission, in the status and by \`doctor\` |
| refused | no run starts, or the API server refuses it: with the reason |
| not here | nothing takes its place |`;

interface Own {
  here: RowVerdict;
  what: string;
  test?: string;
}

/** By the field table where the code does not carry the field out, else by the row. */
function ownWords(row: Row, treatments: readonly Treatment[]): Own {
  const ignored = ignoredWhy(treatments);
  if (ignored !== undefined) return { here: "not carried out", what: sentence(ignored), test: namedTest };
  const always = treatments.flatMap((treatment) => (treatment.how === "always" ? [treatment.why] : []));
  const what = row.what ?? always[0];
  if (!row.here || what === undefined) throw new Error(`"${row.flagger}" says not what is done here`);
  if (row.here === "not carried out") throw new Error(`"${row.flagger}" is carried out by now: say so in its row`);
  const isUntested = treatments.length > 0 && row.test === undefined;
  return { here: row.here, what: sentence(what), ...(isUntested ? { test: readTest } : {}) };
}

/** Where all of its fields are ignored, those aside that mean nothing by themselves: why the first is. */
function ignoredWhy(treatments: readonly Treatment[]): string | undefined {
  const own = treatments.filter(({ how }) => how !== "part of");
  const whys = own.flatMap((treatment) => (treatment.how === "ignored" ? [treatment.why] : []));
  return whys.length === own.length ? whys[0] : undefined;
}

const namedTest = "shared/core/spec/field-table: %s is named where it is given, with the way round";
const readTest = "test/read-fields: %s is read by the code that carries it out";

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");

/** Where two tests differ in their kind alone, it is given too. */
function fileOf(name: string, files: readonly string[]): string {
  const found = files.filter((file) => {
    const whole = file.replace(/\.test\.ts$/, "");
    return whole === name || whole.replace(/\.(unit|cluster|alone|long)$/, "") === name;
  });
  if (found.length === 1) return found[0]!;
  throw new Error(`"${name}" is the path of ${found.length} tests: ${found.join(", ")}`);
}

function lineOf({ flagger, here, what, file, title }: Decided): string {
  const name = file.split("/").at(-1) ?? file;
  const cells = [flagger, here, what, `[${name}](../${file}): ${title}`];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
