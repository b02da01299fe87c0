/**
 * Builds into `dist/` what its arguments name: `webhook`, the controller's bundle; `image`, that bundle with Node as an
 * OCI archive, built without an engine or a registry; `plugin`, the executable for this machine; `release`,
 * the plugin's archives for others. Without arguments: the controller's bundle and the plugin.
 */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type BuildOptions } from "esbuild";
import { bundlePlugin } from "./plugin-bundle.ts";
import { buildExecutable } from "./executable.ts";
import { scripts } from "../plugin/cli/completion-scripts.ts";
import { buildRelease } from "./release.ts";
import { buildImage, programEntries } from "./oci-image.ts";
import { localImage } from "./image-name.ts";

const root = join(import.meta.dirname, "..");
const at = (...parts: string[]): string => join(root, ...parts);

const { version } = JSON.parse(await readFile(at("package.json"), "utf8")) as { version: string };
const outputs = {
  webhook: at("dist", "webhook", "webhook.mjs"),
  bundle: at("dist", "plugin", "kubectl-canary.cjs"),
  plugin: at("dist", "plugin", "kubectl-canary"),
  completion: at("dist", "plugin", "kubectl_complete-canary"),
  image: at("dist", "image.tar"),
  release: at("dist", "release"),
};

/** The sources' commit, marked if they differ from it; `$COMMIT` or `unknown` outside a repository. */
function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const dirty = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "-modified";
    return git("rev-parse", "--short=12", "HEAD") + dirty;
  } catch {
    return process.env["COMMIT"] ?? "unknown";
  }
}

const common: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  minifySyntax: true,
  keepNames: true,
  sourcemap: false,
  legalComments: "linked",
  logLevel: "warning",
  define: { BUILD_VERSION: JSON.stringify(version), BUILD_COMMIT: JSON.stringify(commit()) },
};

// CommonJS dependencies ask for Node's modules by `require`, which an ES module does not have.
const requireShim =
  'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);';

async function buildWebhook(): Promise<void> {
  await build({
    ...common,
    entryPoints: [at("webhook", "main.ts")],
    outfile: outputs.webhook,
    target: "node24",
    banner: { js: requireShim },
  });
}

async function buildControllerImage(): Promise<void> {
  const name = `${localImage}:${version}`;
  const digest = await buildImage(
    {
      name,
      entries: [
        ...(await programEntries(process.execPath, "/usr/local/bin/node")),
        { path: "/app/webhook.mjs", file: outputs.webhook },
        { path: "/app/webhook.mjs.LEGAL.txt", file: `${outputs.webhook}.LEGAL.txt` },
        { path: "/etc/passwd", content: "canary:x:65532:65532::/:/sbin/nologin\n" },
        { path: "/etc/nsswitch.conf", content: "hosts: files dns\n" },
      ],
      entrypoint: ["/usr/local/bin/node", "/app/webhook.mjs"],
      env: { NODE_ENV: "production", HOME: "/" },
      user: "65532:65532",
      workingDir: "/app",
      ports: [10_250, 8_080],
    },
    outputs.image,
  );
  process.stdout.write(`${outputs.image}: ${name} ${digest}\n`);
}

async function buildPlugin(): Promise<void> {
  await bundlePlugin(common, outputs.bundle);
  await buildExecutable({ bundle: outputs.bundle, node: process.execPath, outfile: outputs.plugin, native: true });
  await writeFile(outputs.completion, scripts.kubectl);
  await chmod(outputs.completion, 0o755);
}

async function buildReleaseFiles(): Promise<void> {
  await bundlePlugin(common, outputs.bundle);
  const made = await buildRelease({ version, bundle: outputs.bundle, folder: outputs.release });
  process.stdout.write(`${made.join("\n")}\n`);
}

const parts: Record<string, () => Promise<void>> = {
  webhook: buildWebhook,
  plugin: buildPlugin,
  image: async () => {
    await buildWebhook();
    await buildControllerImage();
  },
  release: buildReleaseFiles,
};
const asked = process.argv.slice(2);
await mkdir(at("dist"), { recursive: true });
for (const part of asked.length > 0 ? asked : ["webhook", "plugin"]) {
  const make = parts[part];
  if (!make) throw new Error(`There is no part "${part}" to build: ${Object.keys(parts).join(", ")}.`);
  await make();
}
