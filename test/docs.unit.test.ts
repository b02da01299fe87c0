// What the documentation names is there: links, and the files that a reader of the architecture is sent to.
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { faults } from "../plugin/commands/doctor/facts.ts";

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

describe.each(pages)("%s", (page) => {
  it("links to what is there", async () => {
    const links = [...(await text(page)).matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it("has lines of at most 140 columns, tables and links aside", async () => {
    const lines = (await text(page)).split("\n").filter((line) => !line.startsWith("|") && !/^\[.*\]: /.test(line));
    expect(lines.filter((line) => line.length > 140)).toEqual([]);
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

describe("the architecture", () => {
  /** What a path may be relative to, as the page says. */
  const places = [
    ...["", "shared/core", "webhook/controller", "build", "charts/kubectl-canary"],
    ...["plugin", "test/cluster", "test/e2e", "test/metrics"],
  ];

  it.each(["docs/architecture.md", "CONTRIBUTING.md"])(
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
