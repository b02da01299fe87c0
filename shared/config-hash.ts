/** Hashes of configuration. Keyed, so that nobody who reads a status can try what a Secret might hold. */
import { createHash, createHmac } from "node:crypto";
import type { V1ConfigMap, V1Secret } from "@kubernetes/client-node";
import { sortedJson } from "./core/format/sorted-json.ts";

/** Of an object that a template may do without, and that is not there. */
export const absentConfig = "absent";

/** Which object it is: the same data elsewhere has another hash, or an object of one's own would tell what a foreign one holds. */
export interface ConfigPlace {
  kind: "ConfigMap" | "Secret";
  namespace: string;
  name: string;
}

/** 16 hex digits of what pods can read of it: data, and nothing of labels and annotations. */
export function hashConfig(object: V1ConfigMap | V1Secret, of: ConfigPlace, key: string): string {
  const { data = {}, binaryData = {} }: { data?: object; binaryData?: object } = object;
  const { kind, namespace, name } = of;
  const text = sortedJson({ kind, namespace, name, data, binaryData });
  return createHmac("sha256", key).update(text).digest("hex").slice(0, 16);
}

/** Tells keys apart, and nothing about them. */
export const hashKeyId = (key: string): string =>
  createHash("sha256").update(`of-place ${key}`).digest("hex").slice(0, 8);
