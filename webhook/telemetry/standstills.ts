/** What keeps a Canary where it is: one series for each that something blocks, and one for each whose run waits. */
import { Gauge, type Registry } from "prom-client";
import type { WaitKind } from "../../shared/core/objects/wait-causes.ts";

interface Of {
  name: string;
  namespace: string;
}

/** Why a run waits, and what ends it; `time`: a pause that is over by itself. */
export interface Wait {
  cause: string;
  kind: WaitKind | "time";
}

export interface Standstills {
  blocked(of: Of, code: string | undefined): void;
  waiting(of: Of, wait: Wait | undefined): void;
}

export function standstills(registers: Registry[]): Standstills {
  const blocked = {
    name: "kubectl_canary_blocked",
    help: "1 while something keeps a canary from starting or moving, by the code that its status has",
    labelNames: ["code"],
  };
  const waiting = {
    name: "kubectl_canary_waiting",
    help: "1 while a run waits, by the cause in its status and what ends it: person, time, evidence, unseen, outage, answer",
    labelNames: ["cause", "kind"],
  };
  const setBlocked = singleSeries(blocked, registers);
  const setWaiting = singleSeries(waiting, registers);
  return {
    blocked: (of, code) => setBlocked(of, code === undefined ? undefined : { code }),
    waiting: (of, wait) => setWaiting(of, wait && { ...wait }),
  };
}

// --- internal ---

/** Labels beside name and namespace. */
type Further = Readonly<Record<string, string>>;

/** One series with value 1, with what is true in its labels; sets it, or takes it away. */
function singleSeries(
  about: { name: string; help: string; labelNames: readonly string[] },
  registers: Registry[],
): (of: Of, labels: Further | undefined) => void {
  const gauge = new Gauge({ ...about, labelNames: ["name", "namespace", ...about.labelNames], registers });
  const present = new Map<string, Further>();
  return ({ name, namespace }, labels) => {
    const key = `${namespace}/${name}`;
    const before = present.get(key);
    if (before) gauge.remove({ name, namespace, ...before });
    if (labels === undefined) present.delete(key);
    else {
      present.set(key, labels);
      gauge.set({ name, namespace, ...labels }, 1);
    }
  };
}
