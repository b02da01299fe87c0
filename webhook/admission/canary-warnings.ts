/** What a Canary's text is allowed to say and its author may not have meant: said as warnings when it is written. */
import { impossibleIn, type Impossible, type TextReaders } from "../../shared/core/admission/impossible.ts";
import { refusalText } from "../../shared/core/admission/refusal.ts";
import { apexOf, type Canary, type CanarySpec } from "../../shared/core/objects/canary.ts";
import { canaryRules } from "../../shared/core/preconditions/canary.ts";
import type { SeenObjects } from "../../shared/core/preconditions/finding.ts";
import { createPatternReader, createQueryReader } from "../../shared/promql.ts";
import type { FieldError } from "../../shared/core/spec/policy.ts";
import { byText, unmetPreconditions } from "../../shared/core/preconditions/preconditions.ts";

type AsInstalled = Pick<
  SeenObjects,
  "watchNamespaces" | "excludedNamespaces" | "allowGateways" | "hookAddresses" | "metricServers"
>;

/** For a Canary whose text has no fault: the preconditions that it fails whatever the cluster has, and what may be a slip. */
export function doubtsOf(
  canary: Canary,
  { watchNamespaces, excludedNamespaces, allowGateways, hookAddresses, metricServers }: AsInstalled,
): string[] {
  const { spec } = canary;
  const installed = { watchNamespaces, excludedNamespaces, allowGateways, hookAddresses, metricServers };
  const seen = { ...byText(canary), ...readers(), ...installed };
  return [...unmetPreconditions(seen).map(({ what }) => what), ...unjudged(spec), ...parentsElsewhere(spec)];
}

/** Why a Canary with these faults in its text, or none, is refused, all in one answer. Undefined: it is not. */
export function refusalWords(
  canary: Canary,
  oldCanary: Canary | undefined,
  faults: readonly FieldError[],
): string | undefined {
  return refusalText(faults, impossibleBeside(canary, oldCanary, faults));
}

/** Where this installation looks after other namespaces only, its rules are not those of the Canary: nothing but that is said. */
export function notWatched(canary: Canary, watchNamespaces: SeenObjects["watchNamespaces"]): string[] {
  const targetName = (canary as Partial<Canary>).spec?.targetRef?.name ?? "";
  const { namespace = "" } = canary.metadata;
  const seen = { canary, namespace, targetName, apexName: targetName, watchNamespaces };
  return canaryRules["namespace-not-watched"](seen).map(({ what }) => what);
}

// --- internal ---

/** Before the schema has been asked, other parts of a faulty text may be of a shape that nothing can read: its faults are said all the same. */
function impossibleBeside(
  canary: Canary,
  oldCanary: Canary | undefined,
  faults: readonly FieldError[],
): readonly Impossible[] {
  try {
    return impossibleIn(canary, oldCanary, readers);
  } catch (error) {
    if (faults.length === 0) throw error;
    return [];
  }
}

const readers = (): TextReaders => ({ readQuery: createQueryReader(), isPattern: createPatternReader() });

function unjudged({ analysis, skipAnalysis }: CanarySpec): string[] {
  if (skipAnalysis) return [];
  const own = (analysis.metrics ?? []).length;
  if (analysis.requests === "none") return [uncountedWords(own)];
  if (own > 0) return [];
  return ["spec.analysis.metrics is empty: a version is promoted as soon as users reach it, however it answers them"];
}

function uncountedWords(own: number): string {
  const none = "spec.analysis.requests is none: requests are not counted, and no version is compared with stable";
  if (own === 0) return `${none}; a version is promoted if its pods stay ready, whatever they do`;
  return `${none}; ${own === 1 ? "1 query of your own judges" : `${own} queries of your own judge`} it, and whether its pods stay ready`;
}

/** Meshed callers of the apex follow routes of which it is a parent. */
function parentsElsewhere(spec: CanarySpec): string[] {
  const { provider, service } = spec;
  const references = service?.gatewayRefs ?? [];
  const apex = apexOf({ spec });
  const isHttpRoute = provider === undefined || provider.startsWith("gatewayapi:");
  if (!isHttpRoute || references.length === 0) return [];
  const own = references.filter(({ kind, name }) => kind === "Service" && name === apex);
  if (own.length === 0) return unnamedParent(`Service ${apex}`, apex);
  const wanted = service?.port;
  if (own.some(({ port = wanted }) => port === wanted)) return [];
  return unnamedParent(`port ${wanted} of Service ${apex}`, `${apex}, port: ${wanted}`);
}

function unnamedParent(what: string, write: string): string[] {
  return [
    `spec.service.gatewayRefs does not name ${what}: its callers in the mesh will not follow the weights (kind: Service, group: core, name: ${write})`,
  ];
}
