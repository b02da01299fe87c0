import { Gauge, type Registry } from "prom-client";

/** One series for each Canary that something blocks, with its code; sets it, or takes it away where there is none. */
export function blockedGauge(
  registers: Registry[],
): (subject: { name: string; namespace: string }, code: string | undefined) => void {
  const gauge = new Gauge({
    name: "kubectl_canary_blocked",
    help: "1 while something keeps a canary from starting or moving, by the code that its status has",
    labelNames: ["name", "namespace", "code"] as const,
    registers,
  });
  const codes = new Map<string, string>();
  return ({ name, namespace }, code) => {
    const key = `${namespace}/${name}`;
    const before = codes.get(key);
    if (before === code) return;
    if (before !== undefined) gauge.remove({ name, namespace, code: before });
    if (code === undefined) codes.delete(key);
    else {
      codes.set(key, code);
      gauge.set({ name, namespace, code }, 1);
    }
  };
}
