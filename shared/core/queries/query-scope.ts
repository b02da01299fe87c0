/**
 * Which track a query of the user's own judges. In Flagger the Deployment that a Canary targets *is* the canary, and stable is
 * its `-primary` clone; here the target stays stable and the canary is `<target>-canary`. A query that names the workload in
 * Flagger's way would measure stable, and pass every bad version.
 */
import { canaryLeaf, canaryName, canaryValue, primaryLeaf } from "../objects/names.ts";

export interface LabelMatcher {
  label: string;
  /** As it is written, for sentences. */
  text: string;
  /** Whether a series whose label has this value is selected. */
  matches(value: string): boolean;
}

export interface Selector {
  matchers: readonly LabelMatcher[];
}

/** Names of the two tracks, as labels of series carry them. */
export interface TrackNames {
  /** The target Deployment; see `canaryName`. */
  deployment: string;
  /** The Service that users send to; see `canaryLeaf`. */
  service: string;
  /** The pod label that tells the tracks apart, where it is known, with stable's value. */
  podLabel?: { name: string; value: string };
}

export type QueryScopeCode = "selects-stable" | "selects-nothing" | "selects-both" | "not-read";

/** `refused` must not be asked; a `warning` may be what its author means. */
export interface QueryScopeFinding {
  code: QueryScopeCode;
  level: "refused" | "warning";
  what: string;
  /** What to write instead. */
  cure: string;
}

/** Reads a query and says what {@link scopeFinding} says of it; the parser is handed in, for the core has none. */
export type QueryReader = (query: string, tracks: TrackNames) => QueryScopeFinding | undefined;

/**
 * What is wrong with the tracks that a query selects; undefined where it selects the canary, or names no workload in any
 * label known to tell the tracks apart. A query that selects the canary in one place may select anything in others: it compares.
 */
export function scopeFinding(selectors: readonly Selector[], tracks: TrackNames): QueryScopeFinding | undefined {
  const named = selectors.map((selector) => reachOf(selector, tracks)).filter((reach) => reach.by.length > 0);
  if (named.length === 0) return selectors.length > 0 ? undirected(selectors, tracks) : undefined;
  if (named.some(({ canary, stable }) => canary && !stable)) return undefined;
  const both = named.find(({ canary }) => canary);
  if (both) return finding("selects-both", both, tracks);
  const onlyStable = named.find(({ stable }) => stable);
  return onlyStable ? finding("selects-stable", onlyStable, tracks) : finding("selects-nothing", named[0], tracks);
}

// --- internal ---

/** Values that a label has on series of the two tracks. */
interface Candidates {
  stable: string[];
  canary: string[];
}

interface Reach {
  stable: boolean;
  canary: boolean;
  by: LabelMatcher[];
}

const deploymentLabels = new Set(["deployment", "dst_deployment", "workload", "destination_workload"]);
const podLabels = new Set(["pod", "dst_pod", "pod_name", "kubernetes_pod_name"]);
const serviceLabels = new Set(["service", "dst_service", "destination_service_name", "kubernetes_name"]);
const appLabels = new Set(["app", "app_kubernetes_io_name", "name", "k8s_app"]);

/** Shaped as the names that ReplicaSets give their pods. */
const podSuffix = "-5d9c7b8f64-x2k4q";

function candidatesFor(label: string, { deployment, service, podLabel }: TrackNames): Candidates | undefined {
  const byValue = (value: string): Candidates => ({ stable: [value], canary: [canaryValue(value)] });
  const workload = canaryName(deployment);
  if (podLabel && label === promLabel(podLabel.name)) return byValue(podLabel.value);
  if (deploymentLabels.has(label)) return { stable: [deployment], canary: [workload] };
  if (podLabels.has(label)) return { stable: [deployment + podSuffix], canary: [workload + podSuffix] };
  if (serviceLabels.has(label)) return { stable: [service, primaryLeaf(service)], canary: [canaryLeaf(service)] };
  return appLabels.has(label) && !podLabel ? byValue(deployment) : undefined;
}

/** How Prometheus writes a Kubernetes label's name. */
function promLabel(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_");
}

/**
 * Which tracks' series a selector reaches. A label that fits neither track is about something else (another workload, a job's
 * name), unless it is a name of ours: that makes it reach nothing.
 */
function reachOf({ matchers }: Selector, tracks: TrackNames): Reach {
  const reach: Reach = { stable: true, canary: true, by: [] };
  for (const matcher of matchers) {
    const candidates = candidatesFor(matcher.label, tracks);
    if (!candidates || matchesAnything(matcher)) continue;
    reach.by.push(matcher);
    reach.stable &&= candidates.stable.some((value) => matcher.matches(value));
    reach.canary &&= candidates.canary.some((value) => matcher.matches(value));
  }
  return reach;
}

/** As `pod!=""` does: it tells no tracks apart. */
function matchesAnything(matcher: LabelMatcher): boolean {
  const others = ["another", "another-canary"].flatMap((name) => [name, name + podSuffix]);
  return others.every((value) => matcher.matches(value));
}

/** No label that tells the tracks apart: most likely the sum over both. */
function undirected(selectors: readonly Selector[], { deployment }: TrackNames): QueryScopeFinding | undefined {
  if (selectors.every(({ matchers }) => matchers.length === 0)) return undefined;
  return {
    code: "selects-both",
    level: "warning",
    what: "selects no workload by name, so it measures stable and canary together",
    cure: `add a label that only the canary has, such as deployment="{{ target }}" (which is ${canaryName(deployment)})`,
  };
}

function finding(
  code: Exclude<QueryScopeCode, "not-read">,
  reach: Reach | undefined,
  tracks: TrackNames,
): QueryScopeFinding {
  const texts = (reach?.by ?? []).map(({ text }) => text).join(", ");
  const label = reach?.by[0]?.label ?? "deployment";
  const canary = canaryName(tracks.deployment);
  const said: Record<typeof code, string> = {
    "selects-stable": `selects stable (${texts}) and not the canary, which is ${canary}: it would pass every bad version`,
    "selects-nothing": `selects neither stable (${tracks.deployment}) nor the canary (${canary}) by ${texts}: it never has a value`,
    "selects-both": `selects stable and the canary together by ${texts}`,
  };
  return {
    code,
    level: code === "selects-both" ? "warning" : "refused",
    what: said[code],
    cure: `write ${lineFor(label, tracks)}`,
  };
}

/** The matcher to write instead, with the variable that names the canary. */
function lineFor(label: string, { podLabel, service }: TrackNames): string {
  if (podLabels.has(label)) return `${label}=~"{{ target }}-.+"`;
  if (serviceLabels.has(label)) return `${label}="${leafText(service)}"`;
  if (podLabel && label === promLabel(podLabel.name)) return `${label}="${canaryValue(podLabel.value)}"`;
  return `${label}="{{ target }}"`;
}

/** With the variable where the leaf's name is made of the whole of it. */
function leafText(service: string): string {
  const leaf = canaryLeaf(service);
  return leaf.startsWith(`${service}-`) ? leaf.replace(service, "{{ service }}") : leaf;
}
