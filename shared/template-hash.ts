/** Hashes of intents. The canonical text is the core's; only the digest needs a library. */
import { createHash } from "node:crypto";
import type { V1PodTemplateSpec } from "@kubernetes/client-node";
import { canonicalTemplate, hashVersion } from "./core/objects/pod-template.ts";

/** `v1-` and 40 hex digits: fits a label value. Equal for templates that mean the same pods. */
export function hashTemplate(template: V1PodTemplateSpec | undefined): string {
  const remembered = template && hashes.get(template);
  if (remembered !== undefined) return remembered;
  const text = digestOf(JSON.stringify(template) ?? "");
  const before = known.get(text);
  const hash = before ?? `${hashVersion}-${digestOf(canonicalTemplate(template)).slice(0, 40)}`;
  known.delete(text);
  known.set(text, hash);
  const [oldest] = known.keys();
  if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  return hash;
}

/** `outline` stands for a template with this hash, of which no more is kept. */
export function rememberHash(outline: V1PodTemplateSpec, hash: string): void {
  hashes.set(outline, hash);
}

// --- internal ---

const hashes = new WeakMap<V1PodTemplateSpec, string>();

/** By the digest of the text as it came, those asked for last: to put a megabyte in order takes ten times as long as to read it. */
const known = new Map<string, string>();
const mostKnown = 4_096;

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
