/**
 * Makes one file of Node and the plugin's bundle, which runs where neither Node nor npm is installed: Node's single executable
 * applications. For this machine's own architecture the code that V8 made of the bundle in a first run goes with it.
 */
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { assets } from "./executable/assets.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");

/** The mark in Node's binary that says whether it carries an application. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

export interface ExecutableOptions {
  /** The plugin's bundle. */
  bundle: string;
  /** Node's own binary, for the system that the executable is for. */
  node: string;
  outfile: string;
  /** Whether this machine can run that binary. */
  native: boolean;
}

export async function buildExecutable({ bundle, node, outfile, native }: ExecutableOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "kubectl-canary-build-"));
  try {
    const blob = await buildBlob(folder, bundle, native ? node : undefined);
    const made = join(folder, "kubectl-canary");
    await copyFile(node, made);
    await chmod(made, 0o755);
    await run(process.execPath, [
      join(root, "node_modules", "postject", "dist", "cli.js"),
      made,
      "NODE_SEA_BLOB",
      blob,
      "--sentinel-fuse",
      fuse,
    ]);
    await mkdir(dirname(outfile), { recursive: true });
    // Written beside its place first: a running executable cannot be overwritten.
    await copyFile(made, `${outfile}.new`);
    await rename(`${outfile}.new`, outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// --- internal ---

async function buildBlob(folder: string, bundle: string, node: string | undefined): Promise<string> {
  const { main, source, code, blob } = pathsIn(folder);
  const text = await readFile(bundle, "utf8");
  await writeFile(source, text.replace(/^#!.*\n/, ""));
  await writeFile(code, "");
  if (node) await run(node, [join(root, "build", "code-cache.ts"), source, code]);
  await build({
    entryPoints: [join(root, "build", "executable", "boot.ts")],
    outfile: main,
    bundle: true,
    platform: "node",
    format: "cjs",
    minify: true,
  });
  const config = join(folder, "sea.json");
  const carried = { [assets.source]: source, [assets.code]: code };
  await writeFile(config, JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true, assets: carried }));
  await run(process.execPath, ["--experimental-sea-config", config]);
  return blob;
}

function pathsIn(folder: string): Record<"main" | "source" | "code" | "blob", string> {
  const [main = "", source = "", code = "", blob = ""] = ["boot.cjs", assets.source, assets.code, "blob"].map((name) =>
    join(folder, name),
  );
  return { main, source, code, blob };
}
