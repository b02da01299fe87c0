/** What a HorizontalPodAutoscaler says of its target's load. */
import type {
  V2HorizontalPodAutoscaler,
  V2MetricSpec,
  V2MetricStatus,
  V2MetricTarget,
  V2MetricValueStatus,
} from "@kubernetes/client-node";
import { canonicalQuantity } from "../../format/quantity.ts";
import { optional } from "../../format/compact.ts";

/** What scales the target, as it was last read. */
export interface AutoscalerSeen {
  /** `HorizontalPodAutoscaler podinfo`, or the ScaledObject that made it. */
  name: string;
  maxReplicas: number;
  /**
   * Replicas that the work of the target's own pods asks for, unrounded; absent where no metric tells. Metrics of something else (a queue,
   * an ingress) do not fall with the pods' share of traffic, and what they ask for is asked for.
   */
  load?: number;
}

/** The one of `autoscalers` that scales Deployment `target`. */
export function autoscalerOf(
  autoscalers: readonly V2HorizontalPodAutoscaler[],
  target: string,
): AutoscalerSeen | undefined {
  const found = autoscalers.find(({ spec }) => {
    const { kind, name } = spec?.scaleTargetRef ?? { kind: "", name: "" };
    return kind === "Deployment" && name === target;
  });
  if (!found?.spec) return undefined;
  return { name: nameOf(found), maxReplicas: found.spec.maxReplicas, ...optional("load", loadOf(found)) };
}

// --- internal ---

function nameOf({ metadata }: V2HorizontalPodAutoscaler): string {
  const owner = metadata?.ownerReferences?.find(({ kind }) => kind === "ScaledObject");
  return owner ? `ScaledObject ${owner.name}` : `HorizontalPodAutoscaler ${metadata?.name ?? ""}`;
}

function loadOf({ spec, status }: V2HorizontalPodAutoscaler): number | undefined {
  const replicas = status?.currentReplicas ?? 0;
  const ratios = (spec?.metrics ?? []).flatMap((wanted) => {
    const metric = ofPods(wanted);
    const current = status?.currentMetrics?.map(ofPods).find((one) => one?.key === metric?.key)?.current;
    const ratio = metric?.target && current ? ratioOf(current, metric.target) : undefined;
    return ratio === undefined ? [] : [ratio];
  });
  return ratios.length > 0 ? replicas * Math.max(...ratios) : undefined;
}

interface PodMetric {
  key: string;
  target?: V2MetricTarget;
  current?: V2MetricValueStatus;
}

/** Undefined for what is not measured on the target's pods. */
function ofPods(metric: V2MetricSpec | V2MetricStatus): PodMetric | undefined {
  const { resource, containerResource, pods } = metric;
  if (resource) return { key: `resource/${resource.name}`, ...resource };
  if (containerResource)
    return { key: `container/${containerResource.container}/${containerResource.name}`, ...containerResource };
  return pods ? { key: `pods/${pods.metric.name}`, ...pods } : undefined;
}

function ratioOf(current: V2MetricValueStatus, target: V2MetricTarget): number | undefined {
  const of = (have: number, want: number): number | undefined =>
    want > 0 && Number.isFinite(have / want) ? have / want : undefined;
  if (target.averageUtilization !== undefined) return of(current.averageUtilization ?? NaN, target.averageUtilization);
  return of(valueOf(current.averageValue), valueOf(target.averageValue));
}

const valueOf = (quantity: string | undefined): number =>
  quantity === undefined ? NaN : Number(canonicalQuantity(quantity));
