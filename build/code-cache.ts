/**
 * Runs the plugin's bundle once against an API server of its own, which answers with one Canary, and saves the code that V8
 * made meanwhile. Arguments: the bundle, and the file for the code. For the executable's build.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Script } from "node:vm";
import { assets, wrapped } from "./executable/assets.ts";
import { issueAuthority, issueServing } from "../webhook/certificates/issue.ts";

const commandLines = [
  ["status", "podinfo", "-n", "test"],
  ["version", "--client"],
];

type Main = (load: NodeJS.Require) => void;

/** By the last two parts of the path, a Canary in the middle of a run; anything else is not there. */
function answers(): Map<string, unknown> {
  const text = readFileSync(join(import.meta.dirname, "fixtures", "podinfo.json"), "utf8");
  const objects = JSON.parse(text) as Record<string, { spec?: { renewTime?: string } }>;
  const lease = objects["leases/kubectl-canary-leader"]?.spec;
  if (lease) lease.renewTime = new Date().toISOString().replace("Z", "000Z");
  return new Map<string, unknown>(Object.entries(objects));
}

async function serve(): Promise<{ server: Server; kubeconfig: string }> {
  const validity = { now: Date.now(), lifetimeMs: 3_600_000 };
  const authority = await issueAuthority("warm", validity);
  const { cert, key } = await issueServing(authority, ["localhost"], validity);
  const known = answers();
  const server = createServer({ cert, key }, (request, response) => {
    const found = known.get((request.url ?? "").split("/").slice(-2).join("/"));
    response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? { kind: "Status", code: 404, reason: "NotFound", details: { name: "x" } }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const ca = Buffer.from(authority.cert).toString("base64");
  return {
    server,
    kubeconfig: `apiVersion: v1
kind: Config
current-context: warm
contexts:
  - { name: warm, context: { cluster: warm, user: warm } }
clusters:
  - { name: warm, cluster: { server: "https://localhost:${port}", certificate-authority-data: ${ca} } }
users:
  - { name: warm, user: { token: warm } }
`,
  };
}

/** Runs one command line to its end and discards its output. */
async function play(main: Main, args: readonly string[]): Promise<void> {
  const { argv, stdout } = process;
  const [exit, write] = [process.exit.bind(process), stdout.write.bind(stdout)];
  process.argv = [process.execPath, "kubectl-canary", ...args];
  stdout.write = () => true;
  const code = await new Promise<unknown>((ended) => {
    process.exit = ((status: unknown) => ended(status)) as typeof process.exit;
    main(createRequire(import.meta.url));
  });
  Object.assign(process, { argv, exit });
  stdout.write = write;
  if (code !== 0) throw new Error(`kubectl-canary ${args.join(" ")} ended with ${String(code)} when it was warmed up.`);
}

const [source = "", code = ""] = process.argv.slice(2);
const script = new Script(wrapped(readFileSync(source, "utf8")), { filename: assets.source });
const main = script.runInThisContext() as Main;
const folder = await mkdtemp(join(tmpdir(), "kubectl-canary-warm-"));
const { server, kubeconfig } = await serve();
try {
  process.env["KUBECONFIG"] = join(folder, "config");
  await writeFile(process.env["KUBECONFIG"], kubeconfig);
  for (const args of commandLines) await play(main, args);
  writeFileSync(code, script.createCachedData());
} finally {
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
}
