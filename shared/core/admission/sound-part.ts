/** What of a Canary can be judged beside the faults of its text: what is told as a fault is neither told twice nor judged by. */
import type { Canary, MetricSpec } from "../objects/canary.ts";
import type { PreconditionCode } from "../preconditions/preconditions.ts";
import type { FieldError } from "../spec/policy.ts";

export interface SoundPart {
  sound: Canary;
  /** What nothing can be said about until the faults are gone. */
  unjudged: readonly PreconditionCode[];
}

/** Of one with the parts of a spec that code counts on. In the place of a faulty part stands what no rule finds anything in. */
export function soundPart(canary: Canary, faults: readonly FieldError[]): SoundPart {
  const faulty = new Set(faults.map(({ path }) => path));
  const { provider, ...spec } = canary.spec;
  const { targetRef, analysis } = spec;
  const kind = faulty.has("spec.targetRef.kind") ? "Deployment" : targetRef.kind;
  const metrics = (analysis.metrics ?? []).flatMap((metric, index) => soundMetric(metric, index, faulty));
  return {
    sound: {
      ...canary,
      spec: {
        ...spec,
        ...(provider === undefined || faulty.has("spec.provider") ? {} : { provider }),
        targetRef: { ...targetRef, kind, name: targetRef.name || "NAME" },
        analysis: { ...analysis, metrics },
      },
    },
    unjudged: names.some((path) => faulty.has(path)) ? byNames : [],
  };
}

// --- internal ---

const names = ["spec.targetRef.name", "spec.service.name"];
/** Which track a query measures and which hosts callers name is told by the names of target and Service. */
const byNames: readonly PreconditionCode[] = ["metric-wrong-track", "hosts-astray"];

/** None where there is nothing to ask. One without a name is called by its place, as in its fault. */
function soundMetric(metric: MetricSpec, index: number, faulty: ReadonlySet<string>): MetricSpec[] {
  const at = `spec.analysis.metrics[${index}]`;
  if (faulty.has(at)) return [];
  const { interval, ...rest } = { ...metric, name: metric.name || String(index) };
  return [interval === undefined || faulty.has(`${at}.interval`) ? rest : { ...rest, interval }];
}
