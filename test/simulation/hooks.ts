/** Webhooks in a played run: who opens what when, and how long an answer takes. */
import type { Question } from "../../shared/core/action.ts";
import type { HookAnswer } from "../../shared/core/observation.ts";
import type { Hook } from "../../shared/core/spec/hooks.ts";
import type { HookType } from "../../shared/core/objects/hook-types.ts";
import type { World } from "./world.ts";

/** `opens` answers 200, `refuses` 403, `silent` nobody answers within the time. */
export type HookSays = "opens" | "refuses" | "silent";

const answerMs = 200;

export interface HookCall {
  key: string;
  askedAt: number;
  answer: HookAnswer;
  /** When it is there. */
  at: number;
}

export function aHook(type: HookType, over: Partial<Hook> = {}): Hook {
  const name = over.name ?? "qa";
  const url = "http://loadtester.test/";
  const rest = { timeoutMs: 10_000, retries: 0, skipsVerify: false, isMuted: false, metadata: {} };
  return { key: `${type}/${name}`, name, type, url, ...rest, ...over };
}

/** Asks what has not been asked since then. */
export function askHooks(world: World, questions: readonly Question[]): void {
  for (const { hook, since } of questions) {
    const last = world.calls.findLast(({ key }) => key === hook.key);
    if (last && (last.askedAt >= since || last.at > world.now)) continue;
    const says = world.hooks[hook.key] ?? "opens";
    world.asked.push(hook.key);
    const at = world.now + (says === "silent" ? hook.timeoutMs : answerMs);
    world.calls.push({ key: hook.key, askedAt: world.now, answer: answerOf(says, world.now), at });
  }
}

/** The last answer of each. */
export function answersIn({ calls, now }: World): Record<string, HookAnswer> {
  return Object.fromEntries(calls.filter(({ at }) => at <= now).map(({ key, answer }) => [key, answer]));
}

function answerOf(says: HookSays, askedAt: number): HookAnswer {
  const what = { opens: "it answered 200", refuses: "it answered 403", silent: "it did not answer within 10s" };
  return { askedAt, passed: says === "opens", what: what[says] };
}
