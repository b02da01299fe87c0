/** The real cert-manager on the local cluster: its definitions from its module, its controller as a process of the machine. */
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import type { Manifest } from "../../cluster/api.ts";
import { ensureBinary } from "../../cluster/build.ts";
import { mustKubectl } from "../../cluster/client.ts";
import { applyDefinitions, moduleDir } from "../../cluster/crds.ts";
import { paths } from "../../cluster/layout.ts";
import { requireState } from "../../cluster/state.ts";
import { certManager, crdModules } from "../../cluster/versions.ts";

export interface CertManager {
  /** With the definitions, and so with every object of theirs. */
  remove(): Promise<void>;
}

/** Built when it is first used: minutes on a machine that never has. */
export async function startCertManager(): Promise<CertManager> {
  const program = await ensureBinary(certManager);
  const definitions = await readDefinitions();
  await applyDefinitions(await requireState(), definitions);
  const flags = ["--leader-elect=false", "--metrics-listen-address=127.0.0.1:9402", "--v=2"];
  const child = spawn(program, [`--kubeconfig=${paths.kubeconfig}`, ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    remove: async () => {
      const died = child.exitCode;
      child.kill();
      await ended;
      const names = definitions.map(({ metadata }) => metadata.name);
      await mustKubectl(["delete", "crd", ...names, "--timeout=60s"]);
      if (died !== null) throw new Error(`cert-manager ended by itself (${died}): ${said.slice(-2_000)}`);
    },
  };
}

// --- internal ---

async function readDefinitions(): Promise<Manifest[]> {
  const folder = join(await moduleDir(crdModules.certManager), "deploy", "crds");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml"));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  // Their labels are templates of cert-manager's chart.
  return texts.map((text) => {
    const { metadata, ...definition } = load(text) as Manifest;
    return { ...definition, metadata: { name: metadata.name } };
  });
}
