/** Where a run stands, and what is still to be told of one that is over: on the wire and in the state. */
import { gateTypes } from "./core/objects/hook-types.ts";
import type { CanaryStatus, RunStatus } from "./core/objects/canary-status.ts";
import type { AfterRunStatus, GateStatus } from "./core/objects/gate-status.ts";
import type { AfterRun, Gate, Run } from "./core/state.ts";

/** Each throws for what it cannot read, with the name of the field. */
export interface StatusReader {
  ms: (time: string, field: string) => number;
  known: <T extends string>(all: readonly T[], value: T, field: string) => void;
}

export function parseGates({ gate, hooksAt }: RunStatus, read: StatusReader): Pick<Run, "gate" | "hooksAt"> {
  return {
    ...(gate ? { gate: parseGate(gate, read) } : {}),
    ...(hooksAt ? { hooksAt: read.ms(hooksAt, "run.hooksAt") } : {}),
  };
}

export function printGates({ gate, hooksAt }: Run): Pick<RunStatus, "gate" | "hooksAt"> {
  return { ...(gate ? { gate: printGate(gate) } : {}), ...(hooksAt === undefined ? {} : { hooksAt: iso(hooksAt) }) };
}

export function parseAfterRun({ afterRun: over }: CanaryStatus, ms: StatusReader["ms"]): { afterRun?: AfterRun } {
  return over ? { afterRun: { ...over, at: ms(over.at, "afterRun.at") } } : {};
}

export function printAfterRun(over: AfterRun | undefined): { afterRun?: AfterRunStatus } {
  return over ? { afterRun: { ...over, at: iso(over.at) } } : {};
}

// --- internal ---

function parseGate({ since, askAt, until, ...gate }: GateStatus, { ms, known }: StatusReader): Gate {
  known(gateTypes, gate.type, "run.gate.type");
  return {
    ...gate,
    since: ms(since, "run.gate.since"),
    askAt: ms(askAt, "run.gate.askAt"),
    ...(until ? { until: ms(until, "run.gate.until") } : {}),
  };
}

function printGate({ since, askAt, until, ...gate }: Gate): GateStatus {
  return { ...gate, since: iso(since), askAt: iso(askAt), ...(until === undefined ? {} : { until: iso(until) }) };
}

const iso = (time: number): string => new Date(time).toISOString();
