/** Webhooks in a played run: who opens what when, and how long an answer takes. */
import type { Question } from "../../shared/core/action.ts";
import type { HookAnswer } from "../../shared/core/observation.ts";
import type { Hook } from "../../shared/core/spec/hooks.ts";
import type { HookType } from "../../shared/core/objects/hook-types.ts";
import type { World } from "./world.ts";

/** What each kind of server comes to, in the words of whoever asks it. */
export const hookWords = {
  opens: "it answered 200",
  /** Its answer never ends. */
  endless: "it answered 200",
  refuses: "it answered 403",
  unwell: "it answered 503",
  redirects: "it answered 302, a redirect, which is not followed",
  closes: "it cannot be reached (ECONNRESET)",
  "is away": "it cannot be reached (ECONNREFUSED)",
  "has another's certificate": "TLS to it fails (UNABLE_TO_VERIFY_LEAF_SIGNATURE)",
  silent: "it did not answer within 10s",
} as const;

export type HookSays = keyof typeof hookWords;

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
  return { askedAt, passed: says === "opens" || says === "endless", what: hookWords[says] };
}
