/**
 * Commands of the plugin travel as an annotation of the Canary. Who gave one is what the API server authenticated, so the
 * name is stamped here; a command once given is not edited, and a Canary is not born with one (a backup or copy would be).
 */
import { annotation } from "../../shared/core/objects/names.ts";
import { type Canary } from "../../shared/core/objects/canary.ts";
import { parseCommand, printCommand } from "../../shared/core/commands/codec.ts";
import { commandVerbs } from "../../shared/core/objects/command.ts";

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
  const { by: _claimed, ...asked } = command;
  const text = given?.id === command.id ? before : printCommand({ ...asked, by: user });
  return { ok: true, canary: withText(canary, text) };
}

// --- internal ---

const malformed =
  `the annotation ${annotation.command} holds no command that can be read: ` +
  `use kubectl canary ${commandVerbs.filter((verb) => verb !== "undo-now").join(", ")}`;

/** A PUT of a manifest has no UID; what it leaves out was not decided by anyone. Others withdraw a command by removing it. */
const isManifest = (canary: Canary): boolean => canary.metadata.uid === undefined;

const textOf = (canary: Canary | undefined): string | undefined => canary?.metadata.annotations?.[annotation.command];

function withText(canary: Canary, text: string | undefined): Canary {
  const annotations = { ...canary.metadata.annotations };
  if (text === undefined) delete annotations[annotation.command];
  else annotations[annotation.command] = text;
  return { ...canary, metadata: { ...canary.metadata, annotations } };
}
