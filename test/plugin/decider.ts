/**
 * The controller's own decisions behind a real API server: commands are read as they are written and answered in the status,
 * with the builders' world around them, in which nothing else moves.
 */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { decide } from "../../shared/core/decide.ts";
import type { CanaryState } from "../../shared/core/state.ts";
import type { Observation } from "../../shared/core/observation.ts";
import type { Cluster, Place } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { parseStatus, printStatus } from "../../shared/canary-status.ts";
import { parseCommand } from "../../webhook/admission/commands.ts";
import { annotation } from "../../shared/core/objects/names.ts";
import { anObservation, aPolicy, aRunObservation } from "../builders.ts";
import { now } from "./seen.ts";

const policy = aPolicy();

/** A status as the controller writes it. */
export function statusOf(state: CanaryState): NonNullable<Canary["status"]> {
  const route = {
    kind: "TrafficSplit",
    apiVersion: "split.smi-spec.io/v1alpha2",
    name: "podinfo",
    why: "it is there",
  } as const;
  return printStatus(state, { generation: 1, steps: policy.weights.length, now, route });
}

export interface Decider {
  /** Ids of the commands that were answered, in order. */
  answered: string[];
  stop: () => Promise<void>;
}

/** Answers every command of the Canary until it is stopped. `world` overrides what is seen beside the run. */
export function startDecider(
  cluster: Cluster,
  at: Place & { namespace: string },
  world: Partial<Observation> = {},
): Decider {
  const ending = new AbortController();
  const answered: string[] = [];
  const running = answerAll({ cluster, at, world, answered, signal: ending.signal });
  return {
    answered,
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}

// --- internal ---

interface Answering {
  cluster: Cluster;
  at: Place & { namespace: string };
  world: Partial<Observation>;
  answered: string[];
  signal: AbortSignal;
}

async function answerAll(answering: Answering): Promise<void> {
  const { cluster, at, signal } = answering;
  const first = await cluster.get<Canary>(resource.canaries, at);
  await answer(first, answering);
  const query = { namespace: at.namespace, resourceVersion: first.metadata.resourceVersion ?? "" };
  for await (const event of cluster.watch<Canary>(resource.canaries, query, signal))
    if (event.type === "MODIFIED") await answer(event.object, answering);
}

/** A version that is no longer the newest cannot be answered; the newer one is on its way. */
async function answer(canary: Canary, { cluster, world, answered }: Answering): Promise<void> {
  const command = parseCommand(canary.metadata.annotations?.[annotation.command] ?? "");
  if (!command || command.id === canary.status?.lastCommand?.id) return;
  const state = parseStatus(canary);
  const ready = Math.max(1, Math.ceil((state.weight / 100) * 4));
  const around = state.run ? aRunObservation(state.weight, ready) : anObservation();
  const { state: next } = decide(state, { ...around, ...world, now, command: { ...command, by: "alice" } }, policy);
  try {
    await cluster.replace(resource.canaries, { ...canary, status: statusOf(next) }, { subresource: "status" });
    answered.push(command.id);
  } catch (error) {
    if (!hasCode(error, "Conflict")) throw error;
  }
}
