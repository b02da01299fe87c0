/**
 * How much of an object may be kept in memory. A tenant's objects are as large as the API server lets them be, some 1.5 MB each, and
 * there may be hundreds.
 */
import type { V1ObjectMeta, V1Service } from "@kubernetes/client-node";
import { lastAppliedAnnotation } from "../last-applied.ts";

/** Bytes of what a Canary names: its target, its route, and the Canary itself. */
export const mostKept = 256 * 1_024;

/** Bytes of anything else. */
export const mostBeside = 64 * 1_024;

export const kilobytes = (bytes: number): string => `${bytes / 1_024} kB`;

interface Described {
  metadata?: V1ObjectMeta;
  spec?: unknown;
  status?: unknown;
}

/** Roughly what a value takes in memory, in bytes; not counted on once that is more than `most`. */
export function weightOf(value: unknown, most: number): number {
  const open: unknown[] = [value];
  let bytes = 0;
  while (open.length > 0 && bytes <= most) {
    const one = open.pop();
    bytes += perValue;
    if (typeof one === "string") bytes += one.length;
    if (one === null || typeof one !== "object") continue;
    for (const [name, field] of Object.entries(one)) {
      if (!Array.isArray(one)) bytes += name.length;
      open.push(field);
    }
  }
  return bytes;
}

/** Whether it takes more than `most` bytes, without what is never kept: managedFields, and the copy that `kubectl apply` leaves. */
export function isAbove(most: number, { metadata, spec, status }: Described): boolean {
  const { managedFields: _writers, annotations, ...described } = { ...metadata };
  const { [lastAppliedAnnotation]: _applied, ...others } = { ...annotations };
  return weightOf([described, others, spec, status], most) > most;
}

/** Of a Service nothing else is read that a user may make large. */
export const isServiceTooLarge = ({ spec }: V1Service): boolean =>
  weightOf([spec?.selector, spec?.ports], mostBeside) > mostBeside;

/** The value, where it is that small. */
export function small<T>(value: T | undefined, most = mostOfPart): T | undefined {
  return weightOf(value, most) > most ? undefined : value;
}

// --- internal ---

/** Bytes of one part of an object of which little is kept. */
const mostOfPart = 4 * 1_024;

/** Its place in what holds it, and its own header. */
const perValue = 24;
