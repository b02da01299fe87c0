/** What is asked how often, what becomes of answers, and who is woken by them: against a real server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aSpec, start } from "../../test/builders.ts";
import { aHook } from "../../test/simulation/hooks.ts";
import type { Question } from "../../shared/core/action.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Hook } from "../../shared/core/spec/hooks.ts";
import { type Clock, systemClock } from "../../shared/kube/clock.ts";
import { HookCalls } from "./hook-calls.ts";

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let bodies: Record<string, unknown>[];
let woken: string[];
let wakes: (() => void)[];
let calls: HookCalls;

beforeEach(async () => {
  [bodies, woken, wakes] = [[], [], []];
  answer = (_, response) => void response.end();
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      bodies.push(JSON.parse(text) as Record<string, unknown>);
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const wake = (key: string): void => {
    woken.push(key);
    wakes.shift()?.();
  };
  const silent = { info: () => undefined, warn: () => undefined };
  // The wait between attempts is over at once; a timeout is not.
  const after: Clock["after"] = (ms, run) => systemClock.after(ms > 5_000 ? ms : 0, run);
  const clock = { ...systemClock, after };
  calls = new HookCalls({ clock, random: () => 0, log: silent, wake, hookAddresses: ["127.0.0.1"], apiServers: [] });
});

afterEach(async () => {
  calls.clear();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const canary: Canary = {
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "podinfo", namespace: "test", uid: "uid-1" },
  spec: aSpec(),
  status: {
    phase: "WaitingPromotion",
    canaryWeight: 50,
    failedChecks: 1,
    iterations: 0,
    lastAppliedSpec: "v1-cafe",
    run: {
      id: "cafe1710-1",
      intent: "v1-cafe",
      images: {},
      requestedBy: "alice",
      stage: "analysing",
      step: 3,
      steps: 5,
      startedAt: new Date(start).toISOString(),
      stageAt: new Date(start).toISOString(),
    },
  },
};

const question = (hook: Hook, over: Partial<Question> = {}): Question => ({
  hook,
  since: 0,
  run: "cafe1710-1",
  phase: "Progressing",
  ...over,
});

const gate = (over: Partial<Hook> = {}): Hook => aHook("confirm-promotion", { url, ...over });

/** Asks, and waits until an answer wakes the Canary. */
async function asked(...questions: Question[]): Promise<void> {
  const answered = questions.map(() => new Promise<void>((resolve) => wakes.push(resolve)));
  calls.ask(canary, questions, 10_000);
  await Promise.all(answered);
}

describe("a question", () => {
  it("is sent with Flagger's fields, and its answer wakes the Canary", async () => {
    await asked(question(gate({ metadata: { cmd: "hey" } })));
    expect(bodies).toEqual([
      {
        name: "podinfo",
        namespace: "test",
        phase: "Progressing",
        checksum: "v1-cafe",
        buildId: "cafe1710-1",
        type: "confirm-promotion",
        failedChecks: 1,
        canaryWeight: 50,
        iterations: 0,
        remainingTime: 20_000_000_000,
        metadata: { cmd: "hey" },
      },
    ]);
    expect(woken).toEqual(["test/podinfo"]);
    expect(calls.answers(canary)["confirm-promotion/qa"]).toMatchObject({ passed: true, what: "it answered 200" });
  });

  it("that was asked since then is not asked again, and one that was asked before is", async () => {
    await asked(question(gate()));
    calls.ask(canary, [question(gate())], 10_000);
    expect(bodies).toHaveLength(1);
    const { askedAt } = calls.answers(canary)["confirm-promotion/qa"]!;
    await asked(question(gate(), { since: askedAt + 1 }));
    expect(bodies).toHaveLength(2);
  });

  it("under way is waited for, unless it is of a run that is over", async () => {
    const open: ServerResponse[] = [];
    const both = new Promise<void>((resolve) => {
      answer = (_, response) => void (open.push(response) === 2 && resolve());
    });
    calls.ask(canary, [question(gate())], 10_000);
    calls.ask(canary, [question(gate(), { since: Number.MAX_SAFE_INTEGER })], 10_000);
    calls.ask(canary, [question(gate(), { run: "cafe1720-2" })], 10_000);
    await both;
    expect(bodies).toHaveLength(2);
  });

  it("is tried again as often as the Canary says where the server is only unwell", async () => {
    answer = (_, response) => void response.writeHead(bodies.length < 3 ? 503 : 200).end();
    await asked(question(gate({ retries: 5 })));
    expect(calls.answers(canary)["confirm-promotion/qa"]?.what).toBe("it answered 200 (attempt 3)");
  });

  it("is tried no more often than that", async () => {
    answer = (_, response) => void response.writeHead(503).end();
    await asked(question(gate({ retries: 1 })));
    expect(bodies).toHaveLength(2);
    expect(calls.answers(canary)["confirm-promotion/qa"]).toMatchObject({ passed: false });
  });

  it("that is refused is not tried again", async () => {
    answer = (_, response) => void response.writeHead(403).end();
    await asked(question(gate({ retries: 5 })));
    expect(bodies).toHaveLength(1);
  });
});

describe("an answer", () => {
  it("is forgotten with its Canary, and is none of another one of its name", async () => {
    await asked(question(gate()));
    expect(calls.answers({ ...canary, metadata: { ...canary.metadata, uid: "uid-2" } })).toEqual({});
    await asked(question(gate()));
    calls.forget("test/podinfo");
    expect(calls.answers(canary)).toEqual({});
  });

  it("that comes when another leads wakes nobody", async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (_, response) => {
        calls.clear();
        response.end(resolve);
      };
    });
    calls.ask(canary, [question(gate())], 10_000);
    await closed;
    answer = (_, response) => void response.end();
    await asked(question(gate(), { run: "next" }));
    expect(woken).toEqual(["test/podinfo"]);
  });
});

describe("an Event", () => {
  it("is told to event webhooks alone, in the metadata", async () => {
    const told = new Promise<void>((resolve) => (answer = (_, response) => void response.end(resolve)));
    const at = new Date(start).toISOString();
    const hooks = [gate(), aHook("event", { url, metadata: { team: "shop", eventType: "mine" } })];
    calls.tell(hooks, { at, type: "Warning", message: "Halt" }, { canary, intervalMs: 10_000 });
    await told;
    const metadata = { team: "shop", eventMessage: "Halt", eventType: "Warning", timestamp: String(start) };
    expect(bodies).toMatchObject([{ type: "event", phase: "WaitingPromotion", metadata }]);
  });
});
