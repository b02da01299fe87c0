/** `kubectl canary events`. */
import { outputFormats } from "../../render/output.ts";
import { countFlag, outputOf, outputOption, textFlag, textOf, type Verb, withName } from "../verb.ts";

export const eventsVerb: Verb = {
  name: "events",
  positionals: "<name>",
  summary: "List what the controller said about a canary, the newest last",
  flags: (parser) =>
    withName(parser)
      .option("limit", textFlag("Newest events to show", { default: "50" }))
      .option("output", outputOption(outputFormats))
      .example("$0 events podinfo -n test", ""),
  run: async (values, { connect }) => {
    const limit = countFlag(values, "limit") ?? 50;
    const { events } = await import("../../commands/events.ts");
    const { deps, scope } = await connect(values);
    return events({ name: textOf(values, "name") ?? "", limit, output: outputOf(values) }, deps, scope);
  },
};
