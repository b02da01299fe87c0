// Real podinfo, built from its Go module as images whose tag alone decides how it behaves: version, colour, and for two
// of them podinfo's own faults. Flags come from the environment in the image, so that `kubectl set image` is all it takes.
import { join } from "node:path";
import { buildAll, cachedPath, type BinarySpec } from "../cluster/build.ts";
import type { ImageSpec } from "../../build/oci-image.ts";

const repository = "quay.io/stefanprodan/podinfo";
const podinfoModule = "github.com/stefanprodan/podinfo";
// Of September 2025, what `latest` resolves to: upstream's tags from 2.0 on do not carry the major version in the path.
const moduleVersion = "v1.8.1-0.20250910200901-e86405a8674e";

/** Tag of the image (also the version that podinfo reports) -> the environment that makes the difference. */
export const podinfoTags = {
  "1.7.0": { PODINFO_UI_COLOR: "#34577c" },
  "1.7.1": { PODINFO_UI_COLOR: "#2e8b57" },
  /** Every third request fails, a third of those with 500: about 11 % count as failures in the mesh. */
  "1.7.2-failing": { PODINFO_UI_COLOR: "#b22222", PODINFO_RANDOM_ERROR: "true" },
  /** Each request takes 600 to 900 ms. */
  "1.7.3-slow": {
    PODINFO_UI_COLOR: "#daa520",
    PODINFO_RANDOM_DELAY: "true",
    PODINFO_RANDOM_DELAY_UNIT: "ms",
    PODINFO_RANDOM_DELAY_MIN: "600",
    PODINFO_RANDOM_DELAY_MAX: "900",
  },
  /** A second good version, for a change in mid-run. */
  "1.7.4": { PODINFO_UI_COLOR: "#8a2be2" },
} as const satisfies Record<string, Record<string, string>>;

/** One request in ten takes 5 s. A pod of podinfo's that goes would wait 5 s for all that it has, some of them come after it was told. */
export const longRequests = {
  paths: "/ 9, /delay/5 1",
  deadlineMs: 60_000,
  env: { PODINFO_SERVER_SHUTDOWN_TIMEOUT: "20s" },
} as const;

export type PodinfoTag = keyof typeof podinfoTags;

export const podinfoImage = (tag: PodinfoTag | FaultyTag): string => `${repository}:${tag}`;

/**
 * Versions with faults that podinfo does not have, by a small server of our own that answers like it (`faulty.ts`). They become
 * ready and stay so, but for the one that exits: only what their users get tells.
 */
export const faultyTags = {
  "1.8.0-hanging": { FAULT: "hang", SHARE: "0.5" },
  /** Ends the connection in the middle of its answer. */
  "1.8.1-dropping": { FAULT: "drop", SHARE: "0.5" },
  /** Exits as if it were killed for want of memory. */
  "1.8.2-crashing": { FAULT: "exit", EVERY_MS: "6000" },
  "1.8.3-unauthorized": { FAULT: "status", STATUS: "401" },
  /** One path of two; a load with `/ 9, /api/info 1` makes it one request in ten. */
  "1.8.4-not-found": { FAULT: "status", STATUS: "404", PATH_ONLY: "/api/info" },
  "1.8.5-slow-share": { FAULT: "slow", SHARE: "0.2", DELAY_MS: "800" },
  /** HTTP's status is 200, and gRPC's (in the trailers) says UNAVAILABLE. */
  "1.8.6-grpc-unavailable": { FAULT: "grpc", STATUS: "14", SHARE: "0.5" },
  "1.8.7-broken": { FAULT: "status", STATUS: "500" },
} as const satisfies Record<string, Record<string, string>>;

export type FaultyTag = keyof typeof faultyTags;

export const faultyTagNames = Object.keys(faultyTags) as FaultyTag[];

/** Drawn without any library, so that a browser without the internet shows the colour too. */
export const podinfoPage = join(import.meta.dirname, "page.html");

function binary(tag: PodinfoTag): BinarySpec {
  const stamp = `${podinfoModule}/pkg/version`;
  return {
    name: "podinfo",
    version: tag,
    package: `${podinfoModule}/cmd/podinfo`,
    moduleVersion,
    ldflags: [`-X ${stamp}.VERSION=${tag}`, `-X ${stamp}.REVISION=${moduleVersion.slice(-12)}`],
  };
}

/** Builds what the cache lacks, and returns every image. */
export async function podinfoImages(): Promise<ImageSpec[]> {
  const tags = Object.keys(podinfoTags) as PodinfoTag[];
  // One after another: they differ in a link flag only, so the second finds everything compiled.
  for (const tag of tags) await buildAll([binary(tag)]);
  return tags.map((tag) => ({
    name: podinfoImage(tag),
    entries: [
      { path: "/home/app/podinfo", file: cachedPath(binary(tag)), mode: 0o755 },
      { path: "/home/app/ui/vue.html", file: podinfoPage, mode: 0o644 },
    ],
    entrypoint: ["./podinfo"],
    workingDir: "/home/app",
    env: podinfoTags[tag],
    user: "100:101",
    ports: [9898],
  }));
}
