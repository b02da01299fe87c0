/** `kubectl canary status`. */
import { outputFormats } from "../../render/output.ts";
import { describeName, isSet, outputOf, outputOption, textOf, type Verb } from "../verb.ts";

export const statusVerb: Verb = {
  name: "status",
  aliases: ["get"],
  positionals: "[name]",
  summary: "Show where a canary stands, why, what is next, and what you can do",
  flags: (parser) =>
    parser
      .positional("name", { type: "string", describe: `${describeName}; without: the namespace's only one` })
      .option("output", outputOption(outputFormats))
      .option("exit-code", {
        type: "boolean",
        describe:
          "Exit with 3 when the change was rolled back, 4 when it waits for a person, 1 when no controller is alive",
      })
      .example("$0 status podinfo -n test", "")
      .example("$0 status deploy/podinfo -o json", ""),
  run: async (values, { connect }) => {
    const { status } = await import("../../commands/status.ts");
    const { deps, scope } = await connect(values);
    return status(
      { name: textOf(values, "name"), output: outputOf(values), exitCode: isSet(values, "exit-code") },
      deps,
      scope,
    );
  },
};
