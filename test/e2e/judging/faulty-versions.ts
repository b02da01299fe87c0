/**
 * Versions that hurt their users, each in its own way, and what must become of them. All become ready, and none fails a probe but
 * the one that exits.
 */
import type { AnalysisSpec, MetricSpec } from "../../../shared/core/objects/canary.ts";
import { changeWaits, type CanaryStatus } from "../../../shared/core/objects/canary-status.ts";
import type { Counts } from "../../app/counts.ts";
import type { AppOptions } from "../../app/manifests.ts";
import type { FaultyTag, PodinfoTag } from "../../app/podinfo.ts";
import { apply, deleteNamespace } from "../../cluster/client.ts";
import { identityOf } from "../../mesh/settings.ts";
import { Scenario, type Provider } from "../scenario.ts";

/** `waiting`: for a person. */
export type End = "taken back" | "waiting" | "not begun" | "promoted";

export interface FaultyVersion {
  /** What it does, as the subject's verb: `hangs for half of its requests`. */
  readonly what: string;
  /** Of the namespace that it is tried in. */
  readonly slug: string;
  readonly tag: FaultyTag | PodinfoTag;
  readonly ends: End;
  /** What people are told: what users got, of how many, and where it was seen. */
  readonly says: RegExp;
  /** Answers a user would call bad, of these counts. */
  readonly bad: (counts: Counts) => number;
  /** Requests per second, where the fault is too rare for few to show it. */
  readonly rate?: number;
  readonly metrics?: MetricSpec[];
  /** After this long a request is given up: by the Service's annotation where the route obeys it, and by the callers themselves where not. */
  readonly patienceMs?: number;
  readonly app?: AppOptions;
  /** Made before there is a Canary. */
  readonly objects?: (namespace: string) => readonly object[];
  /** Made before the version is asked for. */
  readonly beforeChange?: (namespace: string) => readonly object[];
  /** Made as soon as it has users. */
  readonly underWeight?: (namespace: string) => readonly object[];
}

