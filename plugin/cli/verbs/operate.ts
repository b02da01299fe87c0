/** The verbs that become commands of the controller: promote, rollback, pause, resume, retry and adopt. */
import type { Argv } from "yargs";
import { parseDuration } from "../../../shared/core/format/duration.ts";
import type { CommandArgs } from "../../commands/operate/command.ts";
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { durationFlag } from "../../cluster/flags.ts";
import { countFlag, isSet, textFlag, textOf, type Values, type Verb, type VerbContext, withName } from "../verb.ts";

export const promoteVerb: Verb = {
  name: "promote",
  positionals: "<name>",
  summary: "End the analysis now and roll the change out; or go to a step of it",
  flags: (parser) =>
    withOperateFlags(withRun(parser))
      .option("full", { type: "boolean", describe: "To the end (the default)" })
      .option("to-step", textFlag("Go to this step now, and be judged from there"))
      .conflicts("full", "to-step")
      .option("force", { type: "boolean", describe: "Even if the canary is not ready or its last check failed" })
      .example("$0 promote podinfo -n test --reason 'hotfix, seen by eye'", "")
      .example("$0 promote podinfo -n test --to-step 5", ""),
  run: (values, context) => {
    const more = { force: isSet(values, "force"), toStep: countFlag(values, "to-step") };
    return operateWith({ verb: "promote", ...more }, values, context);
  },
};

export const rollbackVerb: Verb = {
  name: "rollback",
  positionals: "<name>",
  summary: "Give stable every request and reject the change; works in every phase of a run",
  flags: (parser) =>
    withOperateFlags(withRun(parser)).example("$0 rollback podinfo -n test --reason 'errors in the logs'", ""),
  run: (values, context) => operateWith({ verb: "rollback" }, values, context),
};

export const pauseVerb: Verb = {
  name: "pause",
  positionals: "<name>",
  summary: "Keep the weight as it is until resume; failed checks still roll back",
  flags: (parser) =>
    withOperateFlags(withRun(parser))
      .option("for", textFlag("Go on by itself after this long, as 30m"))
      .example("$0 pause podinfo -n test --for 30m --reason 'looking at the logs'", ""),
  run: (values, context) => operateWith({ verb: "pause", pauseFor: pauseOf(values) }, values, context),
};

export const resumeVerb: Verb = {
  name: "resume",
  positionals: "<name>",
  summary: "Go on after a pause, past a gate, or after someone lowered the weight by hand",
  flags: (parser) => withOperateFlags(withRun(parser)).example("$0 resume podinfo -n test", ""),
  run: (values, context) => operateWith({ verb: "resume" }, values, context),
};

export const retryVerb: Verb = {
  name: "retry",
  positionals: "<name>",
  summary: "Start another canary of the change that was rejected",
  flags: (parser) => withOperateFlags(parser).example("$0 retry podinfo -n test --reason 'the database was down'", ""),
  run: (values, context) => operateWith({ verb: "retry" }, values, context),
};

export const adoptVerb: Verb = {
  name: "adopt",
  positionals: "<name>",
  summary: "Accept a change that went live without a canary as the new stable",
  flags: (parser) => withOperateFlags(parser).example("$0 adopt podinfo -n test --reason 'emergency fix'", ""),
  run: (values, context) => operateWith({ verb: "adopt" }, values, context),
};

export const defaultTimeout = "10s";

/** Flags of every command that the controller answers. */
export function withOperateFlags(parser: Argv): Argv {
  return withName(parser)
    .option("reason", textFlag("Why, for the history"))
    .option(
      "timeout", // No `default`: what was typed is told apart from what was not.
      textFlag("How long to wait for the controller's answer", { defaultDescription: `"${defaultTimeout}"` }),
    );
}

export async function operateWith(args: CommandArgs, values: Values, { connect }: VerbContext): Promise<number> {
  const timeoutMs = durationFlag("timeout", textOf(values, "timeout") ?? defaultTimeout);
  const { operate } = await import("../../commands/operate/operate.ts");
  const { deps, scope } = await connect(values);
  const name = textOf(values, "name") ?? "";
  const ifRun = textOf(values, "if-run");
  return operate({ ...args, name, ifRun, reason: textOf(values, "reason"), timeoutMs }, deps, scope);
}

// --- internal ---

const withRun = (parser: Argv): Argv => parser.option("if-run", textFlag("Only if this run is still going on"));

/** As the controller reads it: one unit. */
function pauseOf(values: Values): string | undefined {
  const text = textOf(values, "for");
  if (text === undefined || (parseDuration(text) ?? 0) > 0) return text;
  throw new Refusal(`--for "${text}" is not a duration such as 90s, 30m or 2h.`, exitCode.usage);
}
