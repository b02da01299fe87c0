/**
 * One Canary in a bad place: answers that are lost, conflicts out of nowhere, connections that are cut, dead or refused, a
 * Prometheus that is away, other writers on every object, a Service that is not ours for a while, controllers that die; and users
 * who go on all the while.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Verb } from "../../shared/core/objects/command.ts";
import { label } from "../../shared/core/objects/names.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import type { Controller as RunningController } from "../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Proxy } from "../kube/proxy.ts";
import { answer, hang, openDoor, type Door } from "../metrics/door.ts";
import type { Arena } from "./arena.ts";
import { Auditor } from "./auditor.ts";
import { noRequests } from "./no-requests.ts";
import { Stage, versions } from "./plays.ts";
import type { Call, Gate } from "./through.ts";

const name = "podinfo";
/** How long after Prometheus went away its last answer may still count, and how long before it is back it may be asked. */
const outageMargins = { after: 2_000, before: 7_000 };

export const newCounts = (): Record<string, number> => ({});
type Counts = ReturnType<typeof newCounts>;

/** Loses answers, and makes conflicts and timeouts of calls that were never sent. */
class Faulty implements Gate {
  private readonly end = new AbortController();
  private readonly counts: Counts;

  constructor(counts: Counts) {
    this.counts = counts;
  }

  get closed(): AbortSignal {
    return this.end.signal;
  }

  async pass<T>(_call: Call, send: () => Promise<T>): Promise<T> {
    const dice = Math.random();
    if (dice < 0.04) throw this.fault("Conflict", "conflicts");
    if (dice < 0.06) throw this.fault("Timeout", "requests lost");
    const result = await send();
    if (dice < 0.1) throw this.fault("Timeout", "answers lost");
    return result;
  }

  close(): void {
    this.end.abort();
  }

  private fault(code: "Conflict" | "Timeout", kind: string): CanaryError {
    add(this.counts, kind);
    return new CanaryError(code, `A fault of this test: ${kind}.`);
  }
}

/** How soon it is noticed that all is over. */
const lookAgainMs = 100;

export class BadPlace {
  readonly counts = newCounts();
  readonly stage: Stage;
  readonly auditor: Auditor;
  private readonly arena: Arena;
  private readonly leaders: number;
  private readonly proxy: Proxy;
  private readonly prometheus: Door;
  private readonly running: { gate: Faulty; loop: RunningController; lease: number }[] = [];
  private isOver = false;

  private constructor(
    arena: Arena,
    parts: { stage: Stage; auditor: Auditor; proxy: Proxy; prometheus: Door; leaders: number },
  ) {
    this.arena = arena;
    ({ stage: this.stage, auditor: this.auditor, proxy: this.proxy, prometheus: this.prometheus } = parts);
    this.leaders = parts.leaders;
  }

  /** How many controllers all believe that they lead. */
  static async start(arena: Arena, namespace: string, leaders: number): Promise<BadPlace> {
    const stage = new Stage(arena.cluster, arena.node, namespace);
    await stage.set();
    const [proxy, prometheus] = await Promise.all([Proxy.start(arena.port), openDoor("")]);
    prometheus.behave(noRequests(arena.node));
    const outages: [number, number][] = [];
    const isOutage = (at: number): boolean => outages.some(([from, to]) => at > from && at < to);
    const options = { namespace, provider: "linkerd", staleMs: 20_000, desertedMs: 30_000, isOutage } as const;
    const auditor = await Auditor.start(arena.cluster, options);
    const place = new BadPlace(arena, { stage, auditor, proxy, prometheus, leaders });
    place.noteOutage = (from, to) => void outages.push([from + outageMargins.after, to - outageMargins.before]);
    for (let lease = 0; lease < leaders; lease++) await stage.addNamespace(`${namespace}-${lease}`);
    await Promise.all(Array.from({ length: leaders }, (_, lease) => place.control(lease)));
    await stage.until("initialization", ({ phase }) => phase === "Initialized");
    return place;
  }

  /** All of it for `ms`; then everything works again. */
  async endure(forMs: number): Promise<void> {
    const parts = [
      this.disturb(),
      this.loseSight(),
      this.meddle(),
      this.estrange(),
      this.kill(),
      this.use(),
      this.look(),
    ];
    await delay(forMs);
    this.isOver = true;
    await Promise.all(parts);
    this.proxy.forward();
    this.prometheus.behave(noRequests(this.arena.node));
  }

  /** Still at work: whatever was last is settled, and one more version is promoted. */
  async settle(): Promise<void> {
    const { stage } = this;
    await stage.until("rest, or a run that waits for a person", ({ run, phase }) => !run || phase === "Progressing");
    const { stable } = await stage.status();
    const next = versions.find((tag) => !stable?.images["podinfod"]?.endsWith(tag)) ?? "1.7.4";
    // The very last change may be the one that was rejected: another annotation makes it another version.
    // A promotion that was asked for a moment ago refuses it for a while, and says so.
    await waitFor(() => stage.change(next, "last"), 60_000, "the last change to be taken", 1_000);
    await stage.running(next);
    await waitFor(
      async () => {
        await stage.command("promote");
        const { lastCommand, phase } = await stage.status();
        return lastCommand?.accepted || phase === "Succeeded" ? true : unmet(lastCommand?.message ?? "");
      },
      60_000,
      "the last promotion to be accepted",
      1_000,
    );
    await stage.until("the last promotion", ({ phase }) => phase === "Succeeded");
  }

