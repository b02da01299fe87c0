/**
 * What NetworkPolicies say of two sets of pods that differ in one label. They only add up: a pod that none selects is open, one that
 * some select is shut but for what these admit.
 */
import type { V1LabelSelector, V1ObjectMeta } from "@kubernetes/client-node";
import { sortedJson } from "../format/sorted-json.ts";
import { selects, selectsNamespace, type Labels } from "./selector.ts";

export interface NetworkPeer {
  podSelector?: V1LabelSelector;
  namespaceSelector?: V1LabelSelector;
  ipBlock?: object;
}

/** As the API server writes it; the client's own type has `_from`. */
export interface NetworkPolicy {
  metadata: V1ObjectMeta;
  spec?: {
    podSelector?: V1LabelSelector;
    policyTypes?: string[];
    ingress?: { from?: NetworkPeer[]; ports?: object[] }[];
    egress?: { to?: NetworkPeer[]; ports?: object[] }[];
  };
}

export type Direction = "ingress" | "egress";

/** One NetworkPolicy that holds for stable's pods and not for the canary's. */
export interface NetworkGap {
  policy: NetworkPolicy;
  direction: Direction;
  /**
   * `open`: stable is guarded, the canary is not. `shut`: the canary is guarded by others, without what this one admits. `denied`: this
   * one admits nothing to the canary, and stable is open. `peer`: other pods admit stable's by their label, and not the canary's.
   */
  kind: "open" | "shut" | "denied" | "peer";
  /** The one that selects by the label. */
  selector: V1LabelSelector;
  /** What guards the canary's pods, where they are shut. */
  by?: NetworkPolicy;
}

export interface TrackLabels {
  stable: Labels;
  canary: Labels;
}

/** `policies`: all of `namespace`, where both have their pods. Ports are not looked at. */
export function networkGaps(policies: readonly NetworkPolicy[], labels: TrackLabels, namespace: string): NetworkGap[] {
  return directions.flatMap((direction) => {
    const those = policies.filter((policy) => isOf(policy, direction));
    return [...ownGaps(those, labels, direction), ...peerGaps(those, { labels, namespace, direction })];
  });
}

/** Which pods it is about. */
export const guardedPods = ({ spec }: NetworkPolicy): V1LabelSelector => spec?.podSelector ?? {};

// --- internal ---

const directions: readonly Direction[] = ["ingress", "egress"];

interface NetworkRule {
  /** Empty: everybody. */
  peers: readonly NetworkPeer[];
  /** Empty: every port. */
  ports: readonly object[];
}

function isOf({ spec }: NetworkPolicy, direction: Direction): boolean {
  const { policyTypes, egress = [] } = { ...spec };
  if (policyTypes) return policyTypes.some((type) => type.toLowerCase() === direction);
  return direction === "ingress" || egress.length > 0;
}

function rulesOf({ spec }: NetworkPolicy, direction: Direction): NetworkRule[] {
  return direction === "ingress"
    ? (spec?.ingress ?? []).map(({ from = [], ports = [] }) => ({ peers: from, ports }))
    : (spec?.egress ?? []).map(({ to = [], ports = [] }) => ({ peers: to, ports }));
}

function ownGaps(policies: readonly NetworkPolicy[], labels: TrackLabels, direction: Direction): NetworkGap[] {
  const canarys = policies.filter((policy) => selects(guardedPods(policy), labels.canary));
  const missing = policies.filter((policy) => selects(guardedPods(policy), labels.stable) && !canarys.includes(policy));
  const [by] = canarys;
  const gap = (policy: NetworkPolicy) => ({ policy, direction, selector: guardedPods(policy) });
  const isStableFree = missing.some((policy) => rulesOf(policy, direction).some(admitsAll));
  if (!by) return isStableFree ? [] : missing.map((policy) => ({ ...gap(policy), kind: "open" }));
  const admitted = canarys.flatMap((policy) => rulesOf(policy, direction));
  const isStableOpen = !policies.some((policy) => selects(guardedPods(policy), labels.stable));
  if (isStableOpen && admitted.length === 0) return [{ ...gap(by), kind: "denied" }];
  if (admitted.some(admitsAll)) return [];
  const texts = new Set(admitted.map(sortedJson));
  const lacking = missing.filter((policy) => rulesOf(policy, direction).some((rule) => !texts.has(sortedJson(rule))));
  return lacking.map((policy) => ({ ...gap(policy), kind: "shut", by }));
}

const admitsAll = ({ peers, ports }: NetworkRule): boolean => peers.length === 0 && ports.length === 0;

interface Context {
  labels: TrackLabels;
  namespace: string;
  direction: Direction;
}

/** Pods that stable's may reach, or that may reach stable's, by a rule that names their label. */
function peerGaps(policies: readonly NetworkPolicy[], { labels, namespace, direction }: Context): NetworkGap[] {
  const admits = (rule: NetworkRule, of: Labels): boolean =>
    rule.peers.length === 0 || rule.peers.some((peer) => isPeer(peer, of, namespace));
  const admitting = policies.filter((one) => rulesOf(one, direction).some((rule) => admits(rule, labels.canary)));
  const reachable = new Set(admitting.map((one) => sortedJson(guardedPods(one))));
  const isAdmitted = (at: NetworkPolicy): boolean => reachable.has("{}") || reachable.has(sortedJson(guardedPods(at)));
  return policies.flatMap((policy) => {
    // What stable's pods alone are under is a gap by itself.
    if (selects(guardedPods(policy), labels.stable) && !selects(guardedPods(policy), labels.canary)) return [];
    const peers = rulesOf(policy, direction).flatMap((rule) => rule.peers);
    const selector = peers.find((peer) => isPeer(peer, labels.stable, namespace))?.podSelector;
    return selector && !isAdmitted(policy) ? [{ policy, direction, selector, kind: "peer" }] : [];
  });
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: NetworkPeer, labels: Labels, namespace: string): boolean {
  if (ipBlock) return false;
  const isHere = !namespaceSelector || selectsNamespace(namespaceSelector, namespace);
  return isHere && selects(podSelector ?? {}, labels);
}
