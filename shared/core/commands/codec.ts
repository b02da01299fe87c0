/**
 * The command annotation of a Canary, read and written in one way: by the plugin, by admission, and by the controller. The order
 * of the fields is what the API server's own policy knows.
 */
import { parseDuration } from "../format/duration.ts";
import type { Canary } from "../objects/canary.ts";
import { type Command, commandVerbs } from "../objects/command.ts";
import { annotation } from "../objects/names.ts";

/**
 * Undefined for anything that is no command. Fields that only explain are dropped where they cannot be read; a step or a duration
 * that cannot be read would make it another command. `by` is whatever the text says: only admission's word on it counts.
 */
export function parseCommand(text: string): Command | undefined {
  const { id, verb: typed, ...sent } = parseObject(text);
  const verb = commandVerbs.find((known) => known === typed);
  if (typeof id !== "string" || id === "" || !verb) return undefined;
  if (sent["toStep"] !== undefined && (verb !== "promote" || !isStep(sent["toStep"]))) return undefined;
  if (sent["for"] !== undefined && (verb !== "pause" || !isDuration(sent["for"]))) return undefined;
  const known = Object.entries(fields).filter(([name, isSound]) => isSound(sent[name]));
  return { id, verb, ...Object.fromEntries(known.map(([name]) => [name, sent[name]])) };
}

/** As {@link parseCommand} reads it. */
export function printCommand(command: Command): string {
  return JSON.stringify(command);
}

/** The command in the annotation, answered or not; undefined where there is none that can be read. */
export function commandIn({ metadata }: Pick<Canary, "metadata">): Command | undefined {
  const text = metadata.annotations?.[annotation.command];
  return text ? parseCommand(text) : undefined;
}

// --- internal ---

const isText = (value: unknown): boolean => typeof value === "string";
const isStep = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;
const isDuration = (value: unknown): boolean => typeof value === "string" && (parseDuration(value) ?? 0) > 0;

/** What a command may say beside its id and verb, and how it must look to be taken. */
const fields: Record<Exclude<keyof Command, "id" | "verb">, (value: unknown) => boolean> = {
  run: isText,
  toStep: isStep,
  for: isDuration,
  force: (value) => typeof value === "boolean",
  reason: isText,
  by: isText,
};

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // Not JSON is not a command either.
  }
}
