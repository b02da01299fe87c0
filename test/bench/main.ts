/**
 * `make bench`: runs each `*.bench.ts` of this folder as a program of its own, one after the other, so that none is measured
 * beside another. A bench prints its own table and exits with 1 when a number misses its bound; `ARGS` picks some by name.
 */
import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

const suffix = ".bench.ts";
const folder = import.meta.dirname;

const wanted = process.argv.slice(2);
const all = (await readdir(folder)).filter((file) => file.endsWith(suffix)).sort();
const chosen = all.filter((file) => wanted.length === 0 || wanted.includes(file.slice(0, -suffix.length)));
const unknown = wanted.filter((name) => !all.includes(name + suffix));

if (unknown.length > 0) {
  const known = all.map((file) => file.slice(0, -suffix.length)).join(", ");
  process.stderr.write(`No bench is called ${unknown.join(", ")}; there are: ${known}.\n`);
  process.exitCode = 2;
} else {
  const missed = chosen.filter((file) => {
    process.stdout.write(`\n== ${file.slice(0, -suffix.length)}\n`);
    return spawnSync(process.execPath, [join(folder, file)], { stdio: "inherit" }).status !== 0;
  });
  for (const file of missed) process.stdout.write(`\nMISSED  ${file}: see its table above\n`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}
