/** The controller's look at a Canary, over a cluster that notes what is written to it. */
import type { Canary } from "../shared/core/objects/canary.ts";
import type { AlertSender } from "../webhook/alerts/alert-sender.ts";
import { EventWriter } from "../webhook/controller/apply/event-writer.ts";
import { type Looked, reconcile, type ReconcileDeps } from "../webhook/controller/reconcile.ts";
import { Refusals } from "../webhook/controller/refusals.ts";
import { PortChanges } from "../webhook/controller/objects/port-changes.ts";
import { UnsavedEvidence } from "../webhook/controller/unsaved.ts";
import { start } from "./builders.ts";
import { givenCanary } from "./given-objects.ts";
import { ManualClock } from "./kube/manual-clock.ts";
import { type Given, RecordingCluster, servedRoutes, silent, worldOf } from "./recording-cluster.ts";

export interface Reconciling {
  cluster: RecordingCluster;
  deps: ReconcileDeps;
  look: (canary?: Canary) => Promise<Looked>;
}

export interface Around {
  given: Given;
  /** For how many times that it is asked this replica is the leader. */
  leads?: number;
  allowGateways?: boolean;
  /** Plurals of what may be read beside the rest. */
  readable?: readonly string[];
}

/** Prometheus is not to be asked. */
export async function aReplica({
  given,
  leads = Infinity,
  allowGateways = false,
  readable = [],
}: Around): Promise<Reconciling> {
  const cluster = new RecordingCluster(given);
  const world = await worldOf(cluster, undefined, readable);
  const now = (): number => start;
  let asked = 0;
  const unasked = { ask: silence, look: silence, staleCallers: silence };
  const deps: ReconcileDeps = {
    ...{
      cluster,
      world,
      now,
      log: silent,
      routes: servedRoutes,
      provider: "linkerd",
      templateNamespaces: [],
      excludedNamespaces: [],
      allowGateways,
      hookAddresses: [],
      metricServers: { own: "http://prometheus.test:9090", allowed: [] },
      alertBounds: { providerNamespaces: [], allowedAddresses: [] },
    },
    ...{ metricsServer: "http://prometheus:9090", scrapeIntervalMs: 10_000, evidence: unasked },
    eventWriter: new EventWriter({ cluster, instance: "pod-1", now, log: silent, tell: () => undefined }),
    alerts: noAlerts(),
    unsaved: new UnsavedEvidence(),
    portChanges: new PortChanges(),
    refusals: new Refusals(() => 0, new ManualClock()),
    hooks: { answers: () => ({}), ask: () => undefined, tell: () => undefined },
    isLeader: () => ++asked <= leads,
    decided: () => undefined,
  };
  return { cluster, deps, look: (canary = givenCanary()) => reconcile(deps, canary) };
}

// --- internal ---

/** Nobody is to be told. */
function noAlerts(): AlertSender {
  const nothing = (): void => undefined;
  const none = (): [] => [];
  return { deliveries: none, trouble: none, saved: nothing, submit: nothing, forget: nothing, clear: nothing };
}

const silence = (): Promise<never> => Promise.reject(new Error("Prometheus was not to be asked"));
