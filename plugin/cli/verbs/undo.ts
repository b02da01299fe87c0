/** `kubectl canary undo`. */
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { durationFlag } from "../../cluster/flags.ts";
import { isSet, textFlag, textOf, type Values, type Verb } from "../verb.ts";
import { operateWith, withOperateFlags } from "./operate.ts";

export const undoVerb: Verb = {
  name: "undo",
  positionals: "<name>",
  summary: "Take back a change that went live without a canary; or go back to a promoted version",
  flags: (parser) =>
    withOperateFlags(parser)
      .option("to", textFlag("Image, hash or run of a version in the history: set again, and canaried like any change"))
      .option("now", {
        type: "boolean",
        describe: `With --to: it was stable before, so it goes out at once, by the Deployment's own rolling update; --timeout is ${defaultTimeout} then`,
      })
      .example("$0 undo podinfo -n test", "")
      .example("$0 undo podinfo -n test --to podinfo:1.7.0", "")
      .example("$0 undo podinfo -n test --to podinfo:1.7.0 --now --reason 'errors since noon'", ""),
  run: async (values, context) => {
    const to = textOf(values, "to");
    if (to === undefined && isSet(values, "now"))
      throw new Refusal("--now goes with --to VERSION: which version is to go out at once?", exitCode.usage);
    if (to === undefined) return operateWith({ verb: "undo" }, values, context);
    if (to === "")
      throw new Refusal("--to is empty: give an image, a hash or a run of kubectl canary history.", exitCode.usage);
    const now = isSet(values, "now") ? nowOf(values) : undefined;
    const idle = ["reason", "timeout"].find((flag) => textOf(values, flag) !== undefined);
    if (idle && !now)
      throw new Refusal(
        `--${idle} does not go with --to: that sets the Deployment itself, and no controller is asked.`,
        exitCode.usage,
      );
    const { undoTo } = await import("../../commands/undo/undo.ts");
    const { deps, scope } = await context.connect(values);
    return undoTo({ name: textOf(values, "name") ?? "", to, now }, deps, scope);
  },
};

// --- internal ---

/** A run that is under way may have to be wound up before the next begins. */
const defaultTimeout = "30s";

function nowOf(values: Values): { reason: string | undefined; timeoutMs: number } {
  const timeoutMs = durationFlag("timeout", textOf(values, "timeout") ?? defaultTimeout);
  return { reason: textOf(values, "reason"), timeoutMs };
}
