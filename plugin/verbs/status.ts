/** `kubectl canary status`. */
import { outputFormats } from "../output.ts";
import { describeName, outputOf, outputOption, textOf, type Verb } from "../verb.ts";

export const statusVerb: Verb = {
  name: "status",
  aliases: ["get"],
  positionals: "[name]",
  summary: "Show where a canary stands, why, what is next, and what you can do",
  flags: (parser) =>
    parser
      .positional("name", { type: "string", describe: `${describeName}; without: the namespace's only one` })
      .option("output", outputOption(outputFormats))
      .example("$0 status podinfo -n test", "")
      .example("$0 status deploy/podinfo -o json", ""),
  run: async (values, { connect }) => {
    const { status } = await import("../status.ts");
    const { deps, scope } = await connect(values);
    return status({ name: textOf(values, "name"), output: outputOf(values) }, deps, scope);
  },
};
