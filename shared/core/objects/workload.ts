/**
 * The objects that we create beside the user's, built from the user's own: canary Deployment and leaf Services.
 * The canary is the intent with ONE selector label value changed, so that no Service of stable's selects its pods.
 */
import type {
  V1Affinity,
  V1Deployment,
  V1LabelSelector,
  V1PodAffinityTerm,
  V1PodSpec,
  V1Service,
  V1ServicePort,
} from "@kubernetes/client-node";
import { canaryLeaf, canaryName, canaryValue, label, manager, primaryLeaf } from "./names.ts";
import { selectedLabels, selectorLabels, trackLabel } from "../selectors/track-label.ts";
import { stampedBySpec, type Given } from "./made/from-spec.ts";
import { stablePorts } from "./made/stable-ports.ts";
import { sealOf } from "./ownership.ts";

export interface CanaryContext {
  canary: string;
  /** The Canary's UID. */
  uid: string;
  intent: string;
  replicas: number;
  progressDeadlineSeconds: number;
  /** Of {@link trackLabel}; by default the target's own first. */
  track?: string | undefined;
}

/** The Deployment that runs the intent. Throws if there is no label that tells tracks apart. */
export function canaryDeployment(target: V1Deployment, context: CanaryContext): V1Deployment {
  const key = requireTrack(target, context.track);
  const spec = target.spec!;
  const stable = selectedLabels(spec.selector)[key] ?? "";
  const name = canaryName(target.metadata?.name ?? "");
  const rename: Rename = (selector) => renameSelector(selector, key, stable, canaryValue(stable));
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name,
      namespace: target.metadata?.namespace ?? "",
      labels: {
        [label.canary]: context.canary,
        [label.canaryUid]: sealOf(context, name),
        [label.intent]: context.intent,
        [label.managedBy]: manager,
      },
    },
    spec: {
      replicas: context.replicas,
      revisionHistoryLimit: 1,
      // The API server refuses a deadline that is not above it.
      progressDeadlineSeconds: Math.max(context.progressDeadlineSeconds, (spec.minReadySeconds ?? 0) + 1),
      ...(spec.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "100%", maxUnavailable: "100%" } },
      selector: rename(spec.selector)!,
      template: {
        metadata: { ...spec.template.metadata, labels: canaryPodLabels(target, key) },
        ...(spec.template.spec ? { spec: renamePodSelectors(spec.template.spec, rename) } : {}),
      },
    },
  };
}

export interface ServiceContext {
  canary: string;
  /** The Canary's UID. */
  uid: string;
  apex: string;
  ports: V1ServicePort[];
  /** What `spec.service` gives each of them. */
  given?: { apex?: Given; primary?: Given; canary?: Given };
  trafficDistribution?: string;
  /** Of {@link trackLabel}; by default the target's own first. */
  track?: string | undefined;
}

/** Both leaves as they should be. `stable`: see {@link stablePorts}. */
export function leavesOf(
  target: V1Deployment,
  context: ServiceContext,
  stable: Parameters<typeof stablePorts>[2],
): V1Service[] {
  const ports = stablePorts(target, context.ports, stable);
  return [primaryService(target, { ...context, ports }), canaryService(target, context)];
}

/** `<apex>-primary`, selecting exactly what the target selects. */
export function primaryService(target: V1Deployment, context: ServiceContext): V1Service {
  const made = leaf(target, context, primaryLeaf(context.apex), selectedLabels(target.spec?.selector));
  return stamped(made, context, "primary");
}

/** `<apex>-canary`, selecting the canary Deployment's pods. */
export function canaryService(target: V1Deployment, context: ServiceContext): V1Service {
  const key = requireTrack(target, context.track);
  const matched = selectedLabels(target.spec?.selector);
  const selector = { ...matched, [key]: canaryValue(matched[key] ?? "") };
  return stamped(leaf(target, context, canaryLeaf(context.apex), selector), context, "canary");
}

/** The apex, for a target that has no Service yet. */
export function apexService(target: V1Deployment, context: ServiceContext): V1Service {
  return stamped(leaf(target, context, context.apex, selectedLabels(target.spec?.selector)), context, "apex");
}

/** Ports of a leaf: names, numbers and targets as the apex has them, without what the API server assigned to it. */
export function leafPorts(apex: V1Service): V1ServicePort[] {
  return (apex.spec?.ports ?? []).map(({ nodePort: _nodePort, ...port }) => port);
}

/** The other ports of the target's containers, but those of a mesh's own; `port` is there already. As Flagger names them. */
export function discoveredPorts(target: V1Deployment, port: V1ServicePort): V1ServicePort[] {
  const { containers = [] } = { ...target.spec?.template.spec };
  const apps = containers.filter(({ name }) => !/^(linkerd-proxy|istio-proxy|envoy)$/.test(name));
  const found = apps.flatMap(({ name, ports = [] }) =>
    ports.map((one, index) => ({ ...one, name: one.name ?? `tcp-${name}-${index}` })),
  );
  const others = found.filter(
    ({ name, containerPort }) =>
      ![containerPort, name].includes(port.targetPort ?? port.port) &&
      containerPort !== port.port &&
      name !== port.name,
  );
  return others.map(({ name, containerPort }) => ({
    ...{ name, port: containerPort, targetPort: containerPort, protocol: "TCP" },
  }));
}

