/** The dozen ways in which people and programs write a Deployment, each as one function of the manifest. */
import { mkdtemp, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Deployment } from "@kubernetes/client-node";
import { ensureBinary } from "../cluster/build.ts";
import { clusterEnv, kubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { paths } from "../cluster/layout.ts";
import { run, type Output } from "../cluster/run.ts";

export interface Tool {
  name: string;
  /** Writes the manifest as it is kept in git. */
  write(manifest: V1Deployment, namespace: string): Promise<Output>;
  /** Goes back to what was written at first by the tool's own means; without it, the first manifest is written again. */
  back?(namespace: string): Promise<Output>;
  /** A PUT drops the annotations that Kubernetes keeps there, which Kubernetes then writes again. */
  movesVersion?: true;
  /** Writes over what is there, and cannot create. */
  needsObject?: true;
}

/** Of its own Go module, beside the Helm that the cluster brings. */
const helm3 = { name: "helm", version: "3.22.0", package: "helm.sh/helm/v3/cmd/helm", moduleVersion: "v3.22.0" };

const onInput =
  (...args: string[]): Tool["write"] =>
  (manifest, namespace) =>
    kubectl(["-n", namespace, ...args, "-f", "-"], { input: JSON.stringify(manifest) });

export const clientSideApply: Tool = { name: "kubectl apply", write: onInput("apply") };
export const serverSideApply: Tool = { name: "kubectl apply --server-side", write: onInput("apply", "--server-side") };
export const replace: Tool = {
  name: "kubectl replace",
  write: onInput("replace"),
  movesVersion: true,
  needsObject: true,
};

export const kustomize: Tool = {
  name: "kustomize",
  write: (manifest, namespace) =>
    inFolder({ "kustomization.yaml": { resources: ["all.yaml"], namespace }, "all.yaml": manifest }, (folder) =>
      kubectl(["apply", "-k", folder]),
    ),
};

/** As Argo CD and Flux apply: server-side, by a manager of their own, and by force. */
export const gitOps: Tool = {
  name: "a GitOps controller",
  write: onInput("apply", "--server-side", "--force-conflicts", "--field-manager=gitops-controller"),
};

/** As operators do it: read, put the wanted spec in place of the found one, write the whole object. */
export const operator: Tool = {
  name: "an operator",
  needsObject: true,
  write: async (manifest, namespace) => {
    const found = await getJson<V1Deployment>(["-n", namespace, "deploy", manifest.metadata?.name ?? ""]);
    const object = { ...found, spec: manifest.spec };
    // Raw, since kubectl's own PUT keeps a copy of the whole object in an annotation.
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${found.metadata?.name}`;
    return kubectl(["replace", "--raw", path, "-f", "-"], { input: JSON.stringify(object) });
  },
};

export const helm4: Tool = helm("Helm 4", () => Promise.resolve(join(paths.bin, "helm")));
/** Built when it is first used: minutes on a machine that never has. */
export const helmThree: Tool = helm("Helm 3", () => ensureBinary(helm3));

// --- internal ---

function helm(name: string, program: () => Promise<string>): Tool {
  const release = "podinfo";
  return {
    name,
    write: (manifest, namespace) =>
      inFolder(
        {
          "Chart.yaml": { apiVersion: "v2", name: release, version: "1.0.0" },
          "templates/all.yaml": JSON.stringify(manifest),
        },
        async (folder) =>
          run(await program(), ["upgrade", "--install", "--history-max=0", release, folder, "-n", namespace], {
            env: clusterEnv,
          }),
      ),
    back: async (namespace) => run(await program(), ["rollback", release, "1", "-n", namespace], { env: clusterEnv }),
  };
}

/** Every value but a text is written as JSON, which is YAML too. */
async function inFolder<T>(files: Record<string, unknown>, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "tool-"));
  try {
    await mkdir(join(folder, "templates"));
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
