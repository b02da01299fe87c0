/**
 * Webhooks are asked outside of the loop: a look starts what is to be asked and goes on, and an answer has its Canary looked at again.
 * Answers are kept in memory alone. Whoever takes the lead asks again what has none, and a gate that let a run through is in the status.
 */
import type { Question } from "../../shared/core/action.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { SaidStatus } from "../../shared/core/objects/canary-status.ts";
import type { HookAnswer } from "../../shared/core/observation.ts";
import type { Hook } from "../../shared/core/spec/hooks.ts";
import { backoffMs } from "../../shared/kube/backoff.ts";
import { pause, type Clock } from "../../shared/kube/clock.ts";
import { messageOf } from "../../shared/kube/errors.ts";
import { keyOf } from "../../shared/kube/store.ts";
import type { Logger } from "../../shared/log.ts";
import { FairShare } from "../runtime/fair-share.ts";
import { askHook, type HookAddresses, type HookResult } from "./ask-hook.ts";
import { eventPayload, questionPayload, type Told } from "./payload.ts";

export interface HookCallsDeps extends HookAddresses {
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Pick<Logger, "info" | "warn">;
  /** Has a Canary looked at. */
  wake(key: string): void;
}

interface Call {
  askedAt: number;
  run: string;
  answer?: HookAnswer;
}

interface Calls {
  uid: string | undefined;
  /** By the webhook's key. */
  byHook: Map<string, Call>;
  /** Events that wait to be told. */
  waiting: number;
  over: AbortController;
}

const mostPerCanary = 4;
const mostPerNamespace = 16;
/** A test may keep its place for long: who comes after it in the same namespace waits. */
const patienceMs = 60_000;
/** Events of one Canary; what comes while so many wait is left out. */
const mostEvents = 50;
/** Between attempts, as Flagger's client waits. */
const betweenAttempts = { firstMs: 1_000, capMs: 30_000 };

export class HookCalls {
  private readonly deps: HookCallsDeps;
  private readonly canaries = new Map<string, Calls>();
  private readonly fair: FairShare;

  constructor(deps: HookCallsDeps) {
    this.deps = deps;
    this.fair = new FairShare({ timers: deps.clock, patienceMs });
  }

  /** What each webhook of a Canary last answered. */
  answers(canary: Canary): Record<string, HookAnswer> {
    const { byHook } = this.of(canary);
    return Object.fromEntries([...byHook].flatMap(([key, { answer }]) => (answer ? [[key, answer]] : [])));
  }

  /** Asks what has not been asked since then; does not wait. `canary` as it was saved with the decision that asks. */
  ask(canary: Canary, questions: readonly Question[], intervalMs: number): void {
    const calls = this.of(canary);
    for (const question of questions) {
      const { run } = question;
      const last = calls.byHook.get(question.hook.key);
      // One that is under way is waited for, unless it is of a run that is over.
      const isKnown = last !== undefined && last.run === run && (last.askedAt >= question.since || !last.answer);
      if (isKnown) continue;
      const call: Call = { askedAt: this.deps.clock.wall(), run };
      calls.byHook.set(question.hook.key, call);
      void this.carryOut(canary, { hook: question.hook, body: questionPayload(question, canary, intervalMs) }, call);
    }
  }

  /** Tells Flagger's `event` webhooks of an Event, once at most; does not wait. */
  tell(hooks: readonly Hook[], said: SaidStatus, told: Told): void {
    const calls = this.of(told.canary);
    for (const hook of hooks) {
      if (hook.type !== "event") continue;
      if (calls.waiting >= mostEvents) return;
      calls.waiting += 1;
      void this.attempts(told.canary, { hook, body: eventPayload(hook, said, told) }, calls).then(
        ({ passed, what }) => {
          calls.waiting -= 1;
          if (!passed)
            this.deps.log.warn(
              { canary: keyOf(told.canary), webhook: hook.name, reason: what },
              "an Event was not taken",
            );
        },
      );
    }
  }

  forget(key: string): void {
    this.canaries.get(key)?.over.abort();
    this.canaries.delete(key);
  }

  /** Another leads: what is still under way is nobody's any more. */
  clear(): void {
    for (const key of [...this.canaries.keys()]) this.forget(key);
  }

  private async carryOut(canary: Canary, request: Request, call: Call): Promise<void> {
    const calls = this.of(canary);
    const { passed, what } = await this.attempts(canary, request, calls);
    call.answer = { askedAt: call.askedAt, passed, what };
    this.deps.log.info(
      { canary: keyOf(canary), webhook: request.hook.name, type: request.hook.type, what },
      "a webhook was asked",
    );
    if (!calls.over.signal.aborted) this.deps.wake(keyOf(canary));
  }

  /** Until one is final; never rejects. */
  private async attempts(canary: Canary, { hook, body }: Request, { over }: Calls): Promise<HookResult> {
    const namespace = canary.metadata.namespace ?? "";
    const shares = [
      { key: `Canary ${canary.metadata.name ?? ""}.${namespace}`, most: mostPerCanary },
      { key: `namespace ${namespace}`, most: mostPerNamespace },
    ];
    for (let attempt = 1; ; attempt++) {
      const result = await this.fair
        .ask(shares, () => askHook(hook, body, { ...this.deps, timers: this.deps.clock, namespace }))
        .catch((error: unknown): HookResult => ({ passed: false, what: messageOf(error) }));
      if (!result.isPassing || attempt > hook.retries || over.signal.aborted) return withAttempts(result, attempt);
      await pause(this.deps.clock, backoffMs(betweenAttempts, attempt, this.deps.random), over.signal);
    }
  }

  private of(canary: Canary): Calls {
    const key = keyOf(canary);
    const { uid } = canary.metadata;
    const known = this.canaries.get(key);
    if (known && known.uid === uid) return known;
    this.forget(key);
    const fresh: Calls = { uid, byHook: new Map(), waiting: 0, over: new AbortController() };
    this.canaries.set(key, fresh);
    return fresh;
  }
}

// --- internal ---

interface Request {
  hook: Hook;
  body: string;
}

function withAttempts(result: HookResult, attempts: number): HookResult {
  return attempts > 1 ? { ...result, what: `${result.what} (attempt ${attempts})` } : result;
}
