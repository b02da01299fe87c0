/** Which build of the plugin this is. */
import { readFileSync } from "node:fs";

/** Put in by the build; not defined where the sources run as they are. */
declare const BUILD_VERSION: string | undefined;
declare const BUILD_COMMIT: string | undefined;

export interface BuildInfo {
  version: string;
  commit: string;
}

export function clientVersion(): BuildInfo {
  if (typeof BUILD_VERSION === "string")
    return { version: BUILD_VERSION, commit: typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "unknown" };
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return { version: (JSON.parse(text) as { version: string }).version, commit: "unknown (run from its sources)" };
}
