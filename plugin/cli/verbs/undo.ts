/** `kubectl canary undo`. */
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { textFlag, textOf, type Verb } from "../verb.ts";
import { operateWith, withOperateFlags } from "./operate.ts";

export const undoVerb: Verb = {
  name: "undo",
  positionals: "<name>",
  summary: "Take back a change that went live without a canary; or go back to a promoted version",
  flags: (parser) =>
    withOperateFlags(parser)
      .option("to", textFlag("Image, hash or run of a version in the history: set again, and canaried like any change"))
      .example("$0 undo podinfo -n test", "")
      .example("$0 undo podinfo -n test --to podinfo:1.7.0", ""),
  run: async (values, context) => {
    const to = textOf(values, "to");
    if (to === undefined) return operateWith({ verb: "undo" }, values, context);
    if (to === "")
      throw new Refusal("--to is empty: give an image, a hash or a run of kubectl canary history.", exitCode.usage);
    const idle = ["reason", "timeout"].find((flag) => textOf(values, flag) !== undefined);
    if (idle)
      throw new Refusal(
        `--${idle} does not go with --to: that sets the Deployment itself, and no controller is asked.`,
        exitCode.usage,
      );
    const { undoTo } = await import("../../commands/undo.ts");
    const { deps, scope } = await context.connect(values);
    return undoTo({ name: textOf(values, "name") ?? "", to }, deps, scope);
  },
};
