/**
 * The way back: a Canary of ours becomes what Flagger takes for a new one. Our controller does the work, as when a Canary is
 * deleted; what is left here is to tell it so, to wait, and to forget what it has written.
 */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { apexOf, type Canary, isLeftToFlagger } from "../objects/canary.ts";
import { annotation, canaryLeaf, kind, label, primaryLeaf, targetLabels } from "../objects/names.ts";
import { kubectlIn } from "../preconditions/finding.ts";
import { isOfFlagger, isStatusOurs, serviceNamed } from "./left-by-flagger.ts";
import type { MigrationRefusal, MigrationSeen, MigrationStep } from "./seen.ts";

/** The next write or wait on the way to Flagger; `done` where Flagger may begin, or has begun. */
export function nextToFlagger(seen: MigrationSeen): MigrationStep {
  const { canary, primary } = seen;
  if (primary) return isOfFlagger(canary, primary) ? { kind: "done" } : foreignPrimary(seen);
  const refused = isLeftToFlagger(canary) ? undefined : backRefusal(seen);
  return refused ?? leave(seen) ?? waitForController(seen) ?? forget(seen) ?? { kind: "done" };
}

// --- internal ---

/** Flagger makes a primary only where it finds none of that name, and writes its own versions into what it finds. */
function foreignPrimary({ canary, primary }: MigrationSeen): MigrationRefusal {
  const { name = "", namespace = "" } = canary.metadata;
  const its = primary?.metadata?.name ?? "";
  return {
    kind: "refuse",
    code: "not-flaggers",
    why: `Deployment ${its} is there and does not belong to Canary ${name} (no owner reference with its UID): Flagger would take it for its own and overwrite it.`,
    cure: { say: "see whose it is", run: kubectlIn(namespace, `get deploy ${its} -o yaml`) },
  };
}

function backRefusal({ canary, target }: MigrationSeen): MigrationRefusal | undefined {
  const { name = "", namespace = "" } = canary.metadata;
  const { targetRef } = canary.spec;
  if (!target)
    return {
      kind: "refuse",
      code: "target-missing",
      why: `Deployment ${targetRef.name}, the target of Canary ${name}, is not there.`,
      cure: { run: kubectlIn(namespace, "get deployments") },
    };
  if (canary.status?.run)
    return {
      kind: "refuse",
      code: "run-under-way",
      why: `A run of Canary ${name} is under way, with ${canary.status.canaryWeight ?? 0}% of requests on the canary. Let it end first.`,
      cure: { run: `kubectl canary wait ${name} -n ${namespace}` },
    };
  if (label.held in (target.metadata?.labels ?? {}))
    return {
      kind: "refuse",
      code: "held",
      why: `Deployment ${targetRef.name} asks for a version that is held and not promoted. Flagger would know nothing of that: apply the version that serves, or let it be promoted.`,
      cure: { run: `kubectl canary diff ${name} -n ${namespace}` },
    };
  return undefined;
}

function leave({ canary }: MigrationSeen): MigrationStep | undefined {
  if (isLeftToFlagger(canary)) return undefined;
  const annotations = { ...canary.metadata.annotations, [annotation.leftTo]: "flagger" };
  return {
    kind: "write",
    write: {
      code: "leave-canary",
      verb: "replace",
      kind: kind.canary.kind,
      object: { ...canary, metadata: { ...canary.metadata, annotations } },
      does: `canary/${canary.metadata.name} is left to Flagger: kubectl-canary takes away what it made`,
    },
  };
}

/** Until the target is plain, and route, leaves and canary Deployment are gone. */
function waitForController(seen: MigrationSeen): MigrationStep | undefined {
  const left = oursIn(seen);
  if (left.length === 0) return undefined;
  const why = `the controller is to take away ${left.join(", ")}`;
  return { kind: "wait", code: "controller", stand: left.length, why };
}

/** Leaves that a route of the user's names stay. */
function oursIn(seen: MigrationSeen): string[] {
  const { target, workload, routes } = seen;
  const leaves = routes.some((route) => !isOurs(route)) ? [] : ourLeaves(seen);
  return [
    ...(target && isMarked(target) ? [`labels of deployment/${target.metadata?.name}`] : []),
    ...routes.filter(isOurs).map((route) => `${route.kind.toLowerCase()}/${route.metadata.name}`),
    ...leaves.map(({ metadata }) => `service/${metadata?.name}`),
    ...(workload && isOurs(workload) ? [`deployment/${workload.metadata?.name}`] : []),
  ];
}

interface Labelled {
  metadata?: { name?: string; labels?: Record<string, string> };
}

const isOurs = ({ metadata }: Labelled): boolean => metadata?.labels?.[label.canary] !== undefined;

const isMarked = ({ metadata }: V1Deployment): boolean => targetLabels.some((key) => key in (metadata?.labels ?? {}));

function ourLeaves(seen: MigrationSeen): V1Service[] {
  const apex = apexOf(seen.canary);
  return [primaryLeaf(apex), canaryLeaf(apex)].flatMap((name) => serviceNamed(seen, name) ?? []).filter(isOurs);
}

/** Flagger takes a Canary without a status for a new one, and waits for its primary before it moves traffic. */
function forget(seen: MigrationSeen): MigrationStep | undefined {
  const { canary } = seen;
  const apex = serviceNamed(seen, apexOf(canary));
  if (apex && isOurs(apex)) return plainLabels(apex);
  if (!isStatusOurs(canary)) return undefined;
  return {
    kind: "write",
    write: {
      code: "forget-status",
      verb: "replace",
      kind: kind.canary.kind,
      subresource: "status",
      object: { ...canary, status: {} } as Canary,
      does: `canary/${canary.metadata.name} has no status, so that Flagger begins anew`,
    },
  };
}

function plainLabels(apex: V1Service): MigrationStep {
  const ours: readonly string[] = [label.canary, label.canaryUid, label.managedBy];
  const labels = Object.entries(apex.metadata?.labels ?? {}).filter(([key]) => !ours.includes(key));
  return {
    kind: "write",
    write: {
      code: "plain-labels",
      verb: "replace",
      kind: "Service",
      object: { ...apex, metadata: { ...apex.metadata, labels: Object.fromEntries(labels) } },
      does: `service/${apex.metadata?.name} has no labels of kubectl-canary`,
    },
  };
}
