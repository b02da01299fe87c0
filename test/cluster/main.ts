// Command line of the local cluster: up, down, env, status.
import { parseArgs } from "node:util";
import { network, paths, stateDir } from "./layout.ts";
import { removeCluster } from "./machine/leftovers.ts";
import { takeLock } from "./machine/lock.ts";
import { requireRootOnLinux } from "./machine/packages.ts";
import { readState, requireState } from "./state.ts";
import { describe, isHealthy } from "./status.ts";
import { up } from "./up.ts";

const usage = `Usage: node test/cluster/main.ts <command>
  up [--scrape-interval 2s]   start the cluster and wait until it is ready
  down                        stop it and leave nothing behind
  env                         print export lines for KUBECONFIG and PATH
  status                      say what runs; exit code 1 if anything does not
`;

async function down(): Promise<number> {
  requireRootOnLinux();
  const release = await takeLock();
  try {
    const started = performance.now();
    await removeCluster();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(`The local cluster and ${stateDir} are gone (${seconds} s).\n`);
    return 0;
  } finally {
    release();
  }
}

async function env(): Promise<number> {
  await requireState();
  process.stdout.write(`export KUBECONFIG=${paths.kubeconfig}\nexport PATH=${paths.bin}:$PATH\n`);
  return 0;
}

async function status(): Promise<number> {
  const state = await readState();
  if (!state) {
    process.stdout.write("No local cluster is running. Start one with: make cluster\n");
    return 1;
  }
  for (const line of await describe(state)) process.stdout.write(`${line}\n`);
  process.stdout.write(`Address ${network.nodeAddress}, logs in ${paths.logs}\n`);
  return (await isHealthy(state)) ? 0 : 1;
}

async function main(argv: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { "scrape-interval": { type: "string" } },
  });
  const scrapeInterval = values["scrape-interval"] ?? process.env["SCRAPE_INTERVAL"];
  const commands = new Map<string, () => Promise<number>>([
    ["up", () => up(scrapeInterval ? { scrapeInterval } : {}).then(() => 0)],
    ["down", down],
    ["env", env],
    ["status", status],
  ]);
  const command = commands.get(positionals[0] ?? "");
  if (command) return command();
  process.stderr.write(usage);
  return 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
