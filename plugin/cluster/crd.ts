/** Whether the cluster's definition of a Canary is ours. Pure. */
import type { V1CustomResourceDefinition } from "@kubernetes/client-node";

export const definitionName = "canaries.flagger.app";

/** Flagger's has no `status.run`, and the API server drops fields that a definition lacks. */
export function isOurs({ spec }: V1CustomResourceDefinition): boolean {
  const version = spec.versions.find(({ name }) => name === "v1beta1");
  const status = version?.schema?.openAPIV3Schema?.properties?.["status"];
  return status?.properties?.["run"] !== undefined;
}
