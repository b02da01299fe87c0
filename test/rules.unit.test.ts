// What keeps the code's shape: the rules that `make check` runs find what they forbid, and `make` says what it can do.
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import { describe, expect, it, vi } from "vitest";

// The first question loads ESLint, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 120_000 });

const root = join(import.meta.dirname, "..");

/** Without types: the rules that are asked for here need none, and would be slow to ask for with them. */
const eslint = new ESLint({
  cwd: root,
  overrideConfig: [
    { files: ["**/*.ts"], ...tseslint.configs.disableTypeChecked },
    { files: ["**/*.ts"], languageOptions: { parserOptions: { projectService: false } } },
  ] as ESLint.Options["overrideConfig"] & object,
});

async function found(filePath: string, code: string): Promise<string> {
  const [result] = await eslint.lintText(code, { filePath: join(root, filePath) });
  return (result?.messages ?? []).map(({ message }) => message).join("\n");
}

describe("the direction of imports", () => {
  it.each([
    ["plugin/a.ts", 'import "../webhook/config.ts";', "plugin imports shared only"],
    ["webhook/a.ts", 'import "../plugin/cli.ts";', "webhook imports shared only"],
    ["webhook/controller/a.ts", 'import "../../test/builders.ts";', "webhook imports shared only"],
    ["shared/a.ts", 'import "../webhook/config.ts";', "plugin -> shared <- webhook"],
    ["shared/kube/a.ts", 'import "../../plugin/cli.ts";', "plugin -> shared <- webhook"],
    ["shared/core/a.ts", 'import "../template-hash.ts";', "shared/core imports nothing but itself"],
    ["shared/core/run/a.ts", 'import "../../template-hash.ts";', "shared/core imports nothing but itself"],
    ["shared/core/a.ts", 'import "node:fs";', "shared/core does no I/O"],
    ["shared/core/a.ts", 'import pino from "pino";\nexport default pino;', "shared/core has no dependencies"],
    ["test/safety/a.ts", 'import "../cluster/client.ts";', "an API server of their own"],
    ["test/plugin/a.ts", 'import "../e2e/scenario.ts";', "an API server of their own"],
    ["shared/core/a.ts", 'export const fs = import("node:fs");', "shared/core imports nothing but itself"],
  ])("%s may not have %s", async (file, code, message) => {
    expect(await found(file, code)).toContain(message);
  });
});

/** What the check of dependencies says of a tree that has nothing but `files`. */
async function cruised(files: Record<string, string>): Promise<string> {
  const tree = await mkdtemp(join(tmpdir(), "kubectl-canary-rules-"));
  try {
    for (const [file, code] of Object.entries({ "tsconfig.json": "{}", ...files })) {
      await mkdir(dirname(join(tree, file)), { recursive: true });
      await writeFile(join(tree, file), code);
    }
    const program = join(root, "node_modules", ".bin", "depcruise");
    const config = join(root, ".dependency-cruiser.js");
    const folders = [...new Set(Object.keys(files).map((file) => file.split("/")[0] ?? ""))];
    return spawnSync(program, ["--config", config, ...folders], { cwd: tree, encoding: "utf8" }).stdout;
  } finally {
    await rm(tree, { recursive: true });
  }
}

describe("the floors of a room", () => {
  const there = "export const there = 1;";
  it.each([
    ["shared/core/format/a.ts", "shared/core/turn/b.ts", "shared/core only downwards"],
    ["shared/core/lifecycle/a.ts", "shared/core/decide.ts", "shared/core only downwards"],
    ["webhook/controller/cache/a.ts", "webhook/controller/apply/b.ts", "webhook only downwards"],
    ["plugin/view/a.ts", "plugin/render/b.ts", "plugin only downwards"],
    ["build/a.ts", "test/b.ts", "production imports nothing of the tests"],
  ])("%s may not import %s", async (from, to, rule) => {
    const path = `${"../".repeat(from.split("/").length - 1)}${to}`;
    expect(await cruised({ [from]: `import "${path}";`, [to]: there })).toContain(rule);
    expect(await cruised({ [from]: there, [to]: there })).toContain("no dependency violations");
  });

  it("has no circle", async () => {
    const files = {
      "shared/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;',
      "shared/b.ts": 'export type { A as B } from "./a.ts";',
    };
    expect(await cruised(files)).toContain("no circle");
  });
});

/** Paths of what the product is made of, without tests. */
const sources = spawnSync("git", ["ls-files", "shared", "webhook", "plugin", "build"], { cwd: root, encoding: "utf8" })
  .stdout.split("\n")
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));

/** Keys of those that come more than once. */
function repeated(keys: readonly string[], more = 1): string[] {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].flatMap(([key, count]) => (count > more ? [key] : []));
}

