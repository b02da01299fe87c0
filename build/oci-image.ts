// Builds OCI image archives (an image layout in a tar) with one plain layer, without a container engine or a registry.
// Deterministic: the same files and settings give the same digests, whatever their times and owners on disk.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, realpath, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";

/** One file of an image: copied from disk, given as content, or a symlink. `path` is absolute in the image. */
export type ImageEntry =
  | { readonly path: string; readonly file: string; readonly mode?: number }
  | { readonly path: string; readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly path: string; readonly link: string };

export interface ImageSpec {
  /** Full name with registry and tag, such as `quay.io/stefanprodan/podinfo:1.7.0`. */
  readonly name: string;
  readonly entries: readonly ImageEntry[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** Environment; PATH is set to the usual folders unless given. */
  readonly env?: Readonly<Record<string, string>>;
  /** `uid` or `uid:gid`; root when absent. */
  readonly user?: string;
  /** TCP ports that the image says it listens on. */
  readonly ports?: readonly number[];
  readonly workingDir?: string;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const architecture = process.arch === "x64" ? "amd64" : process.arch;
const mediaType = (kind: string): string => `application/vnd.oci.image.${kind}`;

interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly bytes: () => AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** Writes the image archive to `tarPath` and returns the manifest's digest (`sha256:...`). */
export async function buildImage(spec: ImageSpec, tarPath: string): Promise<string> {
  const layer = await blobOf(() => layerBytes(spec.entries));
  const config = jsonBlob(imageConfig(spec, layer.digest));
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: mediaType("manifest.v1+json"),
    config: { mediaType: mediaType("config.v1+json"), digest: config.digest, size: config.size },
    layers: [{ mediaType: mediaType("layer.v1.tar"), digest: layer.digest, size: layer.size }],
  });
  const index = jsonBlob({
    schemaVersion: 2,
    manifests: [
      {
        mediaType: mediaType("manifest.v1+json"),
        digest: manifest.digest,
        size: manifest.size,
        annotations: { "io.containerd.image.name": spec.name, "org.opencontainers.image.ref.name": tagOf(spec.name) },
      },
    ],
  });
  await mkdir(dirname(tarPath), { recursive: true });
  const partial = `${tarPath}.${process.pid}.part`;
  const blobs: [string, Blob][] = [config, manifest, layer].map((blob) => [
    `blobs/sha256/${blob.digest.slice("sha256:".length)}`,
    blob,
  ]);
  const files: [string, Blob][] = [
    ["oci-layout", jsonBlob({ imageLayoutVersion: "1.0.0" })],
    ["index.json", index],
    ...blobs,
  ];
  await pipeline(Readable.from(archiveBytes(files), { objectMode: false }), createWriteStream(partial));
  await rename(partial, tarPath);
  return manifest.digest;
}

function imageConfig(spec: ImageSpec, layerDigest: string): unknown {
  const env = { PATH: DEFAULT_PATH, ...spec.env };
  const ports = (spec.ports ?? []).map((port): [string, object] => [`${port}/tcp`, {}]);
  return {
    architecture,
    os: "linux",
    config: {
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...(spec.entrypoint && { Entrypoint: spec.entrypoint }),
      ...(spec.command && { Cmd: spec.command }),
      ...(spec.user && { User: spec.user }),
      ...(spec.workingDir && { WorkingDir: spec.workingDir }),
      ...(ports.length > 0 && { ExposedPorts: Object.fromEntries(ports) }),
    },
    rootfs: { type: "layers", diff_ids: [layerDigest] },
  };
}

const tagOf = (name: string): string => name.slice(name.lastIndexOf(":") + 1);

async function* layerBytes(entries: readonly ImageEntry[]): AsyncGenerator<Buffer> {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  const folders = parentsOf(sorted.map((entry) => entry.path));
  for (const folder of folders) {
    yield tarHeader({ path: folder, type: "directory", mode: folder === "tmp" ? 0o1777 : 0o755, size: 0 });
  }
  for (const entry of sorted) yield* entryBytes(entry);
  yield tarEnd();
}

/** Every folder above `files`, plus /tmp, each once and outermost first; without leading slashes. */
export function parentsOf(files: readonly string[]): string[] {
  const folders = new Set(["tmp"]);
  for (const file of files) {
    const parts = inArchive(file).split("/").slice(0, -1);
    parts.forEach((_, at) => folders.add(parts.slice(0, at + 1).join("/")));
  }
  return [...folders].sort();
}

const inArchive = (path: string): string => path.replace(/^\/+/, "");

async function* entryBytes(entry: ImageEntry): AsyncGenerator<Buffer> {
  const path = inArchive(entry.path);
  if ("link" in entry) {
    yield tarHeader({ path, type: "symlink", mode: 0o777, size: 0, target: entry.link });
  } else if ("content" in entry) {
    const content = Buffer.from(entry.content);
    yield tarHeader({ path, type: "file", mode: entry.mode ?? 0o644, size: content.length });
    yield content;
    yield tarPadding(content.length);
  } else {
    const { size, mode } = await stat(entry.file);
    yield tarHeader({ path, type: "file", mode: entry.mode ?? (mode & 0o111 ? 0o755 : 0o644), size });
    yield* createReadStream(entry.file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
    yield tarPadding(size);
  }
}

async function blobOf(bytes: () => AsyncIterable<Buffer>): Promise<Blob> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of bytes()) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size, bytes };
}

function jsonBlob(value: unknown): Blob {
  const content = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  return { digest, size: content.length, bytes: () => [content] };
}

async function* archiveBytes(files: readonly [string, Blob][]): AsyncGenerator<Buffer> {
  for (const [path, blob] of files) {
    yield tarHeader({ path, type: "file", mode: 0o644, size: blob.size });
    yield* blob.bytes();
    yield tarPadding(blob.size);
  }
  yield tarEnd();
}

/**
 * The entries for a program from this machine: the file itself at `path`, and every library and loader that `ldd`
 * lists, at the paths where the loader looks for them. A static program is just itself.
 */
export async function programEntries(file: string, path: string): Promise<ImageEntry[]> {
  const libraries = librariesIn(await ldd(file));
  const resolved = await Promise.all(
    libraries.map(async (library) => ({ path: library, file: await realpath(library) })),
  );
  return [
    { path, file: await realpath(file), mode: 0o755 },
    ...resolved.map((library): ImageEntry => ({ ...library, mode: 0o755 })),
  ];
}

async function ldd(file: string): Promise<string> {
  try {
    return (await promisify(execFile)("ldd", [file])).stdout;
  } catch (error) {
    // ldd's way of saying that a program is static is to fail.
    if (String((error as { stderr?: string }).stderr).includes("not a dynamic executable")) return "";
    throw error;
  }
}

/** Absolute paths in the output of `ldd`, sorted, each once. Throws if a library is missing on this machine. */
export function librariesIn(output: string): string[] {
  const missing = /^\s*(\S+) => not found/m.exec(output);
  if (missing) throw new Error(`The library ${missing[1]} is not installed.`);
  return [...new Set([...output.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? ""))].sort();
}
