import { homedir } from "node:os";
import { join } from "node:path";

/** Where what takes long to build is kept between builds: the local cluster's programs, Node for other machines. */
export const cacheDir = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "kubectl-canary");