/** A Service whose selector takes canary pods in would send them users outside the weights. */
export function alsoSelects(service: V1Service, podLabels: Record<string, string>): boolean {
  const selector = Object.entries(service.spec?.selector ?? {});
  return selector.length > 0 && selector.every(([key, value]) => podLabels[key] === value);
}

/** Labels that the canary's pods will carry, told apart by label `key`; by default the target's own first. */
export function canaryPodLabels(target: V1Deployment, key = requireTrack(target)): Record<string, string> {
  const value = canaryValue(selectedLabels(target.spec?.selector)[key] ?? "");
  return { ...target.spec?.template.metadata?.labels, [key]: value };
}

/**
 * Labels of both tracks' pods, told apart by label `track`. `stable`: what stable's carry, where it is known; the target's template may be the
 * next version's.
 */
export function labelsOfTracks(
  target: V1Deployment,
  { track, stable }: { track: string; stable?: Readonly<Record<string, string>> | undefined },
): Record<"stable" | "canary", Record<string, string>> {
  return { stable: { ...(stable ?? target.spec?.template.metadata?.labels) }, canary: canaryPodLabels(target, track) };
}

// --- internal ---

function requireTrack(target: V1Deployment, key = trackLabel(target)): string {
  if (key !== undefined) return key;
  throw new Error(`Deployment ${target.metadata?.name ?? ""} selects by none of ${selectorLabels.join(", ")}`);
}

function leaf(
  target: V1Deployment,
  context: ServiceContext,
  name: string,
  selector: Record<string, string>,
): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: target.metadata?.namespace ?? "",
      labels: {
        [label.canary]: context.canary,
        [label.canaryUid]: sealOf(context, name),
        [label.managedBy]: manager,
      },
    },
    spec: {
      ...{ type: "ClusterIP", selector, ports: context.ports },
      ...(context.trafficDistribution ? { trafficDistribution: context.trafficDistribution } : {}),
    },
  };
}

function stamped(made: V1Service, context: ServiceContext, of: "apex" | "primary" | "canary"): V1Service {
  const { trafficDistribution, ports } = context;
  const protocols = ports.flatMap(({ appProtocol }) => appProtocol ?? []);
  const fields = {
    ...(trafficDistribution ? { trafficDistribution } : {}),
    ...(protocols.length > 0 ? { appProtocol: protocols } : {}),
  };
  return stampedBySpec(made, { ...context.given?.[of] }, fields);
}

type Rename = (selector: V1LabelSelector | undefined) => V1LabelSelector | undefined;

function renameSelector(
  selector: V1LabelSelector | undefined,
  key: string,
  from: string,
  to: string,
): V1LabelSelector | undefined {
  if (!selector) return selector;
  const expressions = selector.matchExpressions?.map((expression) =>
    expression.key === key && expression.values
      ? { ...expression, values: expression.values.map((value) => (value === from ? to : value)) }
      : expression,
  );
  const matched = selector.matchLabels;
  return {
    ...selector,
    ...(matched ? { matchLabels: matched[key] === from ? { ...matched, [key]: to } : matched } : {}),
    ...(expressions ? { matchExpressions: expressions } : {}),
  };
}

function renamePodSelectors(spec: V1PodSpec, rename: Rename): V1PodSpec {
  const spread = spec.topologySpreadConstraints?.map((constraint) => withSelector(constraint, rename));
  return {
    ...spec,
    ...(spec.affinity ? { affinity: renameAffinity(spec.affinity, rename) } : {}),
    ...(spread ? { topologySpreadConstraints: spread } : {}),
  };
}

function renameAffinity(affinity: V1Affinity, rename: Rename): V1Affinity {
  const renamed: V1Affinity = { ...affinity };
  for (const side of ["podAffinity", "podAntiAffinity"] as const) {
    const rules = affinity[side];
    if (!rules) continue;
    const required = rules.requiredDuringSchedulingIgnoredDuringExecution;
    const preferred = rules.preferredDuringSchedulingIgnoredDuringExecution;
    renamed[side] = {
      ...(required
        ? { requiredDuringSchedulingIgnoredDuringExecution: required.map((term) => withSelector(term, rename)) }
        : {}),
      ...(preferred
        ? {
            preferredDuringSchedulingIgnoredDuringExecution: preferred.map((weighted) => ({
              ...weighted,
              podAffinityTerm: withSelector<V1PodAffinityTerm>(weighted.podAffinityTerm, rename),
            })),
          }
        : {}),
    };
  }
  return renamed;
}

function withSelector<T extends { labelSelector?: V1LabelSelector }>(term: T, rename: Rename): T {
  const selector = rename(term.labelSelector);
  return selector ? { ...term, labelSelector: selector } : term;
}
