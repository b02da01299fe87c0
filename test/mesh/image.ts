// The image of the stand-in mesh: Node, the bundle, the native library that the sidecar needs, and iptables.
import { readdir, realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { programEntries, type ImageEntry, type ImageSpec } from "../../build/oci-image.ts";
import { bundlePath, meshImage, nodePath } from "./settings.ts";

const require = createRequire(import.meta.url);
const repository = join(import.meta.dirname, "../..");

// A sidecar handles small pieces: little memory is enough, and a pod has one more process.
const nodeFlags = ["--max-semi-space-size=1", "--max-old-space-size=48"];

/** One file of JavaScript from a TypeScript entry point; `koffi` stays outside, it is native. */
export async function bundle(entryPoint: string): Promise<string> {
  const result = await build({
    entryPoints: [entryPoint],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node24",
    external: ["koffi"],
  });
  const [file] = result.outputFiles;
  if (!file) throw new Error(`${entryPoint} gave no bundle.`);
  return file.text;
}

/** Node 24 as the npm package brings it, with its libraries. */
export function nodeEntries(): Promise<ImageEntry[]> {
  return programEntries(join(repository, "node_modules/node/bin/node"), nodePath);
}

export async function meshImageSpec(): Promise<ImageSpec> {
  const [node, iptables, koffi, code] = await Promise.all([
    nodeEntries(),
    iptablesEntries(),
    koffiEntries(),
    bundle(join(import.meta.dirname, "main.ts")),
  ]);
  const entries = [...node, ...iptables, ...koffi, { path: bundlePath, content: code }];
  return {
    name: meshImage,
    entries: [...new Map(entries.map((entry) => [entry.path, entry])).values()],
    entrypoint: [nodePath, ...nodeFlags, bundlePath],
    env: { MALLOC_ARENA_MAX: "1" },
  };
}

async function iptablesEntries(): Promise<ImageEntry[]> {
  // One program with many names, and a folder of the matches and targets that it loads.
  const program = await realpath("/usr/sbin/iptables-restore");
  const folder = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/xtables`;
  const extensions = (await readdir(folder)).map((name) => join(folder, name));
  return [
    ...(await programEntries(program, program)),
    { path: "/usr/sbin/iptables-restore", link: program },
    ...extensions.map((file): ImageEntry => ({ path: file, file, mode: 0o755 })),
  ];
}

async function koffiEntries(): Promise<ImageEntry[]> {
  const main = dirname(require.resolve("koffi"));
  const platform = `koffi-linux-${process.arch}`;
  const native = dirname(createRequire(join(main, "index.cjs")).resolve(`@koromix/${platform}`));
  const inImage = join(dirname(bundlePath), "node_modules");
  const copy = (from: string, to: string): ImageEntry => ({ path: join(inImage, to), file: from });
  const scripts = (await readdir(join(main, "src"), { recursive: true })).filter((file) => file.endsWith(".cjs"));
  return [
    ...["package.json", "index.cjs"].map((file) => copy(join(main, file), `koffi/${file}`)),
    ...scripts.map((file) => copy(join(main, "src", file), `koffi/src/${file}`)),
    ...["package.json", "index.js", `linux_${process.arch}/koffi.node`].map((file) =>
      copy(join(native, file), `@koromix/${platform}/${file}`),
    ),
  ];
}
