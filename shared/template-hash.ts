/** Hashes of intents. The canonical text is the core's; only the digest needs a library. */
import { createHash } from "node:crypto";
import type { V1PodTemplateSpec } from "@kubernetes/client-node";
import { canonicalTemplate, hashVersion } from "./core/objects/pod-template.ts";

/** `v1-` and 40 hex digits: fits a label value. Equal for templates that mean the same pods. */
export function hashTemplate(template: V1PodTemplateSpec | undefined): string {
  return `${hashVersion}-${createHash("sha256").update(canonicalTemplate(template)).digest("hex").slice(0, 40)}`;
}
