import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, librariesIn, parentsOf, type ImageSpec } from "./oci-image.ts";
import { pauseProgram } from "../test/cluster/parts/pause.ts";
import { tarHeader } from "./tar.ts";

const run = promisify(execFile);
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "oci-"));
  await writeFile(join(dir, "program"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
});

afterEach(() => rm(dir, { recursive: true }));

const spec = (): ImageSpec => ({
  name: "example.org/team/app:1.2",
  entries: [
    { path: "/usr/bin/app", file: join(dir, "program") },
    { path: "/etc/app.conf", content: "colour = blue\n" },
    { path: "/usr/bin/alias", link: "app" },
  ],
  entrypoint: ["/usr/bin/app"],
  env: { COLOUR: "blue" },
  user: "1000",
  ports: [8080],
});

async function unpack(tar: string): Promise<string> {
  const out = await mkdtemp(join(dir, "out-"));
  await run("tar", ["-xf", tar, "-C", out]);
  return out;
}

interface Described {
  digest: string;
  annotations: Record<string, string>;
}

async function json<T>(...path: string[]): Promise<T> {
  return JSON.parse(await readFile(join(...path), "utf8")) as T;
}

describe("an image archive", () => {
  it("is the same, byte for byte, whatever the order of its entries and the times of its files", async () => {
    const first = await buildImage(spec(), join(dir, "a.tar"));
    await utimes(join(dir, "program"), 1, 1);
    const reversed = { ...spec(), entries: [...spec().entries].reverse() };
    const second = await buildImage(reversed, join(dir, "b.tar"));
    expect(second).toBe(first);
    expect(await readFile(join(dir, "b.tar"))).toEqual(await readFile(join(dir, "a.tar")));
  });

  it("has another digest when a file has another content", async () => {
    const first = await buildImage(spec(), join(dir, "a.tar"));
    await writeFile(join(dir, "program"), "#!/bin/sh\necho other\n");
    expect(await buildImage(spec(), join(dir, "a.tar"))).not.toBe(first);
  });

  it("carries its name where containerd looks for it, and its settings in the config", async () => {
    const digest = await buildImage(spec(), join(dir, "a.tar"));
    const out = await unpack(join(dir, "a.tar"));
    const index = await json<{ manifests: Described[] }>(out, "index.json");
    expect(index.manifests[0]).toMatchObject({
      digest,
      annotations: {
        "io.containerd.image.name": "example.org/team/app:1.2",
        "org.opencontainers.image.ref.name": "1.2",
      },
    });
    const manifest = await json<{ config: Described }>(out, "blobs/sha256", digest.slice(7));
    const config = await json<object>(out, "blobs/sha256", manifest.config.digest.slice(7));
    expect(config).toMatchObject({
      os: "linux",
      config: { Entrypoint: ["/usr/bin/app"], User: "1000", ExposedPorts: { "8080/tcp": {} } },
    });
    expect(JSON.stringify(config)).toContain("COLOUR=blue");
  });

  it("has a layer that tar unpacks with modes, links and a /tmp for everyone", async () => {
    const digest = await buildImage(spec(), join(dir, "a.tar"));
    const out = await unpack(join(dir, "a.tar"));
    const manifest = await json<{ layers: Described[] }>(out, "blobs/sha256", digest.slice(7));
    const layer = join(out, "blobs/sha256", manifest.layers[0]!.digest.slice(7));
    const { stdout } = await run("tar", ["-tvf", layer, "--numeric-owner", "--utc"]);
    expect(stdout).toMatch(/^drwxrwxrwt 0\/0 .* 1970-01-01 00:00 tmp\/$/m);
    expect(stdout).toMatch(/^-rwxr-xr-x 0\/0 .* usr\/bin\/app$/m);
    expect(stdout).toMatch(/^-rw-r--r-- 0\/0 .* etc\/app.conf$/m);
    expect(stdout).toMatch(/^lrwxrwxrwx 0\/0 .* usr\/bin\/alias -> app$/m);
  });

  it("lists every folder once, the outer ones first", () => {
    expect(parentsOf(["/usr/bin/a", "/usr/bin/b", "/etc/c"])).toEqual(["etc", "tmp", "usr", "usr/bin"]);
  });
});

describe("the libraries of a program", () => {
  const output = `\tlinux-vdso.so.1 (0x00007ffd0)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)
`;

  it("are the absolute paths that ldd prints", () => {
    expect(librariesIn(output)).toEqual(["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
  });

  it("are refused when one is not installed", () => {
    expect(() => librariesIn("\tlibx.so.1 => not found\n")).toThrow("The library libx.so.1 is not installed.");
  });
});

describe("a tar header", () => {
  it("takes paths over 100 bytes apart at a slash", () => {
    const header = tarHeader({ path: `${"d".repeat(90)}/${"f".repeat(90)}`, type: "file", mode: 0o644, size: 1 });
    expect(header.toString("utf8", 0, 100).replace(/\0+$/, "")).toBe("f".repeat(90));
    expect(header.toString("utf8", 345, 500).replace(/\0+$/, "")).toBe("d".repeat(90));
  });

  it("refuses a path that does not fit", () => {
    expect(() => tarHeader({ path: "x".repeat(300), type: "file", mode: 0o644, size: 1 })).toThrow("too long");
  });
});

describe("the pause program", () => {
  it("is an executable for both processors", () => {
    for (const arch of ["x64", "arm64"]) expect(pauseProgram(arch).subarray(0, 4).toString()).toBe("\x7fELF");
  });

  it("does not exist for others", () => {
    expect(() => pauseProgram("ia32")).toThrow("not on ia32");
  });
});
