/** Wires the loop: caches wake keys, the queue works on them one at a time each, and only the leader works. */
import type { AlertProvider } from "../../shared/core/objects/alerts/alert-provider.ts";
import { leaseAnnotation, leaseName } from "../../shared/core/objects/names.ts";
import type { Clock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { lookFailed, watchFailed } from "./failures.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import { createAlerting, type Alerting, type AlertSettings } from "../alerts/alerting.ts";
import { createCredentials } from "../evidence/custom/credentials.ts";
import { addressesOfApiServers, connectTo } from "../evidence/custom/strangers.ts";
import { createEvidence } from "../evidence/evidence.ts";
import { HookCalls } from "../hooks/hook-calls.ts";
import type { Recorder } from "../telemetry/recorder.ts";
import { Election } from "../runtime/election.ts";
import { oneATurn } from "../runtime/one-a-turn.ts";
import { WorkQueue, type Looked } from "../runtime/queue.ts";
import { createConfigReads, type ConfigReads } from "./observe/configs.ts";
import { podsOlderThanRoute, whyNotObeyed } from "./observe/stale-callers.ts";
import { cleanUp, type CleanupDeps, type RouteGone } from "./apply/cleanup.ts";
import { EventWriter } from "./apply/event-writer.ts";
import { createNotGivenBack } from "./apply/not-given-back.ts";
import { Refusals } from "./refusals.ts";
import { UnsavedEvidence } from "./unsaved.ts";
import { reconcile, type ReconcileDeps } from "./reconcile.ts";
import { optional } from "../../shared/core/format/compact.ts";
import { type Logger } from "../../shared/log.ts";
import { createControllerMetrics, type ControllerMetrics } from "./metrics.ts";
import { PortChanges } from "./objects/port-changes.ts";
import { discoverRoutes, type ServedRoutes } from "./objects/route-choice.ts";
import { selectingKinds } from "./cache/selecting.ts";
import { discoverPolicies, readableKinds } from "./objects/served-policies.ts";
import { namespacesOf, outlived } from "./surroundings.ts";
import { createCaches, everyKey, isOver, type Caches } from "./cache/caches.ts";

export interface ControllerConfig {
  /** Where the Lease is. */
  namespace: string;
  /** This pod's name. */
  identity: string;
  /** `auto`, `linkerd`, `gatewayapi:v1` ... */
  provider: string;
  /** Prometheus for Canaries without one of their own. */
  metricsServer: string;
  /** How often that Prometheus looks at the pods. */
  scrapeIntervalMs: number;
  /** Which other servers a MetricTemplate or a Canary may name. */
  allowedAddresses: readonly string[];
  /** Which hosts a Canary's webhooks may name beside Services of its namespace. */
  hookAddresses: readonly string[];
  /** Namespaces whose MetricTemplates every Canary may name. */
  templateNamespaces: readonly string[];
  /** The only namespaces that are looked after; empty: all. */
  watchNamespaces: readonly string[];
  /** Namespaces where the webhook is not asked. */
  excludedNamespaces: readonly string[];
  /** A route of ours may have other parents than Services of the Canary's namespace. */
  allowGateways: boolean;
  /** Where ConfigMaps and Secrets are read, for Canaries that track them; default nowhere. */
  configNamespaces?: readonly string[];
  /** How often; default 15 s. */
  configIntervalMs?: number;
  /** In `namespace`: what keeps the key of their hashes. */
  hashKeySecret?: string;
  /** NetworkPolicies, budgets and monitors are read where we may; default true. */
  readPolicies?: boolean;
  alerts: AlertSettings;
  /** IP address of the API server's Service, where it is known. */
  apiServer?: string;
  leaseDurationMs: number;
  renewDeadlineMs: number;
  retryPeriodMs: number;
}

export interface ControllerDeps {
  cluster: Cluster;
  clock: Clock;
  config: ControllerConfig;
  log: Logger;
  recorder: Recorder;
  /** In [0, 1); spreads retries. */
  random: () => number;
  /** What everyone may read on the Lease. */
  notes?: () => Record<string, string>;
}

export interface Controller {
  /** The caches hold the cluster: decisions may be taken. */
  ready(): boolean;
  /** It holds the Lease. */
  leads(): boolean;
  world: Caches;
  /** Until `ending`, or until this loop knows something as missing that is there: then another is needed. Resolves with what. */
  outlived(ending: AbortSignal): Promise<string>;
  /** How many Canaries wait to be looked at. */
  waiting(): number;
  /** Finishes what is under way and gives the lead to the next in line. */
  stop(): Promise<void>;
}

type LoopParts = ControllerDeps & {
  hooks: HookCalls;
  alerting: Alerting;
  world: Caches;
  reports: ControllerMetrics;
  routes: ServedRoutes;
  apiServers: readonly string[];
  isLeader(): boolean;
};

/** A look mostly waits, for Prometheus up to 5 s: a few MetricTemplates whose address hangs must not hold up everybody else's canary. */
const looksAtOnce = 32;
/** Of one namespace: a tenant whose Canaries all wait for a server that hangs leaves the others half of the workers. */
const looksOfNamespace = 16;

export async function startController(deps: ControllerDeps): Promise<Controller> {
  const { cluster, clock, log, random } = deps;
  const namespaces = await namespacesOf(deps);
  const [routes, policies, readable, apiServers] = await Promise.all([
    discoverRoutes(cluster),
    discoverPolicies(cluster, namespaces.watched),
    readableKinds(cluster, optionalKinds(deps.config), namespaces.watched),
    addressesOfApiServers(deps, deps.config.apiServer),
  ]);
  const wake = (keys: readonly string[]): void => keys.forEach((key) => queue.add(key));
  const onUnreadable = (resource: string, error: Error): void => {
    deps.recorder.unreadable(resource);
    log.warn({ resource, reason: error.message }, "an object is left out");
  };
  const told = { wake, onError: watchFailed(log), onUnreadable };
  const { watched, templates: templateNamespaces, providers: providerNamespaces } = namespaces;
  const where = { namespaces: watched, templateNamespaces, providerNamespaces };
  const world = createCaches({ cluster, clock, random, routes, policies, readable, ...where, ...told });
  const election = createElection(deps, {
    started: () => wake(everyKey(world)),
    stopped: async () => {
      alerting.clear();
      await queue.drain();
      hooks.clear();
      // What it said last of a Canary would stand beside what its successor says, and be taken for true.
      for (const key of everyKey(world)) reports.gone(key);
    },
  });
  const reports = createControllerMetrics(deps.recorder);
  const { hookAddresses } = deps.config;
  const hooks = new HookCalls({ ...deps, clock, hookAddresses, apiServers, wake: (key) => queue.add(key) });
  const alerting = alertingOf(deps, { apiServers, world, wake: (key) => wake([key]) });
  const parts = { ...deps, world, hooks, routes, apiServers, reports, alerting };
  const queue = createQueue({ ...parts, isLeader: () => election.isLeader() });
  void world.start().then(() => {
    log.info({ canaries: world.canaries.list().length, provider: deps.config.provider }, "caches are filled");
    election.start();
  });
  return {
    world,
    ready: () => world.hasSynced(),
    leads: () => election.isLeader(),
    outlived: (ending) => outlived({ cluster, clock }, { routes, policies, namespaces }, ending),
    waiting: () => queue.size.waiting,
    stop: async () => {
      await election.stop();
      await queue.stop();
      await world.stop();
    },
  };
}

// --- internal ---

/** What may be kept from us without keeping us from work. */
const optionalKinds = ({ readPolicies }: ControllerConfig): Resource[] => [
  resource.horizontalPodAutoscalers,
  ...(readPolicies === false ? [] : Object.values(selectingKinds)),
];

function alertingOf(
  deps: ControllerDeps,
  loop: Pick<LoopParts, "apiServers" | "world"> & { wake(key: string): void },
): Alerting {
  const { alerts: settings, namespace } = deps.config;
  const provider = (of: string, name: string): AlertProvider | undefined => loop.world.alertProviders.get(of, name);
  return createAlerting({ ...deps, ...loop, settings, namespace, provider });
}

function createElection(
  { cluster, clock, config, log, random, notes }: ControllerDeps,
  on: { started(): void; stopped(): Promise<void> },
): Election {
  const { namespace, identity, leaseDurationMs, renewDeadlineMs, retryPeriodMs, watchNamespaces } = config;
  return new Election(
    {
      cluster,
      clock,
      random,
      // An empty one too: it takes back what another setting has left there.
      notes: () => ({ ...notes?.(), [leaseAnnotation.watchNamespaces]: watchNamespaces.join(",") }),
      onStartedLeading: () => {
        log.info({ identity }, "leading");
        on.started();
      },
      onStoppedLeading: async (reason) => {
        log.info({ identity, reason }, "no longer leading");
        await on.stopped();
      },
      onError: (error) => log.warn({ err: error }, "the Lease could not be read or renewed"),
    },
    { namespace, name: leaseName, identity, leaseDurationMs, renewDeadlineMs, retryPeriodMs },
  );
}

function createQueue(parts: LoopParts): WorkQueue {
  const { cluster, clock, world, log } = parts;
  const now = (): number => clock.wall();
  const { provider, metricsServer, scrapeIntervalMs, identity: instance } = parts.config;
  const evidence = createEvidence({
    prometheus: (server, maxBytes) => connectTo(server, { ...parts.config, timers: clock }, { ...parts, maxBytes }),
    metricTemplate: ({ namespace, name }) => Promise.resolve(world.templates.get(namespace, name)),
    podsOlderThanRoute: (callers, request) => podsOlderThanRoute({ cluster, world, metricsServer }, callers, request),
    whyNotObeyed: (callers, request) => whyNotObeyed({ cluster, world, now, metricsServer }, callers, request),
    credentials: createCredentials({ cluster, now }),
    allowedAddresses: parts.config.allowedAddresses,
    templateNamespaces: parts.config.templateNamespaces,
    ownAddress: metricsServer,
    scrapeIntervalMs,
    now,
    timers: clock,
    log,
  });
  const { templateNamespaces, excludedNamespaces, allowGateways, hookAddresses } = parts.config;
  const configs = createConfigReads({ ...parts, ...parts.config, now }, (key) => queue.add(key));
  const deps: LookDeps = {
    ...parts,
    provider,
    metricsServer,
    scrapeIntervalMs,
    templateNamespaces,
    excludedNamespaces,
    allowGateways,
    hookAddresses,
    metricServers: { own: metricsServer, allowed: parts.config.allowedAddresses },
    configNamespaces: parts.config.configNamespaces ?? [],
    ...optional("configs", configs),
    alertBounds: parts.config.alerts,
    notGivenBack: createNotGivenBack({ cluster, instance, now, log }),
    eventWriter: new EventWriter({ cluster, instance, now, log, ...parts.alerting.eventWebhook }),
    alerts: parts.alerting.alerts,
    unsaved: new UnsavedEvidence(),
    portChanges: new PortChanges(),
    refusals: new Refusals(parts.random, clock),
    evidence,
    now,
    ...parts.reports,
  };
  const gone: RouteGone = new Map();
  const work = (key: string): Promise<Looked> => look(deps, gone, key);
  const queueDeps = { clock, random: parts.random, work: oneATurn(clock, work), onError: lookFailed(log) };
  const groupOf = (key: string): string => key.slice(0, key.indexOf("/"));
  const queue = new WorkQueue(queueDeps, { concurrency: looksAtOnce, share: { groupOf, most: looksOfNamespace } });
  return queue;
}

type LookDeps = Omit<ReconcileDeps, "configs"> & { configs?: ConfigReads } & CleanupDeps &
  ControllerMetrics &
  Pick<LoopParts, "recorder" | "hooks">;

async function look(deps: LookDeps, gone: RouteGone, key: string): Promise<Looked> {
  const [namespace = "", name = ""] = key.split("/");
  if (!deps.isLeader() || !deps.world.hasSynced()) return {};
  const canary = deps.world.canaries.get(namespace, name);
  if (!canary || isOver(canary)) {
    deps.gone(key);
    const { eventWriter, alerts, unsaved, portChanges, hooks } = deps;
    [eventWriter, alerts, unsaved, portChanges, hooks].forEach((one) => one.forget(key));
    deps.refusals.done(key);
    deps.configs?.forget(key);
    const cleaned = await cleanUp(deps, { namespace, name }, gone);
    return cleaned.requeueAfterMs === undefined ? { isGone: canary === undefined } : cleaned;
  }
  const startedAt = deps.now();
  const result = await reconcile(deps, canary);
  const seconds = Math.max(0, (deps.now() - startedAt) / 1000);
  if (result.isCheck) deps.recorder.checked({ name: canary.spec.targetRef.name, namespace }, seconds);
  return result;
}
