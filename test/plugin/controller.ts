/** In the controller's place: answers the first command that is written into a Canary, as the test says. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Command } from "../../shared/core/objects/command.ts";
import { annotation } from "../../shared/core/objects/names.ts";
import type { Cluster, Place } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { ago } from "./seen.ts";
import { setStatus } from "./place.ts";

/** The command in the Canary's annotation, once there is one other than `except`. */
export function nextCommand(cluster: Cluster, at: Place, except?: string): Promise<Command> {
  const look = async (): Promise<Command | ReturnType<typeof unmet>> => {
    const canary = await cluster.get<Canary>(resource.canaries, at);
    const text = canary.metadata.annotations?.[annotation.command];
    const command = text ? (JSON.parse(text) as Command) : undefined;
    return command && command.id !== except ? command : unmet(text ?? "no command");
  };
  return waitFor(look, 20_000, "a command to be written", 20);
}

/** Writes the answer into the status and returns the command. */
export async function answerNext(
  cluster: Cluster,
  at: Place,
  answer: { accepted: boolean; message: string },
  except?: string,
): Promise<Command> {
  const command = await nextCommand(cluster, at, except);
  const canary = await cluster.get<Canary>(resource.canaries, at);
  const lastCommand = { id: command.id, verb: command.verb, by: "alice", at: ago(0), ...answer };
  await setStatus(cluster, canary, { lastCommand });
  return command;
}
