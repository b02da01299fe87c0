/**
 * POST /mutate/canaries and /validate/canaries. Both refuse a spec with all reasons at once; the mutating one is asked
 * before the API server checks the schema, whose own errors would hide the rest. No reads: whoever can reach the port may ask.
 */
import { isDeepStrictEqual } from "node:util";
import { type Canary, withSpec } from "../../shared/core/objects/canary.ts";
import { parsePolicy } from "../../shared/core/spec/policy.ts";
import { doubtsOf, notWatched, refusalWords } from "./canary-warnings.ts";
import { stampCommand } from "./commands.ts";
import type { AdmissionRequest, Verdict } from "./review.ts";

export interface CanaryDeps {
  ownAccounts: readonly string[];
  /** The only namespaces that are looked after; undefined or empty: all. */
  watchNamespaces?: readonly string[];
  /** Namespaces where changes of Deployments are not held; undefined: not known. */
  excludedNamespaces?: readonly string[];
  /** A route of ours may have other parents than Services of the Canary's namespace; undefined: not known. */
  allowGateways?: boolean;
  /** Hosts that webhooks may name beside Services of the Canary's namespace; undefined: not known. */
  hookAddresses?: readonly string[];
  /** The controller's own Prometheus, and which others may be asked; undefined: not known. */
  metricServers?: { own: string; allowed: readonly string[] };
}

export function mutateCanary(request: AdmissionRequest, deps: CanaryDeps): Verdict {
  if (!isWrite(request) || deps.ownAccounts.includes(request.userInfo.username)) return pass();
  const { canary, oldCanary } = canariesOf(request);
  const fault = faultBeforeSchema(canary, oldCanary);
  if (fault) return fault;
  const stamped = stampCommand(canary, oldCanary, request.userInfo.username);
  if (!stamped.ok) return { allowed: false, code: 422, message: stamped.message, warnings: [] };
  return stamped.canary === canary ? pass() : { allowed: true, object: stamped.canary, warnings: [] };
}

/** What the Canary names and the cluster does not have is not looked up here: the status says it a moment later. */
export function validateCanary(request: AdmissionRequest, deps: CanaryDeps): Verdict {
  if (!isWrite(request)) return pass();
  const { canary, oldCanary } = canariesOf(request);
  if (!specChanged(canary, oldCanary) || canary.metadata.deletionTimestamp) return pass();
  const warnings = notWatched(canary, deps.watchNamespaces);
  // Another controller's Canary: what it may say is not ours to refuse.
  if (warnings.length > 0) return { allowed: true, warnings };
  const fault = specFault(canary, oldCanary);
  if (fault) return fault;
  return { allowed: true, warnings: hasShape(canary) ? doubtsOf(canary, deps) : [] };
}

// --- internal ---

const pass = (): Verdict => ({ allowed: true, warnings: [] });

const isWrite = (request: AdmissionRequest): boolean =>
  !request.subResource && (request.operation === "CREATE" || request.operation === "UPDATE");

function canariesOf(request: AdmissionRequest): { canary: Canary; oldCanary: Canary | undefined } {
  return {
    canary: { ...request.object, metadata: request.object?.["metadata"] ?? {} } as unknown as Canary,
    oldCanary: request.oldObject as Canary | undefined,
  };
}

const specChanged = (canary: Canary, oldCanary: Canary | undefined): boolean =>
  !oldCanary || !isDeepStrictEqual(canary.spec, oldCanary.spec);

/** A spec that was accepted once may stay, whatever the rules are now: labels and finalizers must remain editable. */
function specFault(canary: Canary, oldCanary: Canary | undefined): Verdict | undefined {
  if (!specChanged(canary, oldCanary)) return undefined;
  const overlong = overlongList(canary.spec);
  if (overlong) return { allowed: false, code: 422, message: overlong, warnings: [] };
  if (!hasShape(canary)) return undefined;
  const policy = parsePolicy(canary.spec);
  const before = oldCanary && hasShape(oldCanary) ? withSpec(oldCanary) : undefined;
  const message = refusalWords(canary, before, policy.ok ? [] : policy.errors);
  return message === undefined ? undefined : { allowed: false, code: 422, message, warnings: [] };
}

/** What is null or a number where another thing should be, the schema says by its path, and it is asked next. */
function faultBeforeSchema(canary: Canary, oldCanary: Canary | undefined): Verdict | undefined {
  try {
    return specFault(canary, oldCanary);
  } catch {
    return undefined;
  }
}

/** The schema allows half of it at most, and takes the API server seconds to say so of thousands of entries. */
const mostItems = 200;

function overlongList(spec: unknown): string | undefined {
  const left: unknown[] = [spec];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (Array.isArray(value) && value.length > mostItems)
      return `spec has a list of ${value.length} entries; no list may have more than ${mostItems}.`;
    if (typeof value === "object" && value !== null) for (const part of Object.values(value)) left.push(part);
  }
  return undefined;
}

/** Whether the parts that are gone through are objects and lists at all; where not, the API server's schema says so. */
function hasShape(canary: Canary): boolean {
  const spec: unknown = canary.spec;
  if (!isObject(spec) || !isObject(spec["targetRef"] ?? {})) return false;
  const [service, analysis] = [spec["service"] ?? {}, spec["analysis"] ?? {}];
  if (!isObject(service) || !isObject(analysis)) return false;
  const { metrics, webhooks, pauses, alerts, match, stepWeights } = analysis;
  const lists = [metrics, webhooks, pauses, alerts, match, service["gatewayRefs"]].map((list) => list ?? []);
  const areLists = lists.every((list) => Array.isArray(list) && list.every(isObject));
  return areLists && Array.isArray(stepWeights ?? []);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