  async end(): Promise<void> {
    await Promise.all(this.running.map(({ loop }) => loop.stop()));
    await this.auditor.stop();
    await Promise.all([this.proxy.stop(), this.prometheus.close(), this.stage.end()]);
  }

  private noteOutage: (from: number, to: number) => void = () => undefined;

  private async control(lease: number): Promise<void> {
    const { namespace } = this.stage;
    const gate = new Faulty(this.counts);
    const loop = await this.arena.startController({
      namespace,
      gate,
      leaseNamespace: `${namespace}-${lease}`,
      identity: `leader-${lease}`,
      port: this.proxy.port,
      metricsServer: this.prometheus.url,
    });
    this.running.push({ gate, loop, lease });
  }

  private async repeat(fromMs: number, toMs: number, act: () => Promise<void>): Promise<void> {
    while (!this.isOver) {
      await this.wait(fromMs + Math.random() * (toMs - fromMs));
      if (!this.isOver) await act();
    }
  }

  /** Ends early when all is over. */
  private async wait(ms: number): Promise<void> {
    for (const end = performance.now() + ms; !this.isOver && performance.now() < end;) await delay(lookAgainMs);
  }

  private disturb(): Promise<void> {
    return this.repeat(2_000, 8_000, async () => {
      const dice = Math.random();
      add(
        this.counts,
        dice < 0.5 ? "watches and connections cut" : dice < 0.75 ? "connections dead" : "connections refused",
      );
      if (dice < 0.5) return this.proxy.cut();
      if (dice < 0.75) this.proxy.swallow();
      else this.proxy.refuse();
      await this.wait(Math.random() * 4_000);
      this.proxy.cut();
      this.proxy.forward();
    });
  }

  private loseSight(): Promise<void> {
    return this.repeat(5_000, 20_000, async () => {
      add(this.counts, "Prometheus away");
      const from = Date.now();
      this.prometheus.behave(Math.random() < 0.5 ? answer(503, "") : hang);
      await this.wait(10_000 + Math.random() * 6_000);
      this.noteOutage(from, Date.now());
      this.prometheus.behave(noRequests(this.arena.node));
    });
  }

  private meddle(): Promise<void> {
    const objects: [Resource, string][] = [
      [resource.deployments, name],
      [resource.deployments, `${name}-canary`],
      [resource.canaries, name],
      [resource.trafficSplits, name],
    ];
    return this.repeat(100, 600, async () => {
      for (const [of, object] of objects) await this.annotate(of, object);
      add(this.counts, "rounds of other writers");
    });
  }

  private async annotate(of: Resource, object: string): Promise<void> {
    const body = { metadata: { annotations: { "example.org/round": String(performance.now()) } } };
    await this.try(
      this.arena.cluster.patch(of, { name: object, namespace: this.stage.namespace }, { type: "merge", body }),
    );
  }

  private estrange(): Promise<void> {
    const at = { name: `${name}-primary`, namespace: this.stage.namespace };
    const relabel = (value: string | null): Promise<unknown> => {
      const body = { metadata: { labels: { [label.canary]: value } } };
      return this.try(this.arena.cluster.patch(resource.services, at, { type: "merge", body }));
    };
    return this.repeat(20_000, 60_000, async () => {
      add(this.counts, "a Service not ours");
      await relabel(null);
      await this.wait(25_000);
      await relabel(name);
    });
  }

  private kill(): Promise<void> {
    return this.repeat(10_000, 30_000, async () => {
      const victim = this.running.shift();
      if (!victim) return;
      add(this.counts, "controllers killed");
      victim.gate.close();
      await victim.loop.stop();
      // As the controller itself does: it tries until the API server answers.
      await waitFor(() => this.control(victim.lease), 300_000, "a controller to start");
    });
  }

  private use(): Promise<void> {
    const verbs: Verb[] = ["promote", "promote", "promote", "rollback", "retry", "pause", "resume"];
    return this.repeat(300, 3_000, async () => {
      add(this.counts, "changes and commands");
      if (Math.random() < 0.5) await this.try(this.stage.change(anyOf(versions)));
      else await this.try(this.stage.ask(anyOf(verbs)));
    });
  }

  private async look(): Promise<void> {
    await this.repeat(1_000, 1_000, () => Promise.resolve(this.auditor.check()));
  }

  /** What users and others do may be refused, or meet what is not there (yet). */
  private async try(work: Promise<unknown>): Promise<void> {
    await work.catch((error: unknown) => {
      if (!(error instanceof CanaryError)) throw error;
      add(this.counts, `refused to users: ${error.code}`);
    });
  }
}

// --- internal ---

function add(counts: Counts, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1;
}

function anyOf<T>(all: readonly T[]): T {
  return all[Math.floor(Math.random() * all.length)]!;
}
