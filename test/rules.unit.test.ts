// What keeps the code's shape: the rules that `make check` runs find what they forbid, and `make` says what it can do.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
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
    ["shared/core/a.ts", 'export const fs = import("node:fs");', "shared/core imports nothing but itself"],
  ])("%s may not have %s", async (file, code, message) => {
    expect(await found(file, code)).toContain(message);
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
    expect(await found("shared/a.ts", `export const a = () => ${expression};`.replace("Math.random()", "1"))).toBe("");
  });

  it("has no async function", async () => {
    expect(await found("shared/core/a.ts", "export async function a() {}")).toContain("no async");
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