/** A busy machine is slow, so that no other fault is judged by durations. */
const successRate: MetricSpec = { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" };

/** By whose proxies, and of how many requests. */
const failures =
  /the canary fails more.* \d+ of \d+ requests.*counted by its callers|success rate [\d.]+% < 99%.*by its callers/;
const clientErrors = /answers with 4xx more often.* \d+ of \d+ requests.*counted by its callers/;

const answered =
  (status: string) =>
  ({ byStatus }: Counts): number =>
    byStatus[status] ?? 0;

const failed = ({ failed }: Counts): number => failed;

export const faultyVersions: readonly FaultyVersion[] = [
  {
    what: "hangs for half of its requests",
    slug: "hanging",
    tag: "1.8.0-hanging",
    ends: "taken back",
    says: /\d+ of \d+ requests.* never answered.*by its callers/,
    bad: failed,
    patienceMs: 400,
  },
  {
    what: "drops connections in mid-answer",
    slug: "dropping",
    tag: "1.8.1-dropping",
    ends: "taken back",
    says: failures,
    bad: failed,
  },
  {
    what: "is killed every few seconds",
    slug: "crashing",
    tag: "1.8.2-crashing",
    ends: "taken back",
    says: new RegExp(`${failures.source}|lost every ready pod`),
    bad: failed,
  },
  {
    what: "is refused by a policy that comes with its first weight",
    slug: "refused",
    tag: "1.7.1",
    ends: "taken back",
    says: /policy refuses users' requests to the canary.* \d+ of \d+ requests.* got 403 by Server podinfo-canary/,
    bad: answered("403"),
    underWeight: (namespace) => [server(namespace, "podinfo-canary", "http")],
  },
  {
    what: "would be refused by the default policy",
    slug: "shut-off",
    tag: "1.7.1",
    ends: "not begun",
    says: /would refuse every user of the canary \(403\)/,
    bad: answered("403"),
    app: { annotations: { "config.linkerd.io/default-inbound-policy": "deny" } },
    objects: (namespace) => [openControl(namespace)],
    beforeChange: guardedStable,
  },
  {
    what: "answers 401 to all",
    slug: "unauthorized",
    tag: "1.8.3-unauthorized",
    ends: "waiting",
    says: clientErrors,
    bad: answered("401"),
  },
  {
    what: "answers 404 to one path in ten",
    slug: "not-found",
    tag: "1.8.4-not-found",
    ends: "waiting",
    says: clientErrors,
    bad: answered("404"),
    app: { paths: "/ 9, /api/info 1" },
    rate: 40,
  },
  {
    what: "is slow for 20 %",
    slug: "slow",
    tag: "1.8.5-slow-share",
    ends: "taken back",
    says: /slow more often.* \d+ of \d+ requests.* took longer than 500ms.*by its callers|request duration [\d.]+m?s > 500ms.*by its callers/,
    metrics: [successRate, { name: "request-duration", thresholdRange: { max: 500 }, interval: "30s" }],
    bad: ({ failed, slow }) => failed + slow,
  },
];

export interface Trial {
  readonly prefix: string;
  readonly provider: Provider;
  readonly analysis: Partial<AnalysisSpec>;
  /** Requests per second unless the version wants more. */
  readonly rate: number;
}

export interface Outcome {
  readonly end: End;
  readonly status: CanaryStatus;
  readonly counts: Counts;
  readonly bad: number;
}

/** Sets this version in a namespace of its own, and follows it to where it goes back, waits for a person or is promoted. */
export async function tryOut(version: FaultyVersion, trial: Trial): Promise<Outcome> {
  const namespace = `${trial.prefix}-${version.slug}`;
  try {
    const scenario = await start(namespace, version, trial);
    const load = await scenario.load();
    await load.reset();
    await scenario.setImage(version.tag);
    if (version.underWeight) {
      await scenario.until("the first weight", ({ canaryWeight = 0 }) => canaryWeight > 0);
      await apply(version.underWeight(namespace));
    }
    const status = await scenario.until(`the end of ${version.tag}`, (seen) => endOf(seen) !== undefined, 600_000);
    const counts = await load.counts();
    return { end: endOf(status) ?? "promoted", status, counts, bad: version.bad(counts) };
  } finally {
    await deleteNamespace(namespace);
  }
}

async function start(
  namespace: string,
  version: FaultyVersion,
  { provider, analysis, rate }: Trial,
): Promise<Scenario> {
  const { app, objects, patienceMs, metrics = [successRate] } = version;
  const isByCaller = patienceMs !== undefined && provider === "linkerd";
  const scenario = await Scenario.start(namespace, {
    provider,
    analysis: { ...analysis, metrics },
    rate: version.rate ?? rate,
    // Nobody calls while all of it starts.
    app: { ...app, rate: 0, without: ["frontend"], ...(isByCaller ? { deadlineMs: patienceMs } : {}) },
    ...(objects ? { objects } : {}),
  });
  if (version.beforeChange) await apply(version.beforeChange(namespace));
  if (patienceMs !== undefined && !isByCaller)
    await scenario.kubectl("annotate", "service", "podinfo", `timeout.linkerd.io/request=${patienceMs}ms`);
  return scenario;
}

function endOf({ phase, run, reasonCode }: CanaryStatus): End | undefined {
  if (reasonCode === changeWaits) return "not begun";
  if (phase === "Succeeded") return "promoted";
  if (run?.hold === "client-errors") return "waiting";
  return phase === "Failed" ? "taken back" : undefined;
}

const policy = (kind: string, version: string, metadata: object, spec: object): object => ({
  ...{ apiVersion: `policy.linkerd.io/${version}`, kind, metadata, spec },
});

const server = (namespace: string, app: string, port: string, rest: object = {}): object =>
  policy("Server", "v1beta3", { name: app, namespace }, { podSelector: { matchLabels: { app } }, port, ...rest });

/** The load generator is asked for its counts from outside the mesh. */
const openControl = (namespace: string): object =>
  server(namespace, "load", "control", { accessPolicy: "all-unauthenticated" });

/** Linkerd's documented pattern in a namespace whose default is deny: a Server selects stable's pods by their label. */
function guardedStable(namespace: string): object[] {
  const metadata = { name: "callers", namespace };
  const targetRef = { group: "policy.linkerd.io", kind: "Server", name: "podinfo" };
  const callers = { group: "policy.linkerd.io", kind: "MeshTLSAuthentication", name: "callers" };
  return [
    server(namespace, "podinfo", "http"),
    policy("MeshTLSAuthentication", "v1alpha1", metadata, { identities: [identityOf("default", namespace)] }),
    policy("AuthorizationPolicy", "v1alpha1", metadata, { targetRef, requiredAuthenticationRefs: [callers] }),
  ];
}