describe("a newcomer", () => {
  it("finds no folder of more than about fifteen files", () => {
    expect(sources.length).toBeGreaterThan(200);
    expect(
      repeated(
        sources.map((file) => dirname(file)),
        16,
      ),
    ).toEqual([]);
  });

  it("finds no two exported functions or values of one name", async () => {
    const names = await Promise.all(
      sources.map(async (file) => {
        const code = await readFile(join(root, file), "utf8");
        return [...code.matchAll(/^export (?:async )?(?:function|const|class) (\w+)/gm)].map(([, name = ""]) => name);
      }),
    );
    expect(repeated(names.flat())).toEqual([]);
  });
});

describe("the core", () => {
  it.each([
    "Date.now()",
    "globalThis.Date.now()",
    "new Date()",
    "Math.random()",
    "process.env",
    "console.log(1)",
    "performance.now()",
    "crypto.randomUUID()",
    'fetch("http://a")',
    "setTimeout(() => undefined, 1)",
  ])("may not use %s", async (expression) => {
    expect(await found("shared/core/a.ts", `export const a = () => ${expression};`)).not.toBe("");
  });

  it("has no async function", async () => {
    expect(await found("shared/core/a.ts", "export async function a() {}")).toContain("no async");
  });
});

describe("a clock", () => {
  const clocks = [
    "Date.now()",
    "new Date()",
    "performance.now()",
    "process.hrtime.bigint()",
    "AbortSignal.timeout(1)",
    "setTimeout(() => undefined, 1)",
    "setInterval(() => undefined, 1)",
  ];
  it.each(clocks)("is handed in: %s is for the two main.ts and shared/kube/clock.ts alone", async (expression) => {
    const code = `export const a = (): unknown => ${expression};`;
    for (const file of ["shared/a.ts", "webhook/controller/a.ts", "plugin/commands/a.ts"])
      expect(await found(file, code), file).toContain("are handed in");
    for (const file of ["shared/kube/clock.ts", "webhook/main.ts", "plugin/main.ts"])
      expect(await found(file, code), file).toBe("");
  });

  it.each([
    'import { systemClock } from "./shared/kube/clock.ts";\nsystemClock.now();',
    'import "node:timers/promises";',
  ])("is not imported: %s", async (code) => {
    expect(await found("webhook/a.ts", code)).toContain("are handed in");
  });

  it("may print a time that it is given", async () => {
    expect(await found("webhook/a.ts", "export const a = (ms: number) => new Date(ms).toISOString();")).toBe("");
  });
});

describe("phases", () => {
  it.each(['s.phase === "Failed" ? 1 : 2', 's.phase !== "Failed" ? 1 : 2'])(
    "the webhook may not ask %s",
    async (ask) => {
      const code = `export const a = (s: { phase: string }) => (${ask});`;
      expect(await found("webhook/a.ts", code)).toContain("Only shared/core/decide branches on the phase");
    },
  );

  it("the webhook may not switch on them", async () => {
    const code =
      'export function a(s: { phase: string }) {\n  switch (s.phase) {\n    case "Failed":\n      return 1;\n  }\n}';
    expect(await found("webhook/a.ts", code)).toContain("Only shared/core/decide branches on the phase");
  });
});

describe("a test", () => {
  it("sleeps for no fixed time: a duration that is the thing measured has a name that says so", async () => {
    for (const code of [
      "await delay(5_000);",
      "await setTimeout(100);",
      "await new Promise((done) => setTimeout(done, 50));",
    ])
      expect(await found("test/e2e/a.cluster.test.ts", code), code).toContain("Wait for an event or a condition");
    expect(await found("test/long/a.long.test.ts", "const outageMs = 5_000;\nawait delay(outageMs);")).toBe("");
  });

  it("asserts something, or waits for something with a deadline", async () => {
    const code = (body: string): string => `it("is", () => ${body});`;
    expect(await found("shared/a.unit.test.ts", code("run()"))).toContain("no assertions");
    expect(await found("shared/a.unit.test.ts", code("expect(run()).toBe(1)"))).toBe("");
    expect(await found("test/e2e/a.cluster.test.ts", code('waitFor(ready, 10, "it")'))).toBe("");
  });
});

describe("make", () => {
  it("prints its targets, each with one line that reads as it is meant", () => {
    const { stdout } = spawnSync("make", ["help"], { cwd: root, encoding: "utf8" });
    const contract = [
      "demo",
      "test",
      "check",
      "cluster",
      "cluster-env",
      "install",
      "cluster-down",
      "help",
      "test-long",
    ];
    for (const target of [...contract, "bench", "image"])
      expect(stdout).toMatch(new RegExp(`^  make ${target} +\\S`, "m"));
    expect(stdout).not.toContain("$$");
  });
});
