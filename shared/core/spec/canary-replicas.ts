/** How many pods the canary has, where that is set apart from its weight. */
import { quoted } from "./references.ts";

export interface CanaryReplicas {
  unit: "pods" | "percent";
  /** Pods, or percent of the replicas that all traffic needs. */
  value: number;
}

const percentText = /^([1-9]\d?|100)%$/;

/** Undefined where nothing is given that {@link checkReplicas} lets pass. */
export function replicasOf(given: number | string | undefined): CanaryReplicas | undefined {
  if (typeof given === "number") return isCount(given) ? { unit: "pods", value: given } : undefined;
  const percent = given === undefined ? undefined : percentText.exec(given)?.[1];
  return percent === undefined ? undefined : { unit: "percent", value: Number(percent) };
}

export function checkReplicas(given: number | string | undefined, add: (path: string, message: string) => void): void {
  if (given !== undefined && replicasOf(given) === undefined)
    add("spec.analysis.canaryReplicas", `${quoted(given)} is neither a number of pods from 1 to 1000 nor 1% to 100%`);
}

// --- internal ---

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 1_000;
