import { homedir } from "node:os";
import { join } from "node:path";

/** The folder that keeps slow builds: the local cluster's programs, Node for other machines. */
export const cacheDir = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "kubectl-canary");
