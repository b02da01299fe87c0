// Installs the stand-in mesh into the local cluster; again does nothing but look.
import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { applyObject, deleteObject, getObject } from "../cluster/api.ts";
import { applyDefinitions } from "../cluster/crds.ts";
import { ctr, importImage } from "../cluster/parts/images.ts";
import { paths } from "../cluster/layout.ts";
import { buildImage, type ImageSpec } from "../../build/oci-image.ts";
import { requireState, type ClusterState } from "../cluster/state.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { newCertificate, staysGood, type ServingCertificate } from "./certificate.ts";
import { linkerdDefinitions } from "./definitions.ts";
import { meshImageSpec } from "./image.ts";
import { injectorConfiguration, meshManifests, secretPath, servingNames } from "./manifests.ts";
import { controlNamespace, meshName } from "./settings.ts";

const READY_MS = 60_000;

/** Brings the mesh to this checkout's state, and returns when new pods get a sidecar. */
export async function installMesh(): Promise<void> {
  const state = await requireState();
  await applyDefinitions(state, linkerdDefinitions);
  const imageDigest = await ensureImage(await meshImageSpec());
  const certificate = await servingCertificate(state);
  const version = createHash("sha256").update(imageDigest).update(certificate.certificatePem).digest("hex");
  for (const manifest of meshManifests(certificate, version.slice(0, 16))) await applyObject(state, manifest);
  await waitFor(() => rolledOut(state), READY_MS, "the stand-in mesh's control plane");
  await applyObject(state, injectorConfiguration(certificate));
}

/** Removes the control plane; sidecars of running pods go on with what they know. */
export async function uninstallMesh(): Promise<void> {
  const state = await requireState();
  const certificate = { certificatePem: "", keyPem: "" };
  const manifests = [injectorConfiguration(certificate), ...meshManifests(certificate, "").reverse()];
  for (const manifest of manifests) await deleteObject(state, manifest);
}

/** Imports an image unless the cluster has exactly it; returns its digest. */
export async function ensureImage(spec: ImageSpec): Promise<string> {
  await mkdir(paths.images, { recursive: true });
  const name = canonicalName(spec.name);
  const tarPath = join(paths.images, `${spec.name.replace(/[^\w.-]+/g, "_")}.${process.pid}.tar`);
  try {
    const digest = await buildImage({ ...spec, name }, tarPath);
    const listed = await ctr("images", "list", `name==${name}`);
    if (!listed.includes(digest)) await importImage(tarPath);
    return digest;
  } finally {
    await rm(tarPath, { force: true });
  }
}

/** The name by which the kubelet asks for an image: without a registry it means docker.io. */
export const canonicalName = (name: string): string =>
  /^[^/]*[.:]/.test(name.split("/", 1)[0] ?? "") ? name : `docker.io/${name}`;

async function servingCertificate(state: ClusterState): Promise<ServingCertificate> {
  const secret = await getObject<{ data: Record<string, string> }>(state, secretPath);
  const certificatePem = atob(secret?.data["tls.crt"] ?? "");
  if (certificatePem && staysGood(certificatePem, new Date())) {
    return { certificatePem, keyPem: atob(secret?.data["tls.key"] ?? "") };
  }
  return newCertificate(servingNames);
}

interface DeploymentStatus {
  readonly metadata: { readonly generation: number };
  readonly status: Partial<Record<"observedGeneration" | "updatedReplicas" | "readyReplicas" | "replicas", number>>;
}

async function rolledOut(state: ClusterState): Promise<true | ReturnType<typeof unmet>> {
  const path = `/apis/apps/v1/namespaces/${controlNamespace}/deployments/${meshName}`;
  const { metadata, status } = (await getObject<DeploymentStatus>(state, path)) ?? { metadata: undefined, status: {} };
  const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = status;
  const seen = observedGeneration === metadata?.generation;
  const done = seen && [updatedReplicas, readyReplicas, replicas].every((count) => count === 1);
  return done || unmet(`${readyReplicas} of ${replicas} pods ready, ${updatedReplicas} new`);
}
