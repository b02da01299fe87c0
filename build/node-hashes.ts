/** What the npm packages with Node's binaries must be: a registry's own word for it proves nothing about the registry. */
import { createHash } from "node:crypto";

/** The version that `package-lock.json` has, and the integrity (sha512) of each architecture's package. */
export const nodeHashes: { version: string; integrity: Readonly<Record<string, string>> } = {
  version: "24.21.0",
  integrity: {
    x64: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
    arm64: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
};

/** Throws where the package is another one, or none is known for the version. */
export function requireNode({ version, architecture }: { version: string; architecture: string }, file: Buffer): void {
  const name = `node-linux-${architecture}@${version}`;
  const wanted = version === nodeHashes.version ? nodeHashes.integrity[architecture] : undefined;
  if (wanted === undefined)
    throw new Error(
      `No hash of ${name} is known: put that of "npm view ${name} dist.integrity" into build/node-hashes.ts, once it agrees with nodejs.org's SHASUMS256.txt for the binary.`,
    );
  const found = `sha512-${createHash("sha512").update(file).digest("base64")}`;
  if (found !== wanted) throw new Error(`${name} is not what it was: its hash is ${found}, and should be ${wanted}.`);
}
