/**
 * Watches one Canary from outside and holds every change against the invariants of the design, I1 to I4 and I7 to I9; I5 and I6
 * are that these hold whatever dies, freezes or doubles meanwhile. It looks at objects only: what the controller believes is
 * not asked.
 */
import type { CoreV1Event, V1Deployment, V1EndpointSlice, V1Pod, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type {
  HistoryEntry,
  CanaryStatus,
  RunStatus,
  Stage,
  SaidStatus,
} from "../../shared/core/objects/canary-status.ts";
import { podsFor } from "../../shared/core/turn/capacity.ts";
import { label } from "../../shared/core/objects/names.ts";
import { httpRoute, trafficSplit, type RouteObject } from "../../shared/core/routes/routes.ts";
import { hashTemplate } from "../../shared/template-hash.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { metaOf } from "../../webhook/controller/objects/from-objects.ts";
import { unmet, waitFor, type Unmet } from "../cluster/wait.ts";
import { Timeline, type Moment } from "./timeline.ts";

export interface AuditorOptions {
  namespace: string;
  provider: "linkerd" | "gatewayapi:v1";
  /** How old what a controller knows of endpoints may be when it sets a weight: as long as its watches may be dead. */
  staleMs?: number;
  /** How long a weight may stay on a canary without a ready pod. */
  desertedMs?: number;
  /** Whether Prometheus could not be asked at this time, and has not been able to for long enough for it to be known. */
  isOutage?: (at: number) => boolean;
}

const name = "podinfo";
const restarting: readonly (Stage | undefined)[] = ["promoting", "returning", "restoring"];

export class Auditor {
  readonly violations: string[] = [];
  /** How often each invariant was looked at: one that never was proves nothing. */
  readonly counts = { I1: 0, I2: 0, I3: 0, I4: 0, I7: 0, I8: 0, I9: 0 };
  /** Every run that came to an end, in order. */
  readonly ended: HistoryEntry[] = [];
  private readonly cluster: Cluster;
  private readonly options: Required<AuditorOptions>;
  private readonly key: string;
  private readonly pending: (() => void)[] = [];
  /** What was said while a run went on, and as it ended, by the run. */
  private readonly said = new Map<string, SaidStatus[]>();
  private readonly deserts = new Set<ReturnType<typeof setTimeout>>();
  private readonly canaries: Timeline<Canary>;
  private readonly deployments: Timeline<V1Deployment>;
  private readonly slices: Timeline<V1EndpointSlice>;
  private readonly routes: Timeline<RouteObject>;
  private readonly pods: Timeline<V1Pod>;
  private readonly services: Timeline<V1Service>;

  private constructor(cluster: Cluster, options: AuditorOptions) {
    this.cluster = cluster;
    this.options = { staleMs: 5_000, desertedMs: 5_000, isOutage: () => false, ...options };
    const { namespace, provider } = options;
    this.key = `${namespace}/${name}`;
    const within = { namespace };
    const route = provider === "linkerd" ? resource.trafficSplits : resource.httpRoutes;
    // What another kind was at that moment may not have been told yet.
    const later = <T>(check: (moment: Moment<T>) => void) => {
      return (moment: Moment<T>): void => void this.pending.push(() => check(moment));
    };
    this.canaries = new Timeline(
      cluster,
      resource.canaries,
      within,
      later((moment) => this.onCanary(moment)),
    );
    this.deployments = new Timeline(
      cluster,
      resource.deployments,
      within,
      later((moment) => this.onDeployment(moment)),
    );
    this.slices = new Timeline(cluster, resource.endpointSlices, within, () => this.onEndpoints());
    this.routes = new Timeline(
      cluster,
      route,
      within,
      later((moment) => this.onRoute(moment)),
    );
    this.pods = new Timeline(
      cluster,
      resource.pods,
      within,
      later((moment) => this.onPod(moment)),
    );
    this.services = new Timeline(cluster, resource.services, within, () => undefined);
  }

  static async start(cluster: Cluster, options: AuditorOptions): Promise<Auditor> {
    const auditor = new Auditor(cluster, options);
    await Promise.all(auditor.timelines().map((timeline) => timeline.start()));
    return auditor;
  }

  /** Looks at what has come in; to be called now and then, and a while after it came. */
  check(): void {
    for (const look of this.pending.splice(0)) look();
  }

  /** The last look; whether every end has been told of by an Event too. */
  async stop(): Promise<void> {
    await this.checkEvents();
    await Promise.all(this.timelines().map((timeline) => timeline.stop()));
    for (const timer of this.deserts) clearTimeout(timer);
    this.check();
  }

  private timelines(): { start(): Promise<void>; stop(): Promise<void> }[] {
    return [this.canaries, this.deployments, this.slices, this.routes, this.pods, this.services];
  }

  private hold(invariant: keyof Auditor["counts"], isKept: boolean, words: string): void {
    this.counts[invariant] += 1;
    if (!isKept) this.violations.push(`${invariant} in ${this.options.namespace}: ${words}`);
  }

  private onRoute({ old, now, version }: Moment<RouteObject>): void {
    const [total, weight] = [sumOf(now), this.weightOf(now)];
    this.hold("I1", total === 100, `the weights sum to ${total}`);
    if (weight <= (old ? this.weightOf(old) : 0)) return;
    const replicas = this.deployments.when(this.key, version)?.spec?.replicas ?? 0;
    const ready = this.readyLately(version);
    const needed = podsFor(weight, replicas);
    this.hold("I1", ready >= needed, `weight ${weight} was set on ${ready} ready canary pods, it needs ${needed}`);
    this.hold("I2", ready > 0, `weight ${weight} was set without a ready canary pod`);
    this.hold("I7", !this.isForeign(version), `weight ${weight} was set while ${name}-primary was not ours`);
  }

  private onCanary({ old, now }: Moment<Canary>): void {
    const [before, status] = [standing(old), standing(now)];
    if (status.canaryWeight > before.canaryWeight && status.phase !== "Promoting") {
      const isKept = !this.options.isOutage(Date.parse(status.lastTransitionTime));
      this.hold("I8", isKept, `weight ${status.canaryWeight} was decided while Prometheus was away`);
    }
    const run = before.run?.id ?? status.run?.id;
    if (run) this.said.set(run, [...(this.said.get(run) ?? []), ...newlySaid(before, status)]);
    const known = new Set(this.ended.map(({ run }) => run));
    for (const entry of status.history.toReversed()) if (!known.has(entry.run)) this.onEnd(entry, before.run);
  }

  private onEnd(entry: HistoryEntry, before: RunStatus | undefined): void {
    this.ended.push(entry);
    this.hold("I9", entry.cause !== "", `run ${entry.run} ended as ${entry.outcome} without a cause`);
    const last = before?.id ?? entry.run;
    this.hold("I9", last === entry.run, `run ${entry.run} is in the history, but ${last} was the last that ran`);
  }

  private onDeployment({ old, now, version }: Moment<V1Deployment>): void {
    const hash = hashTemplate(now.spec?.template);
    if (metaOf(now).name !== name || isPaused(now) || (old && isSameRollout(old, now))) return;
    const { stable, run } = standing(this.canaries.when(this.key, version));
    if (!stable || stable.hash === hash) return;
    const isMeant = isPromoted(hash, run);
    this.hold("I3", isMeant, `the target went to ${hash} while ${JSON.stringify(run)} was the run`);
  }

  private onPod({ old, now, version }: Moment<V1Pod>): void {
    if (metaOf(now).labels["app"] !== name || !isGoing(now) || (old && isGoing(old))) return;
    const canary = this.canaries.when(this.key, version);
    const { run, phase } = standing(canary);
    const isMeant = !canary || (run !== undefined && restarting.includes(run.stage));
    this.hold("I4", isMeant, `pod ${metaOf(now).name} was stopped while ${phase} (${JSON.stringify(run)})`);
  }

  /** A canary that has lost its last pod keeps no weight, or gets a pod again. */
  private onEndpoints(): void {
    if (!this.isDeserted()) return;
    const timer = setTimeout(() => {
      this.deserts.delete(timer);
      this.hold(
        "I2",
        !this.isDeserted(),
        `no canary pod was ready for ${this.options.desertedMs} ms, and it kept its weight`,
      );
    }, this.options.desertedMs);
    this.deserts.add(timer);
  }

  private isDeserted(): boolean {
    const last = 1n << 62n;
    const route = this.routes.when(this.key, last);
    return route !== undefined && this.weightOf(route) > 0 && this.readyAt(last) === 0;
  }

  /** Every end was told of, once; an Event is written a moment after the status that holds its words, and has its name from it. */
  private async checkEvents(): Promise<void> {
    this.check();
    for (const { run, outcome } of this.ended) {
      const told = (this.said.get(run) ?? []).filter(({ message }) => ends[outcome].test(message));
      const isTold = outcome === "superseded" ? told.length > 0 : told.length === 1;
      this.hold("I9", isTold, `the end of run ${run} (${outcome}) was told ${told.length} times`);
      const unheard = await this.unheard(told.map(({ at }) => `${name}.${Date.parse(at).toString(16)}`));
      this.hold("I9", unheard.length === 0, `the end of run ${run} (${outcome}) has no Event ${unheard.join(", ")}`);
    }
  }

  /** Which of these Events are still not there after a while. */
  private async unheard(names: readonly string[]): Promise<string[]> {
    const { namespace } = this.options;
    const selection = { namespace, fieldSelector: `involvedObject.kind=Canary,involvedObject.name=${name}` };
    let missing = [...names];
    const look = async (): Promise<true | Unmet> => {
      const { items } = await this.cluster.list<CoreV1Event>(resource.coreEvents, selection);
      missing = names.filter((one) => !items.some(({ metadata }) => metadata.name === one));
      return missing.length === 0 || unmet(missing.join(", "));
    };
    await waitFor(look, 60_000, "the Events of a run's end").catch(() => undefined);
    return missing;
  }

  private weightOf(route: RouteObject): number {
    const router = this.options.provider === "linkerd" ? trafficSplit : httpRoute;
    return router.read(route, name)?.weight ?? -1;
  }

  private readyAt(version: bigint): number {
    return this.sliceKeys().reduce((sum, key) => sum + readyIn(this.slices.when(key, version)), 0);
  }

  /** The most that were ready at any time that the controller may still have believed in. */
  private readyLately(version: bigint): number {
    const most = (key: string): number =>
      Math.max(0, ...this.slices.lately(key, version, this.options.staleMs).map(readyIn));
    return this.sliceKeys().reduce((sum, key) => sum + most(key), 0);
  }

  private sliceKeys(): string[] {
    return this.slices.keys().filter((key) => key.startsWith(`${this.key}-canary-`));
  }

  private isForeign(version: bigint): boolean {
    const lately = this.services.lately(`${this.key}-primary`, version, this.options.staleMs);
    return lately.length > 0 && lately.every(({ metadata }) => metadata?.labels?.[label.canary] !== name);
  }
}

// --- internal ---

type Standing = Required<Pick<CanaryStatus, "phase" | "canaryWeight" | "lastTransitionTime" | "history" | "said">> &
  Pick<CanaryStatus, "run" | "stable">;

function standing(canary: Canary | undefined): Standing {
  return { phase: "", canaryWeight: 0, lastTransitionTime: "", history: [], said: [], ...canary?.status };
}

function newlySaid(before: Standing, now: Standing): SaidStatus[] {
  const known = new Set(before.said.map(({ at }) => at));
  return now.said.filter(({ at }) => !known.has(at));
}

const isPromoted = (hash: string, run: RunStatus | undefined): boolean =>
  run?.intent === hash && restarting.includes(run.stage) && !run.ending;
const isSameRollout = (a: V1Deployment, b: V1Deployment): boolean =>
  isPaused(a) === isPaused(b) && hashTemplate(a.spec?.template) === hashTemplate(b.spec?.template);
const isPaused = ({ spec }: V1Deployment): boolean => spec?.paused === true;
const isGoing = ({ metadata }: V1Pod): boolean => metadata?.deletionTimestamp !== undefined;

interface Backend {
  weight?: number | string;
}

function sumOf({ spec }: RouteObject): number {
  const rules = (spec["rules"] as { backendRefs?: Backend[] }[] | undefined) ?? [];
  const backends = (spec["backends"] as Backend[] | undefined) ?? rules.flatMap(({ backendRefs = [] }) => backendRefs);
  return backends.reduce((sum, { weight = 1 }) => sum + Number(weight), 0);
}

function readyIn(slice: V1EndpointSlice | undefined): number {
  return (slice?.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
}

const ends: Record<HistoryEntry["outcome"], RegExp> = {
  promoted: /^Promotion completed!/,
  rejected: /^Canary failed!/,
  reverted: /was reverted by/,
  superseded: /Restarting analysis|was superseded/,
  aborted: /ended: /,
};
