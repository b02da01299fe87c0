/** The plan of a release, as `plan -o json` prints it, with less simulated: the server answers nobody else meanwhile. */
import { plan } from "../commands/plan/plan.ts";
import type { PlanView } from "../commands/plan/view.ts";
import type { Session } from "../cluster/session.ts";
import { faultOf } from "../errors.ts";

/** Some tenths of a second. */
const effort = { looks: 6_000, runs: 100 };

export interface PlanQuestion {
  namespace: string;
  name: string;
  /** Requests per second; undefined: of the last hour, as Prometheus says. */
  rps: number | undefined;
}

/** A sentence where there is no plan, such as for want of traffic. */
export async function planFor({ namespace, name, rps }: PlanQuestion, session: Session): Promise<PlanView | string> {
  const { deps, scope } = session;
  let printed = "";
  const io = { ...deps, stdout: { write: (text: string) => (printed += text) } };
  const args = { name: `canary/${name}`, rps, failuresPercent: undefined, seed: 1, suggest: false, effort };
  try {
    await plan({ ...args, output: "json" }, io, () => Promise.resolve({ ...session, scope: { ...scope, namespace } }));
    return JSON.parse(printed) as PlanView;
  } catch (error) {
    return faultOf(error).message;
  }
}

/** Undefined where none is given, or what is given is no rate. */
export function rateIn(text: unknown): number | undefined {
  const rate = typeof text === "string" && text.trim() !== "" ? Number(text) : NaN;
  return rate > 0 && rate <= 1_000_000 ? rate : undefined;
}
