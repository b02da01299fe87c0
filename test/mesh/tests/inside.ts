// Requests from inside a pod of a test: by the load generator's own Node, through its sidecar.
import { kubectl } from "../../app/install.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Ask {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How many requests, one after the other. */
  readonly times?: number;
  /** A request without an answer after this time is given up; 10 s by default. */
  readonly giveUpMs?: number;
}

/** Longer than a busy machine takes to answer. */
const GIVE_UP_MS = 10_000;

/** What came back, in order; status 0 where nothing did. `deployment` is the caller. */
export async function askFrom(namespace: string, deployment: string, ask: Ask): Promise<Answer[]> {
  const script = `
    const ask = ${JSON.stringify(ask)};
    (async () => {
      const answers = [];
      for (let at = 0; at < (ask.times ?? 1); at += 1) {
        try {
          const signal = AbortSignal.timeout(ask.giveUpMs ?? ${GIVE_UP_MS});
          const answer = await fetch(ask.url, { method: ask.method, headers: ask.headers, body: ask.body, signal });
          answers.push({ status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() });
        } catch (error) {
          answers.push({ status: 0, headers: {}, body: String(error.cause ?? error) });
        }
      }
      process.stdout.write(JSON.stringify(answers));
    })();`;
  const container = ["-c", deployment, "--", "/bin/node", "-e", script];
  return JSON.parse(await kubectl(["-n", namespace, "exec", `deployment/${deployment}`, ...container])) as Answer[];
}

/** How many of the answers have each status. */
export function statuses(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
