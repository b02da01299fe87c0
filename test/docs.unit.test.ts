// What the documentation names is there: links, and the files that a reader of the architecture is sent to.
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { flagTable } from "../plugin/cli/flag-table.ts";
import type { Verb } from "../plugin/cli/verb.ts";
import { verbs } from "../plugin/cli/verbs.ts";
import { faults } from "../plugin/commands/doctor/facts.ts";
import { waitCauses } from "../shared/core/objects/wait-causes.ts";

const root = join(import.meta.dirname, "..");
const inFolder = async (folder: string): Promise<string[]> =>
  (await readdir(join(root, folder))).filter((file) => file.endsWith(".md")).map((file) => join(folder, file));

const pages = [
  ...(await inFolder(".")),
  ...(await inFolder("docs")),
  ...(await inFolder("docs/adr")),
  "charts/kubectl-canary/README.md",
];
const text = (page: string): Promise<string> => readFile(join(root, page), "utf8");

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

describe.each(pages)("%s", (page) => {
  it("links to what is there", async () => {
    const links = [...(await text(page)).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it("links to headings that are there", async () => {
    const links = [...(await text(page)).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)];
    const headings = (file: string): Promise<string[]> =>
      text(file).then((all) => [...all.matchAll(/^#+ (.+)$/gm)].map(([, words = ""]) => anchorOf(words)));
    for (const [link, file, heading] of links)
      expect(await headings(file ? join(dirname(page), file) : page), link).toContain(heading);
  });

  it("has lines of at most 140 columns, tables and links aside", async () => {
    const lines = (await text(page)).split("\n").filter((line) => !line.startsWith("|") && !/^\[.*\]: /.test(line));
    expect(lines.filter((line) => line.length > 140)).toEqual([]);
  });

  it("shows patches that can be pasted", async () => {
    const isJson = (patch: string): boolean => {
      try {
        return typeof JSON.parse(patch) === "object";
      } catch {
        return false;
      }
    };
    // What goes on behind its quote is put together by the shell.
    const patches = [...(await text(page)).matchAll(/ -p '([^']*)'(?!")/g)].map(([, patch = ""]) => patch);
    expect(patches.filter((patch) => !isJson(patch))).toEqual([]);
  });
});

describe("the pages of docs", () => {
  it("are all in their index", async () => {
    const index = await text("docs/README.md");
    const adrs = await text("docs/adr/README.md");
    const missing = (await inFolder("docs")).filter((page) => !index.includes(`](${page.slice("docs/".length)})`));
    const missingAdrs = (await inFolder("docs/adr")).filter((page) => !adrs.includes(page.slice("docs/adr/".length)));
    expect([...missing, ...missingAdrs].filter((page) => !page.endsWith("README.md"))).toEqual([]);
  });
});

describe("the page of doctor", () => {
  it("has each fault that doctor looks for, and how many there are", async () => {
    const page = await text("docs/doctor.md");
    expect(faults.filter((fault) => !page.includes(`\`${fault}\``))).toEqual([]);
    expect(page).toContain(`${faults.length} kinds of fault looked for`);
  });
});

describe("the page of the plugin", () => {
  /** What is said of all verbs that steer, above their table. */
  const common = ["help", "reason", "timeout"];
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];

  it.each(verbs.map((verb) => [verb.name, verb] as const))(
    "has the verb %s with each of its flags",
    async (name, verb) => {
      const rows = (await text("docs/plugin.md")).split("\n").filter((line) => line.startsWith(`| \`${name}`));
      expect(rows).not.toEqual([]);
      const { names, nameOf, hidden } = flagTable([verb]);
      const inherited = flagTable([]).names;
      const own = names.filter((flag) => ![...inherited, ...hidden, ...common].includes(flag));
      const short = (flag: string): string[] => letters.filter((letter) => nameOf(`-${letter}`) === flag);
      const isSaid = (flag: string): boolean =>
        [`--${flag}`, ...short(flag).map((letter) => `-${letter}`)].some((typed) => rows.join().includes(typed));
      expect(own.filter((flag) => !isSaid(flag))).toEqual([]);
    },
  );
});

describe("a command of the plugin that a page shows", () => {
  const verbOf = (word: string): Verb | undefined =>
    verbs.find(({ name, aliases = [] }) => [name, ...aliases].includes(word));

  it.each(pages.filter((page) => !page.includes("adr/")))("has a verb and flags that there are (%s)", async (page) => {
    const commands = [...(await text(page)).matchAll(/kubectl canary ([a-z]+)([^`\n|#"'()]*)/g)];
    const wrong = commands.filter(([, word = "", rest = ""]) => {
      const verb = verbOf(word);
      if (!verb) return true;
      const { names, nameOf } = flagTable([verb]);
      const flags = rest.split(/\s+/).filter((part) => /^--?[a-zA-Z]/.test(part));
      return flags.some((flag) => !names.includes(nameOf(flag.split("=")[0] ?? "")));
    });
    expect(wrong.map(([command]) => command)).toEqual([]);
  });
});

describe("the page of alerts", () => {
  it("has each wait that somebody is told of", async () => {
    const page = await text("docs/alerts.md");
    const told = Object.entries(waitCauses).filter(
      ([cause, { kind, ...entry }]) =>
        cause !== "obstacle" && !("goesOn" in entry) && (kind === "person" || kind === "outage"),
    );
    expect(told.map(([cause]) => cause).filter((cause) => !page.includes(`\`${cause}\``))).toEqual([]);
  });
});

interface Schema {
  properties?: Record<string, Schema>;
}

describe("the page of the Canary", () => {
  it("has each field of spec, service, analysis and status that is not Flagger's own bookkeeping", async () => {
    const page = await text("docs/canary.md");
    const definition = load(await text("charts/kubectl-canary/files/crds/canaries.yaml")) as {
      spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
    };
    const { spec, status } = definition.spec.versions[0]?.schema.openAPIV3Schema.properties ?? {};
    const { service, analysis } = spec?.properties ?? {};
    const fields = [spec, service, analysis, status].flatMap((part) => Object.keys(part?.properties ?? {}));
    const neverWritten = ["sessionAffinityCookie", "primarySessionAffinityCookie", "previousSessionAffinityCookie"];
    expect(fields.length).toBeGreaterThan(80);
    const told = fields.filter((field) => !neverWritten.includes(field));
    expect(told.filter((field) => !new RegExp(`[\`.]${field}\\b`).test(page))).toEqual([]);
  });
});

describe("the architecture", () => {
  /** What a path may be relative to, as the page says. */
  const places = [
    ...["", "shared/core", "webhook/controller", "build", "charts/kubectl-canary"],
    ...["plugin", "test/cluster", "test/e2e", "test/metrics"],
  ];

  it.each(["docs/architecture.md", "CONTRIBUTING.md", "SECURITY.md"])(
    "names no file or folder that is not there (%s)",
    async (page) => {
      const names = [...(await text(page)).matchAll(/`([a-z][\w./-]*(?:\/|\.(?:ts|js|yaml|json|tpl|txt)))`/g)];
      const named = [...new Set(names.map(([, name = ""]) => name))];
      const isThere = (name: string): boolean => places.some((place) => existsSync(join(root, place, name)));
      expect(named.length).toBeGreaterThan(20);
      expect(named.filter((name) => !isThere(name) && !name.startsWith("dist/"))).toEqual([]);
    },
  );
});
