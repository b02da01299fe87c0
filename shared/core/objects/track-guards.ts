/** Who is let in at stable's pods and at the canary's, which carry another value of one label. */
import type { V1Deployment, V1LabelSelector, V1Service } from "@kubernetes/client-node";
import { guardOf, serverNameOf, type Guard, type GuardedPod, type PolicyObjects } from "./inbound-policy.ts";
import { unmetParts } from "../selectors/selector.ts";
import { labelsOfTracks } from "./workload.ts";
import { trackLabel } from "../selectors/track-label.ts";

export interface TrackGuards {
  stable: Guard;
  canary: Guard;
  labels: { stable: GuardedPod["labels"]; canary: GuardedPod["labels"] };
}

export interface GuardedTarget {
  target: V1Deployment;
  apex: V1Service;
  /** Of the apex, as the Canary names it. */
  port: number | undefined;
  /** What stable's pods carry, where it is known. */
  stableLabels?: GuardedPod["labels"] | undefined;
}

/** Undefined where the objects do not say to which port users go. */
export function trackGuards(
  { target, apex, port, stableLabels }: GuardedTarget,
  policies: PolicyObjects,
): TrackGuards | undefined {
  const at = apex.spec?.ports?.find((one) => port === undefined || one.port === port);
  const track = trackLabel(target, { apex });
  if (!at || track === undefined) return undefined;
  const labels = labelsOfTracks(target, { track, stable: stableLabels });
  const pod = guardedPodOf(target);
  const guard = (of: GuardedPod["labels"]): Guard =>
    guardOf({ ...pod, labels: of }, at.targetPort ?? at.port, policies);
  return { stable: guard(labels.stable), canary: guard(labels.canary), labels };
}

/** The part of the Server's selector that stable's pods meet and the canary's do not; undefined where both are under the same. */
export function missedSelector({ stable, canary, labels }: TrackGuards): V1LabelSelector | undefined {
  const { server } = stable;
  if (!server || (canary.server && serverNameOf(canary.server) === serverNameOf(server))) return undefined;
  const missed = unmetParts(server.spec.podSelector ?? {}, labels.canary);
  const isAny = Object.keys(missed.matchLabels ?? {}).length + (missed.matchExpressions ?? []).length > 0;
  return isAny ? missed : undefined;
}

/** But for its labels. */
export function guardedPodOf({ spec: of }: V1Deployment): Omit<GuardedPod, "labels"> {
  const { metadata, spec } = { ...of?.template };
  const named = (spec?.containers ?? []).flatMap(({ ports = [] }) => ports);
  return {
    annotations: metadata?.annotations ?? {},
    ports: Object.fromEntries(named.flatMap(({ name, containerPort }) => (name ? [[name, containerPort]] : []))),
  };
}
