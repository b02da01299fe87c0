/** Gives a command to the controller, as the verb of the same name does, for the run that the person saw. */
import { operate } from "../commands/operate/operate.ts";
import type { Deps, Scope } from "../context.ts";
import { faultOf } from "../errors.ts";
import { type ActionAnswer, type ActionRequest, dashboardVerbs } from "./types.ts";

const timeoutMs = 10_000;

/** Undefined for a body that is no request of the page's. */
export function actionIn(body: unknown): ActionRequest | undefined {
  const { namespace, name, verb: word, run, reason = "" } = Object(body) as Record<string, unknown>;
  const verb = dashboardVerbs.find((one) => one === word);
  const isWell = isName(namespace) && isName(name) && isRun(run) && isText(reason, 500);
  return verb && isWell ? { namespace, name, verb, run, ...(reason === "" ? {} : { reason }) } : undefined;
}

/** As Kubernetes allows it. */
export function isName(value: unknown): value is string {
  return isText(value, 253) && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value);
}

export async function act(request: ActionRequest, deps: Deps, scope: Scope): Promise<ActionAnswer> {
  const { namespace, name, verb, run, reason } = request;
  let said = "";
  const stdout = { write: (text: string) => (said += text) };
  const stderr = { write: () => undefined };
  const args = { verb, name: `canary/${name}`, timeoutMs, reason, ifRun: run ?? undefined };
  try {
    await operate(args, { ...deps, stdout, stderr }, { ...scope, namespace });
    return { accepted: true, message: said.trim() };
  } catch (error) {
    return { accepted: false, message: faultOf(error).message };
  }
}

// --- internal ---

function isText(value: unknown, longest: number): value is string {
  return typeof value === "string" && value.length <= longest;
}

const isRun = (value: unknown): value is string | null => value === null || isText(value, 100);
