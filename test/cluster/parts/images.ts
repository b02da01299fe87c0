// The images that the cluster itself needs, and the way any image gets into it. There is no registry: pods find images
// that were imported, by `imagePullPolicy: IfNotPresent`.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { coreDnsImage } from "./coredns.ts";
import { pauseImage } from "./config.ts";
import { paths } from "../layout.ts";
import { buildImage, type ImageSpec } from "../../../build/oci-image.ts";
import { pauseProgram } from "./pause.ts";
import { prometheusImage } from "./prometheus.ts";
import { mustRun } from "../run.ts";

/** Runs containerd's own client against the cluster's containerd, in the namespace where Kubernetes' images are. */
export function ctr(...args: string[]): Promise<string> {
  return mustRun("ctr", ["--address", paths.containerdSocket, "--namespace", "k8s.io", ...args]);
}

/** Makes the image in an OCI archive known to the cluster under the name it carries. */
export async function importImage(tarPath: string): Promise<void> {
  await ctr("images", "import", tarPath);
}

/** Names of all images that pods can use now. */
export async function listImages(): Promise<string[]> {
  return (await ctr("images", "list", "--quiet")).split("\n").filter((name) => name && !name.startsWith("sha256:"));
}

/** Builds an image and imports it. Returns its manifest's digest. */
export async function addImage(spec: ImageSpec): Promise<string> {
  await mkdir(paths.images, { recursive: true });
  const tarPath = join(paths.images, `${spec.name.replace(/[^\w.-]+/g, "_")}.tar`);
  const digest = await buildImage(spec, tarPath);
  await importImage(tarPath);
  await rm(tarPath);
  return digest;
}

/** The images of the cluster's own pods, from the paths of their binaries. */
export function clusterImages(binaries: Readonly<Record<string, string>>): ImageSpec[] {
  const from = (name: string): string => {
    const path = binaries[name];
    if (!path) throw new Error(`The path of ${name} is unknown.`);
    return path;
  };
  return [
    {
      name: pauseImage,
      entries: [{ path: "/pause", content: pauseProgram(), mode: 0o755 }],
      entrypoint: ["/pause"],
      user: "65534:65534",
    },
    {
      name: coreDnsImage,
      entries: [{ path: "/coredns", file: from("coredns"), mode: 0o755 }],
      entrypoint: ["/coredns"],
      ports: [53],
    },
    {
      name: prometheusImage,
      entries: [{ path: "/bin/prometheus", file: from("prometheus"), mode: 0o755 }],
      entrypoint: ["/bin/prometheus"],
      user: "65534:65534",
      ports: [9090],
    },
  ];
}
