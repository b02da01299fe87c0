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

export type QueryScopeCode = "selects-stable" | "selects-nothing" | "selects-both" | "selects-others" | "not-read";

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
 * label known to tell the tracks apart. A query that selects the canary in one place may select stable in others: it compares. One
 * that divides by both tracks' requests makes the canary's failures few.
 */
export function scopeFinding(selectors: readonly Selector[], tracks: TrackNames): QueryScopeFinding | undefined {
  const reaches = selectors.map((selector) => reachOf(selector, tracks));
  const named = reaches.filter(({ by }) => by.length > 0);
  if (named.length === 0) return unnamed(reaches, tracks) ?? undirected(selectors, tracks);
  const isOfCanary = named.some(({ canary, stable }) => canary && !stable);
  const onlyStable = named.find(({ canary, stable }) => stable && !canary);
  if (onlyStable && !isOfCanary) return finding("selects-stable", onlyStable, tracks);
  const both = named.find(({ canary, stable }) => canary && stable);
  if (both) return finding("selects-both", both, tracks);
  return isOfCanary ? undefined : finding("selects-nothing", named[0], tracks);
}

// --- internal ---

/** Values that a label has on series of the two tracks, and those that a manifest of Flagger's would mean by it. */
interface Candidates {
  stable: string[];
  canary: string[];
  mistaken: string[];
}

interface Reach {
  stable: boolean;
  canary: boolean;
  by: LabelMatcher[];
  /** What names neither track, nor a mistake for one. */
  others: LabelMatcher[];
}

/** What collectors put before a label's own name: `dst_deployment`, `exported_pod`, `k8s.pod.name`. */
const collector = "(?:dst|destination|exported|k8s|kube|kubernetes)[_.]";
const deploymentLabel = new RegExp(`^(?:${collector})?(?:deployment|workload)(?:[_.]name)?$`);
const podNameLabel = new RegExp(`^(?:${collector})?pod(?:[_.]name)?$`);
const serviceLabel = new RegExp(`^(?:${collector})?service$|^${collector}service[_.]name$|^kubernetes_name$`);
const appLabel = /^(?:label_)?(?:app|app_kubernetes_io_name|name|k8s_app)$/;

/** Shaped as the names that ReplicaSets give their pods. */
const podSuffix = "-5d9c7b8f64-x2k4q";

function candidatesFor(label: string, { deployment, service, podLabel }: TrackNames): Candidates | undefined {
  const byValue = (value: string): Candidates => candidates(value, canaryValue(value));
  const workload = canaryName(deployment);
  if (podLabel && isPodLabel(label, podLabel.name)) return byValue(podLabel.value);
  if (deploymentLabel.test(label)) return candidates(deployment, workload);
  if (podNameLabel.test(label)) return candidates(deployment, workload, podSuffix);
  if (serviceLabel.test(label))
    return { stable: [service, primaryLeaf(service)], canary: [canaryLeaf(service)], mistaken: [] };
  return appLabel.test(label) && !podLabel ? byValue(deployment) : undefined;
}

function candidates(stable: string, canary: string, suffix = ""): Candidates {
  const mistaken = [`${stable}-primary`, `${canary}-primary`, `${canary}-canary`];
  return { stable: [stable + suffix], canary: [canary + suffix], mistaken: mistaken.map((name) => name + suffix) };
}

/** As metrics of the pods carry it, and as kube-state-metrics does. */
function isPodLabel(label: string, name: string): boolean {
  return label === promLabel(name) || label === `label_${promLabel(name)}`;
}

/** How Prometheus writes a Kubernetes label's name. */
function promLabel(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_");
}

/**
 * Which tracks' series a selector reaches. A label that fits neither track is about something else (another workload, a queue), unless
 * it is a name that only Flagger gives: that makes it reach nothing.
 */
function reachOf({ matchers }: Selector, tracks: TrackNames): Reach {
  const reach: Reach = { stable: true, canary: true, by: [], others: [] };
  for (const matcher of matchers) {
    const values = candidatesFor(matcher.label, tracks);
    if (!values) continue;
    const [stable, canary, mistaken] = [values.stable, values.canary, values.mistaken].map((names) =>
      names.some((value) => matcher.matches(value)),
    );
    if (matchesAnything(matcher) && (canary || !stable)) continue;
    const isNamed = stable || canary || mistaken;
    (isNamed ? reach.by : reach.others).push(matcher);
    if (isNamed) narrow(reach, { stable: stable === true, canary: canary === true });
  }
  return reach;
}

function narrow(reach: Reach, to: Pick<Reach, "stable" | "canary">): void {
  reach.stable &&= to.stable;
  reach.canary &&= to.canary;
}

/** As `pod!=""` does: it tells no tracks apart, unless it leaves out the canary alone. */
function matchesAnything(matcher: LabelMatcher): boolean {
  const others = ["another", "another-canary"].flatMap((name) => [name, name + podSuffix]);
  return others.every((value) => matcher.matches(value));
}

/** Each selector names something that is no track: a queue that both versions work on, or another workload. */
function unnamed(reaches: readonly Reach[], tracks: TrackNames): QueryScopeFinding | undefined {
  const by = reaches.flatMap(({ others }) => others.slice(0, 1));
  if (by.length === 0 || by.length < reaches.length) return undefined;
  return finding("selects-others", { stable: false, canary: false, by, others: [] }, tracks);
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
    "selects-others": `selects by ${texts} neither stable (${tracks.deployment}) nor the canary (${canary}): it measures both versions at once, or another workload`,
  };
  return {
    code,
    level: code === "selects-stable" || code === "selects-nothing" ? "refused" : "warning",
    what: said[code],
    cure: `${code === "selects-others" ? "where the canary is meant, " : ""}write ${lineFor(label, tracks)}`,
  };
}

/** The matcher to write instead, with the variable that names the canary. */
function lineFor(label: string, { podLabel, service }: TrackNames): string {
  if (podNameLabel.test(label)) return `${label}=~"{{ target }}-.+"`;
  if (serviceLabel.test(label)) return `${label}="${leafText(service)}"`;
  if (podLabel && isPodLabel(label, podLabel.name)) return `${label}="${canaryValue(podLabel.value)}"`;
  return `${label}="{{ target }}"`;
}

/** With the variable where the leaf's name is made of the whole of it. */
function leafText(service: string): string {
  const leaf = canaryLeaf(service);
  return leaf.startsWith(`${service}-`) ? leaf.replace(service, "{{ service }}") : leaf;
}
