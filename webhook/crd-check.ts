/**
 * Whether the cluster's definition of Canary can hold what we write: an older one, or one of another product, drops fields in
 * silence, and a run that forgets where it stands must not begin. Read from the published schema, which every account may see.
 */
import type { CanaryStatus, CheckStatus, RunStatus } from "../shared/core/objects/canary-status.ts";
import { kind } from "../shared/core/objects/names.ts";
import type { Cluster } from "../shared/kube/cluster.ts";
import { CanaryError } from "../shared/kube/errors.ts";
import { Reflector, type ReflectorDeps } from "../shared/kube/reflector.ts";
import { resource } from "../shared/kube/resources.ts";
import type { Logger } from "../shared/log.ts";

/** Throws `Usage` with the fields that would be lost and what to do; what the cluster throws where there is no definition. */
export async function requireDefinition(cluster: Cluster): Promise<void> {
  const loss = lossBy(await publishedSchema(cluster));
  if (loss !== undefined) throw new CanaryError("Usage", loss);
}

/**
 * Resolves with a sentence as soon as the cluster's definition would drop what we write, and with nothing when `ending` aborts.
 * Another product's chart, upgraded later, puts its own definition back without a word. One watch of one object; a cluster that
 * cannot be asked is no answer.
 */
export async function definitionLost(deps: WatchDeps, ending: AbortSignal): Promise<string | undefined> {
  let found: (loss?: string) => void = () => undefined;
  const lost = new Promise<string | undefined>((resolve) => (found = resolve));
  const reflector = new Reflector<Definition>(deps, {
    resource: resource.customResourceDefinitions,
    fieldSelector: `metadata.name=${definitionName}`,
    onChange: (_, now) => {
      const version = now?.spec?.versions?.find(({ name }) => name === kind.canary.version);
      const loss = version && lossBy(version.schema?.openAPIV3Schema);
      if (loss !== undefined) found(loss);
    },
    onError: (error, retryInMs) => deps.log.warn({ reason: error.message, retryInMs }, "the definition is not watched"),
  });
  ending.addEventListener("abort", () => found(), { once: true });
  if (ending.aborted) found();
  reflector.start();
  try {
    return await lost;
  } finally {
    await reflector.stop();
  }
}

export interface WatchDeps extends ReflectorDeps {
  log: Pick<Logger, "warn">;
}

// --- internal ---

const definitionName = `${kind.canary.plural}.${kind.canary.group}`;

interface Definition {
  metadata: { name: string; resourceVersion?: string };
  spec?: { versions?: { name: string; schema?: { openAPIV3Schema?: Schema } }[] };
}

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-group-version-kind"?: { kind: string }[];
}

// The compiler keeps both complete.
const ofStatus = {
  phase: 1,
  canaryWeight: 1,
  failedChecks: 1,
  iterations: 1,
  lastAppliedSpec: 1,
  lastPromotedSpec: 1,
  lastTransitionTime: 1,
  trackedConfigs: 1,
  configs: 1,
  conditions: 1,
  observedGeneration: 1,
  reason: 1,
  reasonCode: 1,
  next: 1,
  stable: 1,
  run: 1,
  rejected: 1,
  route: 1,
  tracks: 1,
  trend: 1,
  checks: 1,
  staleCallers: 1,
  callerWorkloads: 1,
  warnings: 1,
  blocked: 1,
  lastCommand: 1,
  unvetted: 1,
  targetMissingSince: 1,
  afterRun: 1,
  leafEmptySince: 1,
  keptUntil: 1,
  floor: 1,
  history: 1,
  runs: 1,
  said: 1,
  alerts: 1,
} satisfies Record<keyof CanaryStatus, 1>;

const ofRun = {
  id: 1,
  intent: 1,
  images: 1,
  requestedBy: 1,
  stage: 1,
  step: 1,
  steps: 1,
  startedAt: 1,
  stageAt: 1,
  checkAt: 1,
  hold: 1,
  holdSince: 1,
  holdCode: 1,
  paused: 1,
  ceiling: 1,
  losses: 1,
  givenFor: 1,
  only: 1,
  canaryTemplate: 1,
  comparison: 1,
  share: 1,
  clientErrors: 1,
  gate: 1,
  passed: 1,
  hooksAt: 1,
  back: 1,
  metricFailures: 1,
  ending: 1,
} satisfies Record<keyof RunStatus, 1>;

const ofCheck = {
  metric: 1,
  outcome: 1,
  code: 1,
  value: 1,
  unit: 1,
  min: 1,
  max: 1,
  failureLimit: 1,
  dryRun: 1,
  failures: 1,
  requests: 1,
  query: 1,
  message: 1,
  why: 1,
  at: 1,
} satisfies Record<keyof CheckStatus, 1>;

function lossBy(schema: Schema | undefined): string | undefined {
  const lost = lostFields(schema);
  if (lost.length === 0) return undefined;
  return (
    `The CustomResourceDefinition ${definitionName} would drop ${lost.join(", ")}: it is older than this controller, or another product's. ` +
    "Nothing is touched. Apply the chart's files/crds (with crds.install=true, helm upgrade does it), and the controller goes on."
  );
}

function lostFields(canary: Schema | undefined): string[] {
  const status = canary?.properties?.["status"];
  const lost = missingIn(status, Object.keys(ofStatus)).map((field) => `status.${field}`);
  if (lost.length > 0) return lost;
  const { run, checks } = { ...status?.properties };
  return [
    ...missingIn(run, Object.keys(ofRun)).map((field) => `status.run.${field}`),
    ...missingIn(checks?.items ?? checks, Object.keys(ofCheck)).map((field) => `status.checks[].${field}`),
  ];
}

function missingIn(schema: Schema | undefined, wanted: readonly string[]): string[] {
  if (schema?.["x-kubernetes-preserve-unknown-fields"]) return [];
  return wanted.filter((field) => !(field in (schema?.properties ?? {})));
}

async function publishedSchema(cluster: Cluster): Promise<Schema | undefined> {
  const path = `/openapi/v3/apis/${kind.canary.group}/${kind.canary.version}`;
  const { components } = (await cluster.raw("GET", path)) as { components?: { schemas?: Record<string, Schema> } };
  return Object.values(components?.schemas ?? {}).find((schema) =>
    schema["x-kubernetes-group-version-kind"]?.some((one) => one.kind === kind.canary.kind),
  );
}
