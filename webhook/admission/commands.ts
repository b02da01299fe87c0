/**
 * Commands of the plugin travel as an annotation of the Canary. Who gave one is what the API server authenticated, so the
 * name is stamped here; a command once given is not edited, and a Canary is not born with one (a backup or copy would be).
 */
import { annotation } from "../../shared/core/objects/names.ts";
import { type Canary } from "../../shared/core/objects/canary.ts";
import { type Command, verbs } from "../../shared/core/objects/command.ts";
import { parseDuration } from "../../shared/core/format/duration.ts";

export type Stamped = { ok: true; canary: Canary } | { ok: false; message: string };

/** `oldCanary` is absent on creation. The arguments are not changed; an unchanged canary is returned as it is. */
export function stampCommand(canary: Canary, oldCanary: Canary | undefined, user: string): Stamped {
  const before = textOf(oldCanary);
  const sent = textOf(canary);
  if (sent === before) return { ok: true, canary };
  if (!oldCanary) return { ok: true, canary: withText(canary, undefined) };
  if (sent === undefined) return { ok: true, canary: isManifest(canary) ? withText(canary, before) : canary };
  const command = parseCommand(sent);
  if (!command) return { ok: false, message: malformed };
  const given = before === undefined ? undefined : parseCommand(before);
  const text = given?.id === command.id ? before : JSON.stringify({ ...command, by: user });
  return { ok: true, canary: withText(canary, text) };
}

/**
 * The fields of a command in a fixed order; undefined for anything that is none. What it says about `by` is dropped, and
 * so is what only explains; a step or a duration that cannot be read would make it another command.
 */
export function parseCommand(text: string): Omit<Command, "by"> | undefined {
  const { id, verb: typed, ...sent } = parseObject(text);
  const verb = verbs.find((known) => known === typed);
  if (typeof id !== "string" || id === "" || !verb) return undefined;
  if (sent["toStep"] !== undefined && (verb !== "promote" || !isStep(sent["toStep"]))) return undefined;
  if (sent["for"] !== undefined && (verb !== "pause" || !isDuration(sent["for"]))) return undefined;
  const known = Object.entries(fields).filter(([name, isSound]) => isSound(sent[name]));
  return { id, verb, ...Object.fromEntries(known.map(([name]) => [name, sent[name]])) };
}

// --- internal ---

const malformed =
  `the annotation ${annotation.command} holds no command that can be read: ` + `use kubectl canary ${verbs.join(", ")}`;

const isText = (value: unknown): boolean => typeof value === "string";
const isStep = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;
const isDuration = (value: unknown): boolean => typeof value === "string" && (parseDuration(value) ?? 0) > 0;

/** What a command may say beside its id and verb, and how it must look to be taken. */
const fields: Record<Exclude<keyof Command, "id" | "verb" | "by">, (value: unknown) => boolean> = {
  run: isText,
  toStep: isStep,
  for: isDuration,
  force: (value) => typeof value === "boolean",
  reason: isText,
};

/** A PUT of a manifest has no UID; what it leaves out was not decided by anyone. Others withdraw a command by removing it. */
const isManifest = (canary: Canary): boolean => canary.metadata.uid === undefined;

const textOf = (canary: Canary | undefined): string | undefined => canary?.metadata.annotations?.[annotation.command];

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // Not JSON is not a command either.
  }
}

function withText(canary: Canary, text: string | undefined): Canary {
  const annotations = { ...canary.metadata.annotations };
  if (text === undefined) delete annotations[annotation.command];
  else annotations[annotation.command] = text;
  return { ...canary, metadata: { ...canary.metadata, annotations } };
}
