/**
 * Bundles the controller and the plugin into one file each (`dist/`), and with `image` packs the controller into an OCI
 * archive: node, its libraries and the bundle, nothing else. Needs no container engine and no registry.
 */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import type { BuildOptions } from "esbuild";
import { buildImage, programEntries } from "./test/cluster/oci.ts";

const root = import.meta.dirname;
const at = (...parts: string[]): string => join(root, ...parts);

const { version } = JSON.parse(await readFile(at("package.json"), "utf8")) as { version: string };
const outputs = {
  webhook: at("dist", "webhook", "webhook.mjs"),
  plugin: at("dist", "plugin", "kubectl-canary.mjs"),
  image: at("dist", "image.tar"),
};

/** Of the sources, with a mark where they are not as committed; outside a repository there is none. */
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

/** Runs on people's own Node, which may be older than the controller's. */
async function buildPlugin(): Promise<void> {
  await build({
    ...common,
    entryPoints: [at("plugin", "main.ts")],
    outfile: outputs.plugin,
    target: "node20",
    // Halves its start, which a person waits for.
    minify: true,
    // client-node names it for requests of its own, and it does not load on Node 20.
    alias: { undici: at("plugin", "undici.ts") },
    banner: { js: `#!/usr/bin/env node\n${requireShim}` },
  });
  await chmod(outputs.plugin, 0o755);
}

async function buildControllerImage(): Promise<void> {
  const name = `ghcr.io/kubectl-canary/kubectl-canary:${version}`;
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

await mkdir(at("dist"), { recursive: true });
await Promise.all([buildWebhook(), buildPlugin()]);
if (process.argv.includes("image")) await buildControllerImage();
