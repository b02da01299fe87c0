/** `kubectl canary doctor`. */
import { describeName, outputOf, outputOption, textOf, type Verb } from "../../verb.ts";

export const doctorVerb: Verb = {
  name: "doctor",
  positionals: "[name]",
  summary: "Find what keeps a canary from working, and say what mends it",
  flags: (parser) =>
    parser
      .positional("name", { type: "string", describe: `${describeName}; without: every Canary of the namespace` })
      .option("output", outputOption(["json", "yaml"]))
      .example("$0 doctor deploy/podinfo -n test", "exits with 1 if something is broken"),
  run: async (values, { connect }) => {
    const { doctor } = await import("../../../commands/doctor/doctor.ts");
    return doctor({ name: textOf(values, "name"), output: outputOf(values) }, await connect(values));
  },
};
