/** A whole migration without a cluster: what `--dry-run` prints. Writes are played on the objects, and every wait is taken to end well. */
import type { Canary } from "../objects/canary.ts";
import type { MigrationRefusal, MigrationSeen, MigrationStep, MigrationWrite } from "./seen.ts";

/** The steps in order; the last is `done` or a refusal. */
export function rehearse(seen: MigrationSeen, next: (seen: MigrationSeen) => MigrationStep): MigrationStep[] {
  const steps: MigrationStep[] = [];
  let now = seen;
  while (steps.length < longest) {
    const step = next(now);
    steps.push(step);
    if (step.kind === "done" || step.kind === "refuse") return steps;
    now = step.kind === "write" ? afterWrite(now, step.write) : afterWait(now, step.code);
  }
  return [...steps, endless];
}

/** What the API server has after a write. */
export function afterWrite(seen: MigrationSeen, write: MigrationWrite): MigrationSeen {
  const { verb, kind, object } = write;
  if (kind === "Canary") return { ...seen, canary: canaryAfter(seen, write) };
  if (kind === "Deployment")
    return verb === "delete" ? { ...seen, primary: null, primaryPods: 0 } : { ...seen, target: object };
  const key = lists[kind];
  const kept = seen[key].flatMap((one): MigrationWrite["object"][] => {
    const isThis = one.metadata?.name === object.metadata?.name && (one.kind ?? kind) === kind;
    if (!isThis) return [one];
    return verb === "delete" ? [] : [object];
  });
  return { ...seen, [key]: kept };
}

/** What is seen once a wait is over. */
export function afterWait(seen: MigrationSeen, code: Extract<MigrationStep, { kind: "wait" }>["code"]): MigrationSeen {
  switch (code) {
    case "pods":
      return { ...seen, target: seen.target && readyAsAsked(seen.target) };
    case "drain":
      return { ...seen, quietMs: Number.MAX_SAFE_INTEGER };
    case "primary-pods":
      return { ...seen, primaryPods: 0 };
    case "controller":
      return withoutOurs(seen);
  }
}

// --- internal ---

/** Far more than any migration has. */
const longest = 500;

const endless: MigrationRefusal = {
  kind: "refuse",
  code: "unfinished-run",
  why: `A rehearsal of ${longest} steps did not come to an end.`,
  cure: {},
};

const lists = {
  Service: "services",
  TrafficSplit: "routes",
  HTTPRoute: "routes",
  HorizontalPodAutoscaler: "scalers",
  ScaledObject: "scalers",
  ConfigMap: "configs",
  Secret: "configs",
} as const;

/** A write of the object leaves its status, and one of its status all the rest. */
function canaryAfter({ canary: { status } }: MigrationSeen, { object, subresource }: MigrationWrite): Canary {
  const written = object as Canary;
  return subresource || !status ? written : { ...written, status };
}

type Target = MigrationSeen["target"] & object;

function readyAsAsked(target: Target): Target {
  const replicas = target.spec?.replicas ?? 1;
  const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  const { generation } = { ...target.metadata };
  return { ...target, status: { ...counts, ...(generation === undefined ? {} : { observedGeneration: generation }) } };
}

/** As our controller leaves it. */
function withoutOurs(seen: MigrationSeen): MigrationSeen {
  const isOurs = (labels: Record<string, string> = {}): boolean =>
    Object.keys(labels).some((key) => key.startsWith("kubectl-canary.io/"));
  const { target } = seen;
  const kept = Object.entries(target?.metadata?.labels ?? {}).filter(([key]) => !isOurs({ [key]: "" }));
  return {
    ...seen,
    workload: null,
    target: target && { ...target, metadata: { ...target.metadata, labels: Object.fromEntries(kept) } },
    routes: seen.routes.filter(({ metadata }) => !isOurs(metadata.labels)),
    services: seen.services.filter(
      ({ metadata }) => !isOurs(metadata?.labels) || !/-(primary|canary)$/.test(metadata?.name ?? ""),
    ),
  };
}
