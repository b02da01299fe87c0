// A release of the plugin, as people get it: what is in its archives, the other architecture's executable in an emulator, and
// completion in the shells that nobody has by accident.
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { load } from "js-yaml";
import { repository } from "../../cluster/layout.ts";
import { installPackages } from "../../cluster/machine/packages.ts";
import { mustRun, run } from "../../cluster/run.ts";

const folder = join(repository, "dist", "release");
const { version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as { version: string };
const archive = (architecture: string): string => `kubectl-canary_v${version}_linux_${architecture}.tar.gz`;

interface Manifest {
  spec: { platforms: { selector: { matchLabels: { arch: string } }; uri: string; sha256: string; bin: string }[] };
}

let place: string;

beforeAll(async () => {
  await installPackages(["zsh", "fish", "qemu-user-static", "libc6-arm64-cross", "libstdc++6-arm64-cross"]);
  await mustRun("make", ["-C", repository, "release"]);
  place = await mkdtemp(join(tmpdir(), "kubectl-canary-release-"));
});
afterAll(() => rm(place, { recursive: true, force: true }));

/** A folder with the archive's content, as a person unpacks it. */
async function unpack(architecture: string): Promise<string> {
  const into = join(place, architecture);
  await mkdir(into, { recursive: true });
  await chmod(into, 0o755);
  await mustRun("tar", ["-xzf", join(folder, archive(architecture)), "-C", into]);
  return into;
}

const sha256 = async (file: string): Promise<string> =>
  createHash("sha256")
    .update(await readFile(join(folder, file)))
    .digest("hex");

describe("the files of a release", () => {
  it("have the checksums that stand beside them and in krew's manifest", async () => {
    await mustRun("sh", ["-c", `cd ${folder} && sha256sum --check --strict checksums.txt`]);
    const listed = (await readFile(join(folder, "checksums.txt"), "utf8")).trim().split("\n");
    const others = (await readdir(folder)).filter((name) => name !== "checksums.txt");
    expect(listed.map((line) => line.split("  ")[1]).sort()).toEqual(others.sort());
    const { spec } = load(await readFile(join(folder, "canary.yaml"), "utf8")) as Manifest;
    expect(spec.platforms.map(({ selector }) => selector.matchLabels.arch)).toEqual(["amd64", "arm64"]);
    for (const { selector, uri, sha256: sum, bin } of spec.platforms) {
      const file = archive(selector.matchLabels.arch);
      expect([uri.endsWith(`/v${version}/${file}`), sum, bin]).toEqual([true, await sha256(file), "kubectl-canary"]);
    }
  });

  it.each(["amd64", "arm64"])("%s: unpacking leaves the folder as it was", async (architecture) => {
    const into = await unpack(architecture);
    expect((await stat(into)).mode & 0o777).toBe(0o755);
    expect((await readdir(into)).sort()).toEqual([
      "LICENSE",
      "LICENSE.libraries",
      "LICENSE.node",
      "kubectl-canary",
      "kubectl_complete-canary",
    ]);
  });
});

it("the executable for arm64 runs, in an emulator", async () => {
  const file = join(await unpack("arm64"), "kubectl-canary");
  const emulate = (...args: string[]): ReturnType<typeof run> =>
    run("qemu-aarch64-static", ["-L", "/usr/aarch64-linux-gnu", file, ...args], { timeoutMs: 120_000 });
  const { code, stdout, stderr } = await emulate("version", "--client");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(new RegExp(`^Client: +${version} +commit [0-9a-f]{12}`));
  const away = await emulate("status", "podinfo", "--server", "https://127.0.0.1:1", "--kubeconfig", "/dev/null");
  expect(away).toMatchObject({ code: 1, stderr: expect.stringContaining("connection refused") as string });
});

describe("completion", () => {
  /** The real plugin with an answer of its own where a cluster would be asked. */
  async function shellEnv(): Promise<NodeJS.ProcessEnv> {
    const real = join(await unpack("amd64"), "kubectl-canary");
    const bin = join(place, "bin");
    await mkdir(bin, { recursive: true });
    const words = `#!/bin/sh\ncase "$*" in *--to*) printf 'podinfo:1.7.0\\n:4\\n';; *) exec ${real} "$@";; esac\n`;
    await writeFile(join(bin, "kubectl-canary"), words, { mode: 0o755 });
    return { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: place, TERM: "xterm" };
  }

  const typed: [string, string][] = [
    ["kubectl-canary prom", "promote"],
    ["kubectl-canary wait podinfo --for=prom", "promoted"],
    ["kubectl-canary completion fi", "fish"],
    ["kubectl-canary undo podinfo --to podinfo:1.7", "podinfo:1.7.0"],
  ];

  it.each(typed)("of %j in fish", async (line, found) => {
    const script = `source (kubectl-canary completion fish | psub); complete -C ${JSON.stringify(line)}`;
    const { stdout } = await run("fish", ["--no-config", "-c", script], { env: await shellEnv(), timeoutMs: 30_000 });
    expect(stdout.trim().replace(/^--for=/, "")).toBe(found);
  });

  it.each(typed)("of %j in zsh, by the TAB key", async (line, found) => {
    // In a terminal of the shell's own; Ctrl-X prints the line that the key has made, and nothing runs.
    const script = `
zmodload zsh/zpty
zpty inner 'PS1="ready> " zsh -f -i'
await() { local all= part; while [[ $all != *\${~1}* ]] && zpty -r inner part; do all+=$part; done; REPLY=$all }
zpty -w inner 'autoload -Uz compinit; compinit -u -d ${place}/zcompdump; source <(kubectl-canary completion zsh)'
zpty -w inner 'shown() { BUFFER="print -r -- got:\${(qq)BUFFER}:end"; zle accept-line }; zle -N shown; bindkey "^X" shown; print loa""ded'
await loaded
zpty -wn inner "$1"$'\\t\\x18'
await 'got:?*:end'
print -r -- "$REPLY"`;
    const { stdout } = await run("zsh", ["-f", "-c", script, "zsh", line], {
      env: await shellEnv(),
      timeoutMs: 60_000,
    });
    expect(stdout.slice(stdout.indexOf("got:")).replace(/\u001b\[[\d;?]*[A-Za-z]/g, "")).toContain(found);
  });
});
