/**
 * What a release of the plugin consists of, in `dist/release`: an archive for each Linux architecture that needs neither Node
 * nor npm, a package for npm (macOS, Windows), the manifest for krew, a bill of materials (CycloneDX), and checksums of them all.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { dump } from "js-yaml";
import { buildExecutable } from "./executable.ts";
import { scripts } from "../plugin/cli/completion-scripts.ts";
import { cacheDir } from "./cache-dir.ts";
import { requireNode } from "./node-hashes.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const downloads = "https://github.com/kubectl-canary/kubectl-canary/releases/download";

/** Go's and krew's name of an architecture to Node's. */
const architectures = { amd64: "x64", arm64: "arm64" } as const;
type Architecture = keyof typeof architectures;

export interface Release {
  version: string;
  /** The plugin's bundle. */
  bundle: string;
  folder: string;
}

/** Returns the paths of what was made. */
export async function buildRelease(release: Release): Promise<string[]> {
  await rm(release.folder, { recursive: true, force: true });
  await mkdir(release.folder, { recursive: true });
  const archives: [Architecture, string][] = [];
  for (const architecture of Object.keys(architectures) as Architecture[])
    archives.push([architecture, await buildArchive(release, architecture)]);
  const made = [...archives.map(([, file]) => file), await buildPackage(release)];
  const manifest = join(release.folder, "canary.yaml");
  await writeFile(manifest, dump(await krewManifest(release.version, archives), { lineWidth: -1 }));
  made.push(await billOfMaterials(release.folder));
  const sums = await Promise.all([...made, manifest].map(async (file) => `${await sha256(file)}  ${basename(file)}\n`));
  const checksums = join(release.folder, "checksums.txt");
  await writeFile(checksums, sums.join(""));
  return [...made, manifest, checksums];
}

// --- internal ---

/** What is in the lock file, with its hashes; the bundles hold a part of it. */
async function billOfMaterials(folder: string): Promise<string> {
  const bill = join(folder, "sbom.cdx.json");
  const args = ["sbom", "--sbom-format=cyclonedx", "--omit=dev"];
  const { stdout } = await run("npm", args, { cwd: root, maxBuffer: 2 ** 26 });
  await writeFile(bill, stdout);
  return bill;
}

async function buildArchive({ version, bundle, folder }: Release, architecture: Architecture): Promise<string> {
  const node = await fetchNode(architectures[architecture]);
  const content = await mkdtemp(join(tmpdir(), "kubectl-canary-release-"));
  try {
    const native = process.arch === architectures[architecture];
    await buildExecutable({ bundle, node: node.binary, outfile: join(content, "kubectl-canary"), native });
    await writeFile(join(content, "kubectl_complete-canary"), scripts.kubectl);
    await chmod(join(content, "kubectl_complete-canary"), 0o755);
    await copyFile(join(root, "LICENSE"), join(content, "LICENSE"));
    await copyFile(node.license, join(content, "LICENSE.node"));
    await copyFile(`${bundle}.LEGAL.txt`, join(content, "LICENSE.libraries"));
    const archive = join(folder, `kubectl-canary_v${version}_linux_${architecture}.tar.gz`);
    const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    // The files by name: an entry for the folder would change the mode of the folder it is unpacked in.
    const files = (await readdir(content)).sort();
    await run("tar", [...same, "-czf", archive, "-C", content, ...files], { env: { ...process.env, GZIP: "-n" } });
    return archive;
  } finally {
    await rm(content, { recursive: true, force: true });
  }
}

/** Node's binary for another architecture comes from npm, in the version that runs now; checked by its hash, it is kept in the cache. */
async function fetchNode(architecture: string): Promise<{ binary: string; license: string }> {
  const name = `node-linux-${architecture}`;
  const kept = join(cacheDir, "node", `${name}-${process.versions.node}`);
  if (!existsSync(kept)) {
    process.stderr.write(`Fetching ${name}@${process.versions.node} from npm (50 MB, kept in ${kept})\n`);
    const folder = await mkdtemp(join(tmpdir(), "kubectl-canary-node-"));
    await run("npm", ["pack", `${name}@${process.versions.node}`, "--silent"], { cwd: folder });
    const packed = join(folder, `${name}-${process.versions.node}.tgz`);
    requireNode({ version: process.versions.node, architecture }, await readFile(packed));
    await run("tar", ["-xzf", packed, "-C", folder]);
    await mkdir(join(cacheDir, "node"), { recursive: true });
    await run("mv", [join(folder, "package"), `${kept}.part`]);
    await rename(`${kept}.part`, kept);
    await rm(folder, { recursive: true, force: true });
  }
  return { binary: join(kept, "bin", "node"), license: join(kept, "LICENSE") };
}

/** Not this repository's package: the plugin needs none of the controller's dependencies. */
async function buildPackage({ version, bundle, folder }: Release): Promise<string> {
  const content = await mkdtemp(join(tmpdir(), "kubectl-canary-package-"));
  try {
    await writeFile(join(content, "kubectl-canary.js"), launcher);
    await writeFile(join(content, "kubectl_complete-canary.js"), completionLauncher);
    await copyFile(bundle, join(content, "bundle.cjs"));
    await copyFile(`${bundle}.LEGAL.txt`, join(content, "LICENSE.libraries"));
    for (const file of ["LICENSE", "README.md"]) await copyFile(join(root, file), join(content, file));
    await writeFile(join(content, "package.json"), JSON.stringify(packageOf(version), undefined, 2));
    await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: content });
    return join(folder, `kubectl-canary-${version}.tgz`);
  } finally {
    await rm(content, { recursive: true, force: true });
  }
}

/** Newer Nodes cache the compiled bundle between starts. */
const launcher = `#!/usr/bin/env node
require("node:module").enableCompileCache?.();
require("./bundle.cjs");
`;

const completionLauncher = `#!/usr/bin/env node
process.argv.splice(2, 0, "__complete");
require("./kubectl-canary.js");
`;

function packageOf(version: string): object {
  return {
    name: "kubectl-canary",
    version,
    description: "See and steer automatic canary releases on Kubernetes with Linkerd",
    license: "Apache-2.0",
    type: "commonjs",
    engines: { node: ">=20.19" },
    bin: { "kubectl-canary": "kubectl-canary.js", "kubectl_complete-canary": "kubectl_complete-canary.js" },
  };
}

async function krewManifest(version: string, archives: readonly [Architecture, string][]): Promise<object> {
  const platform = async ([arch, file]: readonly [Architecture, string]): Promise<object> => ({
    selector: { matchLabels: { os: "linux", arch } },
    uri: `${downloads}/v${version}/${basename(file)}`,
    sha256: await sha256(file),
    bin: "kubectl-canary",
  });
  return {
    apiVersion: "krew.googlecontainertools.github.com/v1alpha2",
    kind: "Plugin",
    metadata: { name: "canary" },
    spec: {
      version: `v${version}`,
      homepage: "https://github.com/kubectl-canary/kubectl-canary",
      shortDescription: "See and steer automatic canary releases",
      description:
        "Shows where a canary release stands, why, and what is next; promotes it or takes it back;\nfinds what keeps it from working.\n",
      caveats:
        "Needs kubectl-canary's controller in the cluster.\nFor completion, in a folder of your PATH: kubectl canary completion kubectl > kubectl_complete-canary; chmod +x kubectl_complete-canary\n",
      platforms: await Promise.all(archives.map(platform)),
    },
  };
}

async function sha256(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}
