// The status that Linkerd's policy controller writes on an HTTPRoute with a Service parent.
import { isServiceParent } from "../policy/route.ts";
import {
  serviceKey,
  type BackendRef,
  type Condition,
  type HttpRoute,
  type ParentRef,
  type ParentStatus,
  type Service,
} from "../policy/objects.ts";

export const controllerName = "linkerd.io/policy-controller";

type Verdict = Pick<Condition, "status" | "reason" | "message">;

/**
 * `status.parents` as it should be, other controllers' entries kept; `undefined` when it is so already.
 * A condition keeps its transition time while its status stays.
 */
export function parentsStatus(
  route: HttpRoute,
  service: (key: string) => Service | undefined,
  now: string,
): ParentStatus[] | undefined {
  const current = route.status?.parents ?? [];
  const others = current.filter((each) => each.controllerName !== controllerName);
  const backends = verdictOnBackends(route, service);
  const ours = (route.spec.parentRefs ?? []).filter(isServiceParent).map((parentRef): ParentStatus => {
    const before = current.find((each) => each.controllerName === controllerName && sameRef(each.parentRef, parentRef));
    const exists = service(serviceKey(parentRef.namespace ?? route.metadata.namespace, parentRef.name)) !== undefined;
    const condition = (type: string, verdict: Verdict): Condition => {
      const old = before?.conditions?.find((each) => each.type === type);
      const since = old?.status === verdict.status ? old.lastTransitionTime : now;
      const observed = route.metadata.generation === undefined ? {} : { observedGeneration: route.metadata.generation };
      return { type, ...verdict, ...observed, lastTransitionTime: since };
    };
    return {
      parentRef,
      controllerName,
      conditions: [condition("Accepted", verdictOnParent(exists)), condition("ResolvedRefs", backends)],
    };
  });
  const wanted = [...others, ...ours];
  return canonical(wanted) === canonical(current) ? undefined : wanted;
}

function verdictOnParent(exists: boolean): Verdict {
  if (exists) return { status: "True", reason: "Accepted", message: "" };
  return { status: "False", reason: "NoMatchingParent", message: "" };
}

function verdictOnBackends(route: HttpRoute, service: (key: string) => Service | undefined): Verdict {
  const refs = (route.spec.rules ?? []).flatMap((rule) => rule.backendRefs ?? []);
  if (refs.some((ref) => !isService(ref))) return { status: "False", reason: "InvalidKind", message: "" };
  const missing = refs.filter((ref) => !service(serviceKey(ref.namespace ?? route.metadata.namespace, ref.name)));
  if (missing.length > 0) return { status: "False", reason: "BackendNotFound", message: "" };
  return { status: "True", reason: "ResolvedRefs", message: "" };
}

const isService = (ref: BackendRef): boolean =>
  (ref.kind ?? "Service") === "Service" && ["", "core"].includes(ref.group ?? "");

const sameRef = (a: ParentRef, b: ParentRef): boolean =>
  a.name === b.name && a.kind === b.kind && a.namespace === b.namespace && a.port === b.port && a.group === b.group;

/** JSON with sorted keys: the API server returns a status in its own order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    each && typeof each === "object" && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => a.localeCompare(b)))
      : each,
  );
}
