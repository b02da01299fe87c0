/** Hashes of configuration. Keyed, so that nobody who reads a status can try what a Secret might hold. */
import { createHash, createHmac } from "node:crypto";
import type { V1ConfigMap, V1Secret } from "@kubernetes/client-node";
import { sortedJson } from "./core/format/sorted-json.ts";

/** Of an object that a template may do without, and that is not there. */
export const absentConfig = "absent";

/** 16 hex digits of what pods can read of it: data, and nothing of labels and annotations. */
export function hashConfig(object: V1ConfigMap | V1Secret, key: string): string {
  const { data = {}, binaryData = {} }: { data?: object; binaryData?: object } = object;
  return createHmac("sha256", key).update(sortedJson({ data, binaryData })).digest("hex").slice(0, 16);
}

/** Tells keys apart, and nothing about them. */
export const hashKeyId = (key: string): string => createHash("sha256").update(key).digest("hex").slice(0, 8);
