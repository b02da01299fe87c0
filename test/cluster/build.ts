// Builds Go commands from published modules into a per-user cache keyed by version, so that only the first run is slow.
// A binary is built beside its place and renamed into it: an interrupted build leaves nothing half.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cacheDir } from "../../build/cache-dir.ts";
import { showProgress, type Progress } from "./progress.ts";

/** A Go command and how it is built. */
export interface BinarySpec {
  readonly name: string;
  /** Part of the cached file's name; change it when flags change. */
  readonly version: string;
  /** Import path of the main package. */
  readonly package: string;
  /** A folder with go.mod and go.sum that pin the package; without it, the package is installed at `moduleVersion`. */
  readonly moduleDir?: string;
  readonly moduleVersion?: string;
  readonly ldflags?: readonly string[];
  readonly tags?: readonly string[];
}

// Two at a time fill the stretches where one build waits for a single compile or link.
const CONCURRENT_BUILDS = 2;
const ABANDONED_MS = 3_600_000;

export const cachedPath = (spec: BinarySpec): string => join(cacheDir, "bin", `${spec.name}-${spec.version}`);

/** Path of the binary, built first if the cache lacks it. */
export async function ensureBinary(spec: BinarySpec): Promise<string> {
  await buildAll([spec]);
  return cachedPath(spec);
}

/** Builds what the cache lacks, with a progress display on stderr, and returns the path of each by name. */
export async function buildAll(specs: readonly BinarySpec[]): Promise<Map<string, string>> {
  const missing = specs.filter((spec) => !existsSync(cachedPath(spec)));
  if (missing.length > 0) {
    process.stderr.write(`Building ${missing.length} programs from Go modules (cached in ${join(cacheDir, "bin")}):\n`);
    await buildMissing(missing);
  }
  return new Map(specs.map((spec) => [spec.name, cachedPath(spec)]));
}

async function buildMissing(specs: readonly BinarySpec[]): Promise<void> {
  await removeAbandoned();
  const progress = showProgress(specs.map((spec) => spec.name));
  const queue = groupsOf(specs);
  const worker = async (): Promise<void> => {
    for (let group = queue.shift(); group; group = queue.shift()) await buildGroup(group, progress);
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENT_BUILDS }, worker));
  } finally {
    progress.close();
  }
}

/** Removes the folders of builds that were killed more than an hour ago. */
async function removeAbandoned(): Promise<void> {
  const dir = join(cacheDir, "bin");
  const folders = (await readdir(dir).catch(() => [])).filter((name) => name.startsWith(".building-"));
  for (const folder of folders) {
    const { mtimeMs } = await stat(join(dir, folder));
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(join(dir, folder), { recursive: true, force: true });
  }
}

/** Commands of one module with the same flags are one `go build`: shared packages are then compiled once. */
export function groupsOf(specs: readonly BinarySpec[]): BinarySpec[][] {
  const groups = new Map<string, BinarySpec[]>();
  for (const spec of specs) {
    const key = spec.moduleDir ? JSON.stringify([spec.moduleDir, spec.ldflags, spec.tags]) : cachedPath(spec);
    groups.set(key, [...(groups.get(key) ?? []), spec]);
  }
  return [...groups.values()];
}

/** The `go` arguments and environment that build `group` into `outDir`. */
export function goCommand(group: readonly BinarySpec[], outDir: string): { args: string[]; env: NodeJS.ProcessEnv } {
  const [first] = group;
  if (!first) throw new Error("A build needs at least one package.");
  const flags = ["-trimpath", "-v", "-ldflags", ["-s -w", ...(first.ldflags ?? [])].join(" ")];
  if (first.tags) flags.push("-tags", first.tags.join(","));
  if (first.moduleDir) {
    const packages = group.map((spec) => spec.package);
    return { args: ["build", "-C", first.moduleDir, ...flags, "-o", `${outDir}/`, ...packages], env: {} };
  }
  return { args: ["install", ...flags, `${first.package}@${first.moduleVersion ?? "latest"}`], env: { GOBIN: outDir } };
}

/** What `go` calls the binary: the last path element that is not a major version. */
export function builtName(packagePath: string): string {
  const parts = packagePath.split("/").filter((part) => !/^v\d+$/.test(part));
  return parts.at(-1) ?? packagePath;
}

async function buildGroup(group: readonly BinarySpec[], progress: Progress): Promise<void> {
  await mkdir(join(cacheDir, "bin"), { recursive: true });
  const outDir = await mkdtemp(join(cacheDir, "bin", ".building-"));
  const reportAll = (stage: "downloading" | "compiling" | "failed", note: string): void => {
    for (const spec of group) progress.report(spec.name, stage, note);
  };
  // Programs of one build are linked at different times: each counts as done when its file appears.
  const reportUnlinked = (stage: "downloading" | "compiling", note: string): void => {
    for (const spec of group) {
      const linked = existsSync(join(outDir, builtName(spec.package)));
      progress.report(spec.name, linked ? "done" : stage, linked ? "" : note);
    }
  };
  try {
    reportAll("compiling", "");
    await runGo(goCommand(group, outDir), reportUnlinked);
    for (const spec of group) {
      await rename(join(outDir, builtName(spec.package)), cachedPath(spec));
      progress.report(spec.name, "done");
    }
  } catch (error) {
    reportAll("failed", "");
    throw error;
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function runGo(
  command: { args: string[]; env: NodeJS.ProcessEnv },
  report: (stage: "downloading" | "compiling", note: string) => void,
): Promise<void> {
  const child = spawn("go", command.args, {
    env: { ...process.env, CGO_ENABLED: "0", ...command.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let packages = 0;
  const messages: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.startsWith("go: downloading")) return report("downloading", line.slice("go: downloading ".length));
    if (/^[\w.~-]+(\/[\w.~-]+)*$/.test(line)) return report("compiling", `${(packages += 1)} packages`);
    messages.push(line);
  });
  const code = await new Promise<number | null>((done, failed) => {
    child.on("error", () => failed(new Error("Go is not installed. Install Go 1.24 or later from https://go.dev/dl.")));
    child.on("close", done);
  });
  if (code !== 0) throw new Error(`go ${command.args.join(" ")} failed:\n${messages.slice(-20).join("\n")}`);
}
