/** `kubectl canary history` and `events`: what was. */
import { outputFormats } from "../../render/output.ts";
import { countFlag, outputOf, outputOption, textFlag, textOf, type Verb, withName } from "../verb.ts";

export const historyVerb: Verb = {
  name: "history",
  positionals: "<name>",
  summary: "List what was tried: image, who, when, outcome, duration and reason",
  flags: (parser) =>
    withName(parser)
      .option("limit", textFlag("Newest runs to show", { default: "20" }))
      .option("output", outputOption(outputFormats))
      .example("$0 history podinfo -n test", ""),
  run: async (values, { connect }) => {
    const limit = countFlag(values, "limit") ?? 20;
    const { history } = await import("../../commands/history.ts");
    const { deps, scope } = await connect(values);
    return history({ name: textOf(values, "name") ?? "", limit, output: outputOf(values) }, deps, scope);
  },
};

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
