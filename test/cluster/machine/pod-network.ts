/** A pod's own network, from the machine that it runs on; what is changed in it goes with the pod. */
import { readdir, readFile } from "node:fs/promises";
import { mustRun } from "../run.ts";

/** From now on the pod with this address drops what comes from `peer` to its TCP port. */
export async function dropFrom(peer: string, { address, port }: { address: string; port: number }): Promise<void> {
  const pid = await processAt(address);
  const rule = ["-A", "INPUT", "-p", "tcp", "-s", peer, "--dport", String(port), "-j", "DROP"];
  await mustRun("nsenter", ["--target", pid, "--net", "iptables", "--wait", ...rule]);
}

// --- internal ---

/** Id of a process in the network namespace that has this address. */
async function processAt(address: string): Promise<string> {
  const isLocal = new RegExp(`-- ${address.replaceAll(".", "\\.")}\\s+/32 host LOCAL`);
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    // A process may end meanwhile.
    const routes = await readFile(`/proc/${pid}/net/fib_trie`, "utf8").catch(() => "");
    if (isLocal.test(routes)) return pid;
  }
  throw new Error(`No process on this machine has the address ${address}.`);
}
